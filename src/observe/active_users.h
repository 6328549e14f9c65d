#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace headgate::observe {

/// How many distinct principals were seen lately. Kept per shard (see shard.h); each shard
/// remembers some thousands and forgets the longest unseen beyond that.
class ActiveUsers final {
 public:
  static constexpr std::chrono::seconds kWindow{300};

  explicit ActiveUsers(std::size_t shards);

  /// Notes that `principal_id` is there at `now`. Any thread; no lock, no allocation.
  void seen(std::string_view principal_id, SteadyTime now);
  /// Distinct principals seen within kWindow before `now`. Any thread.
  std::size_t count(SteadyTime now) const;

 private:
  struct Slot {
    std::atomic<std::uint64_t> id{0};        // hash of the principal's id, 0: free
    std::atomic<std::int64_t> last_seen{0};  // steady seconds
  };
  static constexpr std::size_t kSlots = 8192;
  static constexpr std::size_t kProbes = 16;

  std::vector<std::unique_ptr<Slot[]>> shards_;
};

}  // namespace headgate::observe
