#pragma once

#include <cstddef>

#include "base/signal.h"
#include "base/task.h"

namespace headgate {

/// Background work of one owner on one loop. The owner closes it and waits for what it started.
class TaskGroup final {
 public:
  /// Starts `task` on the current loop. Ignored after close().
  void spawn(Task<void> task);
  /// Takes no more tasks and returns when all that were started have ended, or at `until` (false).
  Task<bool> close(SteadyTime until);
  std::size_t running() const { return running_; }

 private:
  Task<void> track(Task<void> task);

  std::size_t running_ = 0;
  bool closed_ = false;
  Signal idle_;
};

}  // namespace headgate
