#include "base/event_loop.h"

#include <cstdint>
#include <cstdio>
#include <exception>
#include <mutex>
#include <system_error>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <sys/eventfd.h>
#include <unistd.h>

namespace headgate {
namespace {

namespace asio = boost::asio;

thread_local EventLoop* current_loop = nullptr;

}  // namespace

struct EventLoop::Impl {
  // UNSAFE: no locks inside; the mailbox below is the only door for other threads.
  asio::io_context context{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
  asio::posix::basic_stream_descriptor<Executor> mailbox{context.get_executor()};
  asio::basic_waitable_timer<std::chrono::steady_clock,
                             asio::wait_traits<std::chrono::steady_clock>, Executor>
      ticker{context.get_executor()};
  DeadlineList deadlines{std::chrono::steady_clock::now()};
  unsigned index = 0;
  bool ticking = false;
  int wake_fd = -1;
  std::mutex mutex;  // guards the two fields below
  std::vector<Callback> posted;
  bool stop_wanted = false;

  void listen() {
    mailbox.async_wait(asio::posix::descriptor_base::wait_read,
                       [this](boost::system::error_code ec) {
                         if (!ec) {
                           drain();
                         }
                       });
  }

  void drain() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(wake_fd, &count, sizeof count);
    std::vector<Callback> ready;
    bool stop = false;
    {
      const std::lock_guard lock(mutex);
      ready.swap(posted);
      stop = std::exchange(stop_wanted, false);
    }
    for (Callback& callback : ready) {
      callback();
    }
    if (stop) {
      context.stop();
    }
    listen();
  }

  void wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto put = ::write(wake_fd, &one, sizeof one);
  }

  void tick() {
    ticking = true;
    ticker.expires_after(DeadlineList::kTick);
    ticker.async_wait([this](boost::system::error_code ec) {
      if (ec) {
        return;
      }
      deadlines.advance(std::chrono::steady_clock::now());
      if (deadlines.empty()) {
        ticking = false;
      } else {
        tick();
      }
    });
  }
};

EventLoop::EventLoop(unsigned index) : impl_(std::make_unique<Impl>()) {
  impl_->index = index;
  impl_->wake_fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (impl_->wake_fd < 0) {
    throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  impl_->mailbox.assign(impl_->wake_fd);
  impl_->listen();
}

EventLoop::~EventLoop() = default;

void EventLoop::run() {
  EventLoop* const outer = std::exchange(current_loop, this);
  impl_->context.restart();
  while (!impl_->context.stopped()) {
    try {
      impl_->context.run();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "headgate: exception reached the event loop: %s\n", error.what());
    }
  }
  current_loop = outer;
}

void EventLoop::stop() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stop_wanted = true;
  }
  impl_->wake();
}

void EventLoop::post(Callback callback) {
  bool first = false;
  {
    const std::lock_guard lock(impl_->mutex);
    first = impl_->posted.empty();
    impl_->posted.push_back(std::move(callback));
  }
  if (first) {
    impl_->wake();
  }
}

void EventLoop::spawn(Task<void> task) {
  asio::co_spawn(executor(), std::move(task), [](const std::exception_ptr& failure) {
    if (!failure) {
      return;
    }
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "headgate: exception left a task: %s\n", error.what());
    }
  });
}

void EventLoop::run_until_done(Task<void> task) {
  std::exception_ptr failure;
  asio::co_spawn(executor(), std::move(task), [&](std::exception_ptr error) {
    failure = std::move(error);
    impl_->context.stop();
  });
  run();
  if (failure) {
    std::rethrow_exception(failure);
  }
}

unsigned EventLoop::index() const { return impl_->index; }
asio::io_context& EventLoop::context() { return impl_->context; }
Executor EventLoop::executor() { return impl_->context.get_executor(); }
DeadlineList& EventLoop::deadlines() { return impl_->deadlines; }

void EventLoop::arm(Deadline& deadline, SteadyTime when) {
  impl_->deadlines.arm(deadline, when);
  if (!impl_->ticking) {
    // The wheel stood still while nothing was armed.
    impl_->tick();
  }
}

EventLoop* EventLoop::current() { return current_loop; }

}  // namespace headgate
