#include "base/calendar.h"

#include <array>
#include <charconv>
#include <cstdio>

namespace headgate {
namespace {

using std::chrono::sys_days;
using std::chrono::year_month_day;

year_month_day date_of(UtcDay day) { return {sys_days(std::chrono::days(day))}; }

UtcDay day_of(const year_month_day& date) { return sys_days(date).time_since_epoch().count(); }

std::optional<unsigned> digits(std::string_view text) {
  unsigned value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  return status == std::errc() && end == text.data() + text.size() ? std::optional(value)
                                                                   : std::nullopt;
}

}  // namespace

UtcDay month_of(UtcDay day) {
  const year_month_day date = date_of(day);
  return day_of(date.year() / date.month() / 1);
}

UtcDay next_month(UtcDay day) {
  const year_month_day date = date_of(day);
  return day_of((date.year() / date.month() + std::chrono::months(1)) / 1);
}

std::string day_text(UtcDay day) {
  const year_month_day date = date_of(day);
  std::array<char, 32> text{};
  const int length =
      std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", static_cast<int>(date.year()),
                    static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return {text.data(), static_cast<std::size_t>(length)};
}

std::optional<UtcDay> parse_day(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') {
    return std::nullopt;
  }
  const auto year = digits(text.substr(0, 4));
  const auto month = digits(text.substr(5, 2));
  const auto day = digits(text.substr(8, 2));
  if (!year || !month || !day) {
    return std::nullopt;
  }
  const year_month_day date(std::chrono::year(static_cast<int>(*year)), std::chrono::month(*month),
                            std::chrono::day(*day));
  return date.ok() ? std::optional(day_of(date)) : std::nullopt;
}

}  // namespace headgate
