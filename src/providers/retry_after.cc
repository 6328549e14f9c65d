#include "providers/retry_after.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>

#include "base/http_text.h"

namespace headgate::providers {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestWait = std::chrono::hours(24);
/// Of a millisecond: what a decimal fraction loses as a binary one, and no server means.
constexpr double kRounding = 1e-6;

/// The whole of `text` as milliseconds, nullopt if it is no number that makes sense.
std::optional<milliseconds> parse_number(std::string_view text, double unit_in_milliseconds) {
  double number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) {
    return std::nullopt;
  }
  const double wait = number * unit_in_milliseconds;
  if (wait < 0 || wait > static_cast<double>(kLongestWait.count())) {
    return std::nullopt;
  }
  return milliseconds(static_cast<long long>(std::ceil(std::max(0.0, wait - kRounding))));
}

std::optional<milliseconds> parse_date(std::string_view text, WallTime now) {
  constexpr const char* kForms[] = {"%a, %d %b %Y %H:%M:%S GMT",  // IMF-fixdate
                                    "%A, %d-%b-%y %H:%M:%S GMT",  // RFC 850
                                    "%a %b %e %H:%M:%S %Y"};      // asctime()
  const std::string whole(text);
  for (const char* const form : kForms) {
    std::tm parts{};
    const char* const rest = strptime(whole.c_str(), form, &parts);
    if (rest == nullptr || *rest != '\0') {
      continue;
    }
    // In seconds: a year of four digits passes what nanoseconds can count.
    const std::chrono::seconds then(timegm(&parts));
    const milliseconds wait = then - std::chrono::floor<milliseconds>(now.time_since_epoch());
    return wait > kLongestWait ? std::nullopt : std::optional(std::max(wait, milliseconds(0)));
  }
  return std::nullopt;
}

}  // namespace

std::optional<milliseconds> parse_retry_after(std::string_view value, WallTime now) {
  value = trim_blanks(value);
  if (const auto wait = parse_number(value, 1000)) {
    return wait;
  }
  return parse_date(value, now);
}

std::optional<milliseconds> parse_retry_after(std::string_view value) {
  return parse_retry_after(value, std::chrono::system_clock::now());
}

std::string retry_after_of(std::string_view wanted_milliseconds, std::string_view retry_after) {
  const auto wait = parse_number(trim_blanks(wanted_milliseconds), 1);
  if (!wait) {
    return std::string(retry_after);
  }
  std::string fraction = std::to_string(wait->count() % 1000);
  fraction.insert(0, 3 - fraction.size(), '0');
  return std::to_string(wait->count() / 1000) + "." + fraction;
}

}  // namespace headgate::providers
