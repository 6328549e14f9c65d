#include "limits/limit_status.h"

namespace headgate::limits {
namespace {

/// Seconds with as many decimals as are needed: "1", "8.64", "0.5" never (below a second: ms).
std::string seconds_text(std::int64_t milliseconds) {
  std::string text = std::to_string(milliseconds / 1000);
  if (const std::int64_t rest = milliseconds % 1000; rest != 0) {
    std::string decimals = std::to_string(rest + 1000).substr(1);
    decimals.resize(decimals.find_last_not_of('0') + 1);
    text.append(".").append(decimals);
  }
  return text + "s";
}

}  // namespace

std::string go_duration(std::chrono::nanoseconds duration) {
  const std::int64_t milliseconds = std::chrono::ceil<std::chrono::milliseconds>(duration).count();
  if (milliseconds <= 0) {
    return "0s";
  }
  if (milliseconds < 1000) {
    return std::to_string(milliseconds) + "ms";
  }
  const std::int64_t minutes = milliseconds / 60'000;
  std::string text;
  if (minutes >= 60) {
    text = std::to_string(minutes / 60) + "h";
  }
  if (minutes > 0) {
    text += std::to_string(minutes % 60) + "m";
  }
  return text + seconds_text(milliseconds % 60'000);
}

void append_limit_fields(std::string& fields, const LimitStatus& status) {
  if (status.limit == 0) {
    return;
  }
  fields.append("x-ratelimit-limit-requests: ").append(std::to_string(status.limit));
  fields.append("\r\nx-ratelimit-remaining-requests: ").append(std::to_string(status.remaining));
  fields.append("\r\nx-ratelimit-reset-requests: ").append(go_duration(status.reset));
  fields.append("\r\n");
}

}  // namespace headgate::limits
