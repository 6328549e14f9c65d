#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace headgate::limits {

/// What a caller may still do, for the x-ratelimit-* headers: the tightest of its request rates, or
/// its tokens.
struct LimitStatus {
  std::uint64_t limit = 0;  ///< requests or tokens in each window; 0: no rate applies
  std::uint64_t remaining = 0;
  std::chrono::nanoseconds reset{0};  ///< until everything is available again
};

/// `duration` as Go writes it, rounded up to milliseconds: "17ms", "1s", "8.64s", "6m0s", "1h0m0s".
std::string go_duration(std::chrono::nanoseconds duration);

/// Appends x-ratelimit-{limit,remaining,reset}-requests as header lines ending in CRLF; nothing if
/// no rate applies.
void append_limit_fields(std::string& fields, const LimitStatus& status);
/// As append_limit_fields for the tokens of a minute: x-ratelimit-{limit,remaining,reset}-tokens.
void append_token_fields(std::string& fields, const LimitStatus& status);

}  // namespace headgate::limits
