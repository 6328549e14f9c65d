#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/clock.h"

namespace headgate::routing {

/// One key of a provider: when it rests, and how often it was used in the last minute. Thread safe.
class KeyState final {
 public:
  /// Counts one call if the key does not rest and stays within `per_minute` (0: no limit).
  bool take(std::uint64_t per_minute, SteadyTime now);
  /// Rests for the time the provider named, else for a second, doubled each time in a row.
  void rate_limited(std::optional<std::chrono::milliseconds> retry_after, SteadyTime now);
  /// The provider refuses the key: rests for 5 s, doubled each time in a row up to 5 minutes.
  void refused(SteadyTime now);
  /// The provider took the key.
  void accepted();
  /// Ends any rest.
  void wake();

  /// When it can be used again as far as rests go; not later than `now` if it can.
  SteadyTime rests_until() const;
  bool rests(SteadyTime now) const { return rests_until() > now; }
  /// Whether the provider's last word on the key was a refusal.
  bool is_refused() const { return refused_in_row_.load(std::memory_order_relaxed) != 0; }
  /// Calls in the last minute.
  std::uint64_t recent(SteadyTime now) const;
  /// When a call would be within `per_minute`; `now` if it is.
  SteadyTime free_at(std::uint64_t per_minute, SteadyTime now) const;

 private:
  /// A second each. A minute reaches into 61 of them.
  static constexpr std::size_t kSlices = 61;
  void forget_before(std::int64_t second) const;

  std::atomic<std::int64_t> rests_until_{0};  ///< steady nanoseconds
  std::atomic<std::uint32_t> limited_in_row_{0};
  std::atomic<std::uint32_t> refused_in_row_{0};

  mutable std::mutex mutex_;  // guards the window
  mutable std::array<std::uint32_t, kSlices> calls_{};
  mutable std::int64_t newest_ = 0;  ///< second of the newest slice
  mutable std::uint64_t sum_ = 0;
};

/// The keys of a provider, used in turn. The keys' states outlive the pool: a reload makes a pool
/// of the same states. Thread safe. A provider without keys has one state, for its rate.
class KeyPool final {
 public:
  /// The states are shared by all pools that a key is in.
  KeyPool(std::vector<std::shared_ptr<KeyState>> keys, std::uint64_t per_minute)
      : keys_(std::move(keys)), per_minute_(per_minute) {}

  enum class Load : std::uint8_t {
    Free,
    Busy,  ///< every usable key is over 80 % of the declared rate
    Full,  ///< no key can be used now
  };
  struct Look {
    Load load = Load::Free;
    bool limited = false;  ///< of Full: a key rests because it met a limit
    bool refused = false;  ///< of Full: a key rests because the provider refused it
    SteadyTime free_at{};  ///< of Full: when the first key can be used again
  };
  Look look(SteadyTime now) const;
  /// The next key that can be used, with one call counted on it.
  std::optional<std::size_t> take(SteadyTime now);
  /// Whether a key beside this one can be used.
  bool has_other(std::size_t but, SteadyTime now) const;
  KeyState& at(std::size_t index) { return *keys_[index]; }
  const KeyState& at(std::size_t index) const { return *keys_[index]; }
  std::size_t size() const { return keys_.size(); }
  std::uint64_t per_minute() const { return per_minute_ * keys_.size(); }
  /// Whether a pool of these would be the same.
  bool is_of(const std::vector<std::shared_ptr<KeyState>>& keys, std::uint64_t per_minute) const {
    return keys_ == keys && per_minute_ == per_minute;
  }

 private:
  const std::vector<std::shared_ptr<KeyState>> keys_;  // see above
  const std::uint64_t per_minute_;                     ///< of each key; 0: no limit
  std::atomic<std::size_t> turn_{0};
};

}  // namespace headgate::routing
