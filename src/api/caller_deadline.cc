#include "api/caller_deadline.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <optional>

#include "base/clock.h"
#include "config/units.h"

namespace headgate::api {
namespace {

using std::chrono::milliseconds;

/// A longer time limits nothing.
constexpr double kMostSeconds = 30.0 * 24 * 3600;

/// Seconds, as the SDKs write them: `600` or `0.5`.
std::optional<milliseconds> parse_seconds(std::string_view text) {
  double seconds = 0;
  const auto [end, ec] =
      std::from_chars(text.data(), text.data() + text.size(), seconds, std::chars_format::fixed);
  if (ec != std::errc() || end != text.data() + text.size() || !(seconds > 0) ||
      !std::isfinite(seconds)) {
    return std::nullopt;
  }
  const double capped = std::min(seconds, kMostSeconds);
  return std::max(milliseconds(1), milliseconds(static_cast<std::int64_t>(capped * 1000)));
}

std::optional<milliseconds> parse_time(std::string_view text) {
  if (const auto seconds = parse_seconds(text)) {
    return seconds;
  }
  const auto duration = config::parse_duration(text);
  return duration && duration->count() > 0 ? duration : std::nullopt;
}

}  // namespace

Result<void> take_request_timeout(std::string_view text, model::RequestContext& context) {
  const auto time = parse_time(text);
  if (!time) {
    return fail(invalid_request(
        "X-Request-Timeout must be a time above 0: seconds, or with a unit such as 500ms or 2m.",
        "X-Request-Timeout"));
  }
  context.deadline = std::min(context.deadline, context.started + *time);
  return {};
}

void take_sdk_timeout(const edge::Request& http, model::Delivery delivery,
                      model::RequestContext& context) {
  if (delivery == model::Delivery::Stream) {
    return;
  }
  for (const std::string_view name : {"x-stainless-timeout", "x-stainless-read-timeout"}) {
    const auto text = http.field(name);
    const auto time = text ? parse_seconds(*text) : std::optional<milliseconds>();
    if (time) {
      context.deadline = std::min(context.deadline, context.started + *time);
    }
  }
}

}  // namespace headgate::api
