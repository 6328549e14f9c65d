#include "limits/overload.h"

#include <algorithm>

namespace headgate::limits {
namespace {

using Level = Overload::Level;

// Lag comes and goes quickly; memory creeps, and the allocator keeps some of what was freed.
constexpr double kCalmLag = 0.5;
constexpr double kCalmMemory = 0.95;

}  // namespace

void Overload::Figure::step(double rising, double falling, const Thresholds& at,
                            std::chrono::milliseconds hold, SteadyTime now) {
  const Level asked = at.normal > 0 && rising >= at.normal ? Level::Normal
                      : at.low > 0 && rising >= at.low     ? Level::Low
                                                           : Level::None;
  if (asked > level) {
    level = asked;
    calm_since.reset();
    return;
  }
  const double own = level == Level::Normal ? at.normal : at.low;
  const bool calm = own <= 0 || falling < own * at.calm;  // a threshold may have been taken away
  if (level == Level::None || asked == level || !calm) {
    calm_since.reset();
    return;
  }
  if (!calm_since) {
    calm_since = now;
  }
  if (now - *calm_since >= hold) {
    level = static_cast<Level>(static_cast<std::uint8_t>(level) - 1);
    calm_since = now;
  }
}

void Overload::measure_lag(std::chrono::milliseconds lag, SteadyTime now) {
  const auto newest = static_cast<double>(lag.count());
  lags_[measured_++ % kInARow] = newest;
  const double standing = *std::ranges::min_element(lags_);
  lag_.step(standing, newest,
            {.low = static_cast<double>(settings_.low_lag.count()),
             .normal = static_cast<double>(settings_.normal_lag.count()),
             .calm = kCalmLag},
            settings_.hold, now);
}

void Overload::measure_memory(double used, SteadyTime now) {
  memory_.step(
      used, used,
      {.low = settings_.low_memory, .normal = settings_.normal_memory, .calm = kCalmMemory},
      settings_.hold, now);
}

Level Overload::level() const { return std::max(lag_.level, memory_.level); }

Overload::Reason Overload::reason() const {
  return memory_.level >= lag_.level ? Reason::Memory : Reason::Lag;
}

bool sheds(Level level, model::Priority priority) {
  switch (level) {
    case Level::None:
      return false;
    case Level::Low:
      return priority >= model::Priority::Low;
    case Level::Normal:
      return priority >= model::Priority::Normal;
  }
  return false;
}

}  // namespace headgate::limits
