#pragma once

#include <memory>

#include "base/clock.h"
#include "base/task.h"

namespace headgate {

/// Lets one coroutine wait for an event on its own loop. `notify` before `wait` is remembered.
class Signal final {
 public:
  Signal();
  ~Signal();
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  /// Returns when notified. At most one waiter at a time.
  Task<void> wait();
  /// As wait(); false if `when` passes first.
  Task<bool> wait_until(SteadyTime when);
  /// Wakes the waiter soon (never inside this call), or the next one to wait. Same loop only.
  void notify();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Suspends for at least `delay`, coarsely (one tick of the loop's deadline list).
Task<void> sleep_for(std::chrono::milliseconds delay);

}  // namespace headgate
