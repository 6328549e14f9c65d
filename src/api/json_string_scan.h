#pragma once

#include <cstddef>

namespace headgate::api {

/// Readable bytes that scan_json_string needs behind `end`.
inline constexpr std::size_t kScanPadding = 32;

/// Skips what may stand in a JSON string: ordinary bytes and two-character escapes. Stops at the
/// closing quote, at anything else (a control character, a \u escape, a wrong one) or at `end`;
/// sets `not_ascii` if a byte above 127 may have been seen. Up to 32 bytes at a time.
const char* scan_json_string(const char* at, const char* end, bool& not_ascii);

}  // namespace headgate::api
