#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace headgate::upstream {

inline constexpr std::size_t kMaxResponseHead = 64 << 10;
inline constexpr std::size_t kMaxResponseField = 16 << 10;
inline constexpr std::size_t kMaxResponseFields = 100;

struct HeaderField {
  std::string_view name;
  std::string_view value;  ///< without surrounding white space
};

/// A parsed response head; views point into the text it was parsed from.
struct ResponseHead {
  enum class Body : std::uint8_t { None, Length, Chunked, UntilClose };

  int status = 0;
  std::array<HeaderField, kMaxResponseFields> fields;
  std::size_t field_count = 0;
  Body body = Body::None;
  std::uint64_t length = 0;  ///< of the body, if Body::Length
  bool keep_alive = true;

  /// The first value of the field with this lower-case name.
  std::optional<std::string_view> field(std::string_view lower_case_name) const;
};

enum class RequestMethod : std::uint8_t { Head, Connect, Other };

/// Where the search for a head's end has come to; a fresh one for each head.
struct HeadSearch {
  std::size_t line = 0;     ///< start of the first line that is not complete
  std::size_t scanned = 0;  ///< bytes known to hold no further line end
};

/// Length of the complete head at the front of `buffer`, nullopt if more bytes are needed: then
/// call again with the same front and more behind it. A failure of phase Protocol as soon as it
/// cannot be HTTP/1, is too large, or a line does not end in CRLF.
Result<std::optional<std::size_t>> find_head_end(std::string_view buffer, HeadSearch& search);

/// Parses a complete head and decides the body's framing (RFC 9112 §6.3), strictly; a failure of
/// phase Protocol for anything ambiguous.
Result<void> parse_response_head(std::string_view text, RequestMethod method, ResponseHead& head);

}  // namespace headgate::upstream
