#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <thread>

#include "app/loop_lag.h"
#include "app/memory_use.h"
#include "base/clock.h"
#include "base/error.h"
#include "config/settings.h"
#include "limits/overload.h"
#include "model/job.h"
#include "observe/metrics.h"

namespace headgate::app {

/// Measures the event loops and the memory on a thread of its own, and refuses requests by what
/// limits::Overload makes of it. Safe from any thread.
class OverloadWatch final {
 public:
  using Level = limits::Overload::Level;
  using Reason = limits::Overload::Reason;
  /// Told of each new level, on the watch's thread.
  using Changed = std::function<void(Level level)>;

  /// Borrows both; the loops outlive it.
  OverloadWatch(std::span<EventLoop* const> loops, const Clock& clock,
                const config::OverloadSettings& settings);
  /// Ends the thread.
  ~OverloadWatch();
  OverloadWatch(const OverloadWatch&) = delete;
  OverloadWatch& operator=(const OverloadWatch&) = delete;

  /// Begins to measure. Once.
  void start(Changed changed);
  /// Puts another configuration into force.
  void set(const config::OverloadSettings& settings);

  /// Overloaded (`overloaded`) if a request of that class is not let in now, which is counted.
  std::optional<Error> refuse(model::Priority priority) const {
    const State state = state_.load(std::memory_order_relaxed);
    return limits::sheds(state.level, priority) ? std::optional(refusal(priority, state))
                                                : std::nullopt;
  }
  bool overloaded() const { return state_.load(std::memory_order_relaxed).level != Level::None; }
  /// Whether classes are refused because memory is short.
  bool memory_is_short() const {
    const State state = state_.load(std::memory_order_relaxed);
    return state.level != Level::None && state.reason == Reason::Memory;
  }

  void add_metrics(observe::Metrics& metrics) const;

 private:
  struct State {
    Level level = Level::None;
    Reason reason = Reason::Lag;
    friend bool operator==(const State&, const State&) = default;
  };
  Error refusal(model::Priority priority, State state) const;
  void run();
  void measure(bool memory_too);
  double used_memory() const;

  const Clock& clock_;
  const std::size_t loops_;
  MemoryUse memory_;
  LoopLag lag_;  // measured on the watch's thread
  std::atomic<State> state_;
  /// Refused requests, by class and reason.
  mutable std::array<std::array<std::atomic<std::uint64_t>, 2>, model::kPriorities> shed_{};
  std::atomic<std::uint64_t> all_memory_;  // bytes
  std::atomic<std::int64_t> hold_;         // milliseconds
  Changed changed_;

  std::mutex mutex_;  // guards the fields below
  std::condition_variable wake_;
  limits::Overload overload_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace headgate::app
