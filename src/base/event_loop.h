#pragma once

#include <functional>
#include <memory>

#include "base/deadline_list.h"
#include "base/task.h"

namespace headgate {

/// One thread's event loop: sockets, coroutines, coarse timers and a mailbox.
///
/// Its io_context takes no locks, so nothing may touch it from another thread but `post` and
/// `stop`.
class EventLoop final {
 public:
  using Callback = std::move_only_function<void()>;

  /// `index` tells the loops of a process apart, from 0.
  explicit EventLoop(unsigned index = 0);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Runs until stop(); the calling thread becomes this loop's thread.
  void run();
  /// Ends run() soon. Any thread.
  void stop();
  /// Runs `callback` on this loop. Any thread; order is kept per thread.
  void post(Callback callback);
  /// Starts `task` on this loop, from this loop's thread (or before run()). An exception that
  /// leaves it is logged to stderr and ends only that task. Prefer TaskGroup for work that must be
  /// awaited.
  void spawn(Task<void> task);
  /// Spawns `task` and runs the loop until it is done. For command-line tools and tests.
  void run_until_done(Task<void> task);

  unsigned index() const;
  boost::asio::io_context& context();
  Executor executor();
  DeadlineList& deadlines();
  /// Arms `deadline` and keeps the loop's ticker going while any is armed.
  void arm(Deadline& deadline, SteadyTime when);

  /// The loop whose run() is on this thread's stack, or nullptr.
  static EventLoop* current();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Runs a task that yields a value on `loop` and returns the value. For command-line tools and
/// tests.
template <class T>
T run_on(EventLoop& loop, Task<T> task);

}  // namespace headgate

#include "base/event_loop_run.h"
