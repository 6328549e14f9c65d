#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace headgate::providers {

/// Retry-After as seconds, which may have a fraction, or as an HTTP date in one of its three forms
/// (RFC 9110 §5.6.7, §10.2.3) relative to `now`; never earlier than asked. nullopt if absent,
/// senseless or longer than a day.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value, WallTime now);
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value);

/// What a server asks for with the fields `retry-after-ms` and `retry-after`, either may be empty,
/// as a value of the latter: the former is more exact, so it holds where it makes sense.
std::string retry_after_of(std::string_view milliseconds, std::string_view retry_after);

}  // namespace headgate::providers
