#pragma once

#include <atomic>

#include "base/event_loop.h"
#include "base/task.h"
#include "dispatch/services.h"

namespace headgate::app {

/// Asks providers whose targets' breakers are open whether they are back, so that a target is tried
/// again long before its breaker's time is over.
class BreakerProbes final {
 public:
  /// Borrows all; asks on `loop`.
  BreakerProbes(EventLoop& loop, dispatch::Services services) : loop_(loop), services_(services) {}

  /// Asks once, unless that is still under way. Any thread; to be called about once a second.
  void tick();

 private:
  Task<void> look();

  EventLoop& loop_;
  dispatch::Services services_;
  std::atomic<bool> asking_{false};
};

}  // namespace headgate::app
