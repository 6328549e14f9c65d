#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace headgate::testing {

/// A clock that moves only when told. Starts at 2026-01-15T17:00:00Z. Thread safe.
class FakeClock final : public Clock {
 public:
  SteadyTime steady() const override { return SteadyTime(std::chrono::milliseconds(now_.load())); }
  WallTime wall() const override { return WallTime(std::chrono::milliseconds(unix_ms())); }
  std::int64_t unix_ms() const { return kStart + now_.load(); }
  void advance(std::chrono::milliseconds by) { now_ += by.count(); }

 private:
  static constexpr std::int64_t kStart = 1'768'496'400'000;
  std::atomic<std::int64_t> now_{1'000'000};
};

}  // namespace headgate::testing
