#pragma once

#include <chrono>
#include <cstdint>

namespace headgate {

using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

/// Source of time. Timers and limits use `steady`; tokens and records use `wall`. Thread safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual SteadyTime steady() const = 0;
  virtual WallTime wall() const = 0;
};

class SystemClock final : public Clock {
 public:
  SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
  WallTime wall() const override { return std::chrono::system_clock::now(); }
};

/// Milliseconds since the Unix epoch, as records and wire formats keep times.
inline std::int64_t unix_ms(WallTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}
inline std::int64_t unix_ms(const Clock& clock) { return unix_ms(clock.wall()); }

}  // namespace headgate
