#pragma once

#include <array>
#include <string_view>

// Character classes of HTTP (RFC 9110 §5.5, §5.6.2), for both sides of the gateway.
namespace headgate {

/// tchar for each byte.
extern const std::array<bool, 256> kTokenByte;

/// One or more token characters.
bool is_token(std::string_view text);
/// Tabs and what is not a control character; also the empty text.
bool is_field_value(std::string_view text);
/// Without spaces and tabs around it.
std::string_view trim_blanks(std::string_view text);

}  // namespace headgate
