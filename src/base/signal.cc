#include "base/signal.h"

#include <optional>
#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/event_loop.h"

namespace headgate {
namespace {

namespace asio = boost::asio;

using Token = asio::use_awaitable_t<Executor>;
using Waiter = asio::async_result<Token, void()>::handler_type;

}  // namespace

struct Signal::Impl final : Deadline {
  std::optional<Waiter> waiter;
  bool notified = false;
  bool expired = false;

  void wake() {
    if (waiter) {
      Waiter ready = std::move(*waiter);
      waiter.reset();
      auto executor = asio::get_associated_executor(ready);
      asio::post(executor, std::move(ready));
    }
  }

  void on_deadline() override {
    expired = true;
    wake();
  }
};

Signal::Signal() : impl_(std::make_unique<Impl>()) {}
Signal::~Signal() = default;

Task<void> Signal::wait() {
  if (!std::exchange(impl_->notified, false)) {
    co_await asio::async_initiate<const Token, void()>(
        [this](auto handler) { impl_->waiter.emplace(std::move(handler)); }, Token{});
    impl_->notified = false;
  }
}

Task<bool> Signal::wait_until(SteadyTime when) {
  if (std::exchange(impl_->notified, false)) {
    co_return true;
  }
  impl_->expired = false;
  EventLoop::current()->arm(*impl_, when);
  co_await asio::async_initiate<const Token, void()>(
      [this](auto handler) { impl_->waiter.emplace(std::move(handler)); }, Token{});
  impl_->disarm();
  co_return std::exchange(impl_->notified, false);
}

void Signal::notify() {
  impl_->notified = true;
  impl_->wake();
}

Task<void> sleep_for(std::chrono::milliseconds delay) {
  Signal never;
  co_await never.wait_until(std::chrono::steady_clock::now() + delay);
}

}  // namespace headgate
