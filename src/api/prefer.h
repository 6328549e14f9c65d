#pragma once

#include <chrono>
#include <optional>

#include "base/result.h"
#include "edge/handler.h"

namespace headgate::api {

/// What the client asks for in Prefer (RFC 7240).
struct Preference {
  bool respond_async = false;
  std::optional<std::chrono::seconds> wait;  ///< at most kLongestWait
};
inline constexpr std::chrono::seconds kLongestWait{300};

/// Of all Prefer fields of a request together. Other preferences and all parameters are ignored, as
/// the RFC has it. InvalidRequest names Prefer if it does not read as a list of preferences, or if
/// wait is no number of seconds or has two values.
Result<Preference> parse_prefer(const edge::Request& request);

}  // namespace headgate::api
