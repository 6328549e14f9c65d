#include "base/task_group.h"

#include <exception>
#include <utility>

#include "base/event_loop.h"

namespace headgate {

void TaskGroup::spawn(Task<void> task) {
  if (closed_) {
    return;
  }
  ++running_;
  EventLoop::current()->spawn(track(std::move(task)));
}

Task<void> TaskGroup::track(Task<void> task) {
  std::exception_ptr failure;
  try {
    co_await std::move(task);
  } catch (...) {
    failure = std::current_exception();
  }
  if (--running_ == 0) {
    idle_.notify();
  }
  if (failure) {
    std::rethrow_exception(failure);
  }
}

Task<bool> TaskGroup::close(SteadyTime until) {
  closed_ = true;
  while (running_ > 0) {
    const bool notified = co_await idle_.wait_until(until);
    if (!notified) {
      co_return false;
    }
  }
  co_return true;
}

}  // namespace headgate
