#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace headgate::limits {

/// A rate by the generic cell rate algorithm: `burst` requests at once, then one each `interval`.
struct GcraRate {
  std::int64_t interval = 0;   ///< nanoseconds between requests; 0: no limit
  std::int64_t tolerance = 0;  ///< nanoseconds a request may come early: interval * (burst - 1)

  /// `count` requests in each `window`, `burst` of them at once (0: all of them).
  static GcraRate of(std::uint64_t count, std::chrono::nanoseconds window, std::uint64_t burst);
};

/// What a rate says about one request.
struct GcraVerdict {
  bool allowed = false;
  std::int64_t next = 0;                    ///< the state after the request, if allowed
  std::uint64_t remaining = 0;              ///< requests that could follow at once
  std::chrono::nanoseconds retry_after{0};  ///< until one would be allowed; 0 if it is
  std::chrono::nanoseconds reset_after{0};  ///< until the whole burst is available again
};

/// Decides on one request at `now`. `state` is the theoretical arrival time in steady nanoseconds
/// that the last allowed request left behind, 0 at first. A state from a slower rate counts as used
/// up, no more. Pure.
GcraVerdict gcra_decide(const GcraRate& rate, std::int64_t state, SteadyTime now);
/// As gcra_decide, without a request: what remains and when it is full.
GcraVerdict gcra_look(const GcraRate& rate, std::int64_t state, SteadyTime now);

/// A rate shared by threads without a lock: of any number of simultaneous requests exactly the
/// allowed number pass.
class GcraCell final {
 public:
  explicit GcraCell(GcraRate rate) : rate_(rate) {}
  GcraVerdict take(SteadyTime now);

 private:
  const GcraRate rate_;
  std::atomic<std::int64_t> state_{0};
};

}  // namespace headgate::limits
