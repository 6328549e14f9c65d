#include "limits/limit_status.h"

#include <string_view>

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

void append(std::string& fields, std::string_view what, const LimitStatus& status) {
  if (status.limit == 0) {
    return;
  }
  fields.append("x-ratelimit-limit-").append(what).append(": ");
  fields.append(std::to_string(status.limit));
  fields.append("\r\nx-ratelimit-remaining-").append(what).append(": ");
  fields.append(std::to_string(status.remaining));
  fields.append("\r\nx-ratelimit-reset-").append(what).append(": ");
  fields.append(go_duration(status.reset)).append("\r\n");
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
  append(fields, "requests", status);
}

void append_token_fields(std::string& fields, const LimitStatus& status) {
  append(fields, "tokens", status);
}

}  // namespace headgate::limits
