#pragma once

#include <cstddef>
#include <string_view>

// Character classes of HTTP (RFC 9110 §5.5, §5.6.2), for both sides of the gateway.
namespace headgate {

/// How many token characters `text` starts with.
std::size_t token_length(std::string_view text);
/// One or more token characters and nothing else.
bool is_token(std::string_view text);
/// Tabs and what is not a control character; also the empty text.
bool is_field_value(std::string_view text);
/// Without spaces and tabs around it.
std::string_view trim_blanks(std::string_view text);
/// Whether a Content-Type names the media type `type`, such as "application/json": in any case,
/// with any parameters.
bool is_media_type(std::string_view content_type, std::string_view type);

}  // namespace headgate
