#pragma once

namespace headgate::api {

/// Skips what may stand in a JSON string: ordinary bytes and two-character escapes. Stops at the
/// closing quote, at anything else (a control character, the backslash of a \u escape or of a wrong
/// one) or at `end`; sets `not_ascii` if a byte above 127 may have been seen. Reads nothing behind
/// `end`.
const char* scan_json_string(const char* at, const char* end, bool& not_ascii);

}  // namespace headgate::api
