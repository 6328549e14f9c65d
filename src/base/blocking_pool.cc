#include "base/blocking_pool.h"

#include <condition_variable>
#include <cstdio>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include <pthread.h>

#include "base/event_loop.h"
#include "base/signal.h"

namespace headgate {

struct BlockingPool::Impl {
  std::string name;
  std::size_t max_waiting;
  std::mutex mutex;  // guards the two fields below
  std::deque<std::move_only_function<void()>> line;
  bool closing = false;
  std::condition_variable changed;
  std::vector<std::thread> threads;

  void work() {
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
    while (true) {
      std::move_only_function<void()> job;
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [this] { return closing || !line.empty(); });
        if (line.empty()) {
          return;
        }
        job = std::move(line.front());
        line.pop_front();
      }
      job();
    }
  }
};

BlockingPool::BlockingPool(std::string name, std::size_t threads, std::size_t max_waiting)
    : impl_(std::make_unique<Impl>()) {
  impl_->name = std::move(name);
  impl_->max_waiting = max_waiting;
  for (std::size_t i = 0; i < threads; ++i) {
    impl_->threads.emplace_back([this] { impl_->work(); });
  }
}

BlockingPool::~BlockingPool() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->closing = true;
  }
  impl_->changed.notify_all();
  for (std::thread& thread : impl_->threads) {
    thread.join();
  }
}

bool BlockingPool::post(std::move_only_function<void()> work) {
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->closing || impl_->line.size() >= impl_->max_waiting) {
      return false;
    }
    impl_->line.push_back(std::move(work));
  }
  impl_->changed.notify_one();
  return true;
}

Task<Result<void>> BlockingPool::run_erased(std::move_only_function<void()> work) {
  EventLoop* const loop = EventLoop::current();
  Signal done;
  std::exception_ptr failure;
  const bool accepted = post([&, loop] {
    try {
      work();
    } catch (...) {
      failure = std::current_exception();
    }
    loop->post([&done] { done.notify(); });
  });
  if (!accepted) {
    co_return fail(overloaded("The gateway is busy, please try again shortly.",
                              std::chrono::milliseconds(1000)));
  }
  co_await done.wait();
  if (failure) {
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      co_return fail(internal_error(impl_->name + ": " + error.what()));
    }
  }
  co_return Result<void>{};
}

}  // namespace headgate
