#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace headgate::config {

/// `300ms`, `30s`, `5m`, `24h`, `15d`, or a plain `0`. nullopt for anything else, a missing unit
/// included, and for more than about 100 years.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
/// The same in the largest unit that is exact.
std::string format_duration(std::chrono::milliseconds duration);

/// `8KiB`, `10MiB`, `2GiB`, or a plain number of bytes (`B` allowed). nullopt for anything else.
std::optional<std::uint64_t> parse_size(std::string_view text);
/// The same in the largest unit that is exact.
std::string format_size(std::uint64_t bytes);

/// A part of each day, in minutes since midnight; `to` is exclusive, and before `from` it is of the
/// next day.
struct DayHours {
  unsigned from = 0;
  unsigned to = 0;
  bool holds(unsigned minute) const {
    return from <= to ? minute >= from && minute < to : minute >= from || minute < to;
  }
};

/// `22:00-06:00`, up to `24:00`. nullopt for anything else, an empty part of the day included.
std::optional<DayHours> parse_hours(std::string_view text);

}  // namespace headgate::config
