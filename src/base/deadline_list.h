#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace headgate {

class DeadlineList;

/// A time limit on something that belongs to one event loop. Arming and disarming are a few
/// instructions and no system call. Disarms itself when destroyed.
class Deadline {
 public:
  Deadline() = default;
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  virtual ~Deadline() { disarm(); }

  /// Called once, late by at most a tick. Already disarmed; may arm itself again or destroy itself.
  virtual void on_deadline() = 0;

  void disarm();
  bool armed() const { return list_ != nullptr; }

 private:
  friend class DeadlineList;
  DeadlineList* list_ = nullptr;
  Deadline* next_ = nullptr;
  Deadline** link_ = nullptr;  // the pointer that points at us
  std::uint64_t tick_ = 0;
};

/// The coarse timers of one event loop: a hashed wheel of 512 slots, one tick each kTick.
class DeadlineList {
 public:
  static constexpr std::chrono::milliseconds kTick{16};

  explicit DeadlineList(SteadyTime start) : start_(start) {}

  /// Arms `deadline` to fire no earlier than `when`; arming again moves it.
  void arm(Deadline& deadline, SteadyTime when);
  /// Fires everything due at `now`.
  void advance(SteadyTime now);
  bool empty() const { return armed_ == 0; }

 private:
  friend class Deadline;
  static constexpr std::size_t kSlots = 512;
  std::uint64_t tick_of(SteadyTime when) const;

  SteadyTime start_;
  std::uint64_t now_tick_ = 0;
  std::size_t armed_ = 0;
  std::array<Deadline*, kSlots> slots_{};
};

}  // namespace headgate
