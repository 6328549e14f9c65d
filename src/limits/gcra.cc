#include "limits/gcra.h"

#include <algorithm>

namespace headgate::limits {
namespace {

std::int64_t nanoseconds_of(SteadyTime time) {
  return std::chrono::nanoseconds(time.time_since_epoch()).count();
}

std::uint64_t left(const GcraRate& rate, std::int64_t ahead) {
  const std::int64_t room = rate.tolerance + rate.interval - ahead;
  return room <= 0 ? 0 : static_cast<std::uint64_t>(room / rate.interval);
}

/// How far `state` lies ahead of now, at most as far as this rate ever lets it.
std::int64_t ahead_of(const GcraRate& rate, std::int64_t state, std::int64_t now) {
  return std::clamp<std::int64_t>(state - now, 0, rate.tolerance + rate.interval);
}

}  // namespace

GcraRate GcraRate::of(std::uint64_t count, std::chrono::nanoseconds window, std::uint64_t burst) {
  if (count == 0 || window.count() <= 0) {
    return {};
  }
  // A year of tolerance is beyond any sense and far from overflow.
  constexpr std::int64_t kLongest = 365LL * 24 * 3600 * 1'000'000'000;
  const auto whole = static_cast<std::uint64_t>(window.count());
  const std::uint64_t interval = std::max<std::uint64_t>((whole + count - 1) / count, 1);
  const std::uint64_t at_once = burst == 0 ? count : burst;
  const std::uint64_t most = static_cast<std::uint64_t>(kLongest) / interval;
  const std::uint64_t early = std::min(at_once - 1, most);
  return {static_cast<std::int64_t>(interval), static_cast<std::int64_t>(interval * early)};
}

GcraVerdict gcra_decide(const GcraRate& rate, std::int64_t state, SteadyTime now) {
  const std::int64_t at = nanoseconds_of(now);
  const std::int64_t ahead = ahead_of(rate, state, at);
  GcraVerdict verdict;
  if (ahead > rate.tolerance) {
    verdict.retry_after = std::chrono::nanoseconds(ahead - rate.tolerance);
    verdict.reset_after = std::chrono::nanoseconds(ahead);
    return verdict;
  }
  verdict.allowed = true;
  verdict.next = at + ahead + rate.interval;
  verdict.remaining = left(rate, ahead + rate.interval);
  verdict.reset_after = std::chrono::nanoseconds(ahead + rate.interval);
  return verdict;
}

GcraVerdict gcra_look(const GcraRate& rate, std::int64_t state, SteadyTime now) {
  const std::int64_t ahead = ahead_of(rate, state, nanoseconds_of(now));
  GcraVerdict verdict;
  verdict.allowed = ahead <= rate.tolerance;
  verdict.next = state;
  verdict.remaining = left(rate, ahead);
  verdict.retry_after = std::chrono::nanoseconds(std::max<std::int64_t>(ahead - rate.tolerance, 0));
  verdict.reset_after = std::chrono::nanoseconds(ahead);
  return verdict;
}

GcraVerdict GcraCell::take(SteadyTime now) {
  std::int64_t state = state_.load(std::memory_order_relaxed);
  for (;;) {
    const GcraVerdict verdict = gcra_decide(rate_, state, now);
    if (!verdict.allowed ||
        state_.compare_exchange_weak(state, verdict.next, std::memory_order_relaxed)) {
      return verdict;
    }
  }
}

}  // namespace headgate::limits
