#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace headgate {

std::string hex(std::string_view bytes);
std::string base64(std::string_view bytes);
std::string base64url(std::string_view bytes);
/// Strict: alphabet of RFC 4648 §4, padding required, nothing after it. nullopt if malformed.
std::optional<std::string> decode_base64(std::string_view text);
/// Strict: alphabet of RFC 4648 §5 without padding. nullopt if malformed.
std::optional<std::string> decode_base64url(std::string_view text);
/// %XX decoding of a URL part; '+' becomes a space only if `form`. nullopt on a bad escape.
enum class PercentMode : std::uint8_t { Url, Form };
std::optional<std::string> decode_percent(std::string_view text, PercentMode mode);
/// Valid UTF-8 by RFC 3629 (no surrogates, no overlong forms).
bool is_utf8(std::string_view text);
/// Lower-case ASCII copy.
std::string ascii_lower(std::string_view text);
bool ascii_equal_ignore_case(std::string_view a, std::string_view b);
bool ascii_starts_with_ignore_case(std::string_view text, std::string_view prefix);
/// The texts with ", " between them.
std::string join(std::span<const std::string> texts);
/// RFC 3339 UTC with milliseconds, e.g. 2026-01-15T17:00:00.000Z; times beyond the years 0000 to
/// 9999 that it can say are the first or the last of them.
std::string rfc3339(long long unix_milliseconds);
void append_rfc3339(std::string& out, long long unix_milliseconds);
/// `text` as a JSON string with quotes; invalid UTF-8 becomes U+FFFD.
std::string json_quote(std::string_view text);
void append_json_quoted(std::string& out, std::string_view text);

}  // namespace headgate
