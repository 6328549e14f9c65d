#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace headgate {

/// A day in UTC, counted from 1970-01-01.
using UtcDay = std::int64_t;

inline UtcDay utc_day(WallTime time) {
  return std::chrono::floor<std::chrono::days>(time).time_since_epoch().count();
}

/// The first day of the month that `day` lies in.
UtcDay month_of(UtcDay day);
/// The first day of the month after that.
UtcDay next_month(UtcDay day);

/// "2026-01-15".
std::string day_text(UtcDay day);
/// nullopt unless `text` is a day that exists, written like that.
std::optional<UtcDay> parse_day(std::string_view text);

}  // namespace headgate
