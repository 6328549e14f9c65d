#include "app/loop_lag.h"

#include <algorithm>

namespace headgate::app {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;

LoopLag::LoopLag(std::span<EventLoop* const> loops, const Clock& clock)
    : clock_(clock), last_(loops.size()) {
  for (EventLoop* loop : loops) {
    probes_.push_back({.loop = loop});
  }
}

milliseconds LoopLag::measure() {
  microseconds longest{0};
  for (std::size_t i = 0; i < probes_.size(); ++i) {
    Probe& probe = probes_[i];
    microseconds lag{0};
    if (probe.under_way) {
      const std::int64_t answered = probe.answered->load(std::memory_order_acquire);
      const SteadyTime until =
          answered == 0 ? clock_.steady() : SteadyTime(SteadyTime::duration(answered));
      lag = std::max(microseconds(0), duration_cast<microseconds>(until - probe.sent));
      probe.under_way = answered == 0;
    }
    last_[i].store(lag.count(), std::memory_order_relaxed);
    longest = std::max(longest, lag);
    if (!probe.under_way) {
      send(probe);
    }
  }
  return duration_cast<milliseconds>(longest);
}

void LoopLag::send(Probe& probe) {
  probe.answered->store(0, std::memory_order_relaxed);
  probe.under_way = true;
  probe.sent = clock_.steady();
  probe.loop->post([answered = probe.answered, &clock = clock_] {
    answered->store(clock.steady().time_since_epoch().count(), std::memory_order_release);
  });
}

microseconds LoopLag::last(std::size_t loop) const {
  return microseconds(last_[loop].load(std::memory_order_relaxed));
}

}  // namespace headgate::app
