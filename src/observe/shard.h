#pragma once

#include <cstddef>

namespace headgate::observe {

namespace detail {
inline constinit thread_local std::size_t this_shard = 0;
}

/// Which of the per-loop structures of metrics and request log the calling thread writes. Shard 0
/// is shared by every thread that has claimed none and is written with locked instructions; the
/// others belong to one thread each and cost plain ones.
inline std::size_t current_shard() { return detail::this_shard; }

/// Gives the calling thread shard `index` (from 1: event loop number plus one) while it lives. No
/// two threads may hold the same one at a time.
class ShardClaim final {
 public:
  explicit ShardClaim(std::size_t index) : previous_(detail::this_shard) {
    detail::this_shard = index;
  }
  ~ShardClaim() { detail::this_shard = previous_; }
  ShardClaim(const ShardClaim&) = delete;
  ShardClaim& operator=(const ShardClaim&) = delete;

 private:
  std::size_t previous_;
};

}  // namespace headgate::observe
