#pragma once

#include <array>
#include <cstdint>
#include <mutex>

#include "base/clock.h"

namespace headgate::routing {

/// Bounds the retries of one model, so that an outage is never multiplied: over the last ten
/// seconds, in slices of one, `ratio` retries a request and `per_second` a second besides. Exact
/// under any number of threads.
class RetryBudget final {
 public:
  static constexpr std::int64_t kSeconds = 10;

  /// One request has arrived.
  void request(SteadyTime now);
  /// Counts a retry if it is within the budget.
  bool take(double ratio, double per_second, SteadyTime now);

  struct Counts {
    std::uint64_t requests = 0;
    std::uint64_t retries = 0;
    std::uint64_t refused = 0;  ///< retries, ever
  };
  Counts counts(SteadyTime now) const;

 private:
  struct Slice {
    std::int64_t second = -1;
    std::uint32_t requests = 0;
    std::uint32_t retries = 0;
  };
  Slice& slice(std::int64_t second);
  Counts sum(std::int64_t second) const;

  mutable std::mutex mutex_;  // guards all below
  std::array<Slice, kSeconds> slices_{};
  std::uint64_t refused_ = 0;
};

}  // namespace headgate::routing
