#include "config/units.h"

#include <array>
#include <charconv>

namespace headgate::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Largest first: formatting takes the first that divides.
constexpr std::array kDurations = {Unit{"d", 24ULL * 3600 * 1000}, Unit{"h", 3600ULL * 1000},
                                   Unit{"m", 60ULL * 1000}, Unit{"s", 1000}, Unit{"ms", 1}};
constexpr std::array kSizes = {Unit{"GiB", 1ULL << 30}, Unit{"MiB", 1ULL << 20},
                               Unit{"KiB", 1ULL << 10}, Unit{"B", 1}};
constexpr std::uint64_t kLongestDuration = 36'525ULL * 24 * 3600 * 1000;
constexpr std::uint64_t kLargestSize = 1ULL << 50;

struct Quantity {
  std::uint64_t number = 0;
  std::string_view unit;
};

std::optional<Quantity> split(std::string_view text) {
  Quantity quantity;
  const char* begin = text.data();
  const char* end = begin + text.size();
  const auto [stop, error] = std::from_chars(begin, end, quantity.number);
  if (error != std::errc{} || text.empty()) {
    return std::nullopt;
  }
  quantity.unit = {stop, static_cast<std::size_t>(end - stop)};
  return quantity;
}

template <std::size_t Count>
std::optional<std::uint64_t> scaled(const Quantity& quantity, const std::array<Unit, Count>& units,
                                    std::uint64_t limit) {
  for (const Unit& unit : units) {
    if (unit.name == quantity.unit) {
      if (quantity.number > limit / unit.factor) {
        return std::nullopt;
      }
      return quantity.number * unit.factor;
    }
  }
  return std::nullopt;
}

template <std::size_t Count>
std::string formatted(std::uint64_t value, const std::array<Unit, Count>& units) {
  for (const Unit& unit : units) {
    if (value % unit.factor == 0 && value != 0) {
      return std::to_string(value / unit.factor).append(unit.name);
    }
  }
  return "0";
}

/// Of "06:30"; "24:00" is allowed.
std::optional<unsigned> minute_of_day(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') {
    return std::nullopt;
  }
  for (const std::size_t place : {0U, 1U, 3U, 4U}) {
    if (text[place] < '0' || text[place] > '9') {
      return std::nullopt;
    }
  }
  const auto digits = [&](std::size_t place) {
    return static_cast<unsigned>((text[place] - '0') * 10 + (text[place + 1] - '0'));
  };
  const unsigned minutes = digits(0) * 60 + digits(3);
  const bool valid = digits(3) < 60 && minutes <= 24 * 60;
  return valid ? std::optional(minutes) : std::nullopt;
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto quantity = split(text);
  if (!quantity) {
    return std::nullopt;
  }
  if (quantity->number == 0 && quantity->unit.empty()) {
    return std::chrono::milliseconds{0};
  }
  const auto value = scaled(*quantity, kDurations, kLongestDuration);
  if (!value) {
    return std::nullopt;
  }
  return std::chrono::milliseconds{static_cast<std::int64_t>(*value)};
}

std::string format_duration(std::chrono::milliseconds duration) {
  const auto count = duration.count();
  return count <= 0 ? "0s" : formatted(static_cast<std::uint64_t>(count), kDurations);
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  auto quantity = split(text);
  if (!quantity) {
    return std::nullopt;
  }
  if (quantity->unit.empty()) {
    quantity->unit = "B";
  }
  return scaled(*quantity, kSizes, kLargestSize);
}

std::string format_size(std::uint64_t bytes) { return formatted(bytes, kSizes); }

std::optional<DayHours> parse_hours(std::string_view text) {
  constexpr std::size_t kLength = std::string_view("22:00-06:00").size();
  constexpr std::size_t kSecond = std::string_view("22:00-").size();
  if (text.size() != kLength || text[kSecond - 1] != '-') {
    return std::nullopt;
  }
  const auto from = minute_of_day(text.substr(0, kSecond - 1));
  const auto to = minute_of_day(text.substr(kSecond));
  if (!from || !to || *from == *to) {
    return std::nullopt;
  }
  return DayHours{.from = *from, .to = *to};
}

}  // namespace headgate::config
