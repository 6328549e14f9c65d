#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/event_loop.h"

namespace headgate::app {

/// Measures how long something that is ready waits for its event loop: by a message to each loop,
/// one under way at a time. One that a stuck loop has not answered yet counts with its age.
class LoopLag final {
 public:
  /// Borrows both; a message under way may outlive the LoopLag.
  LoopLag(std::span<EventLoop* const> loops, const Clock& clock);

  /// What the last messages came to, the longest of all loops; sends the next. Each 100 ms or so,
  /// on one thread that runs no loop.
  std::chrono::milliseconds measure();
  /// Of one loop, when it was last measured. Any thread.
  std::chrono::microseconds last(std::size_t loop) const;

 private:
  struct Probe {
    EventLoop* loop = nullptr;
    SteadyTime sent{};
    bool under_way = false;
    // Shared with the message.
    std::shared_ptr<std::atomic<std::int64_t>> answered =
        std::make_shared<std::atomic<std::int64_t>>();  // 0: not yet; else when, in clock ticks
  };
  void send(Probe& probe);

  const Clock& clock_;
  std::vector<Probe> probes_;
  std::vector<std::atomic<std::int64_t>> last_;  // microseconds
};

}  // namespace headgate::app
