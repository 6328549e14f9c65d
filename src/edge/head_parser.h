#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "edge/handler.h"

namespace headgate::edge {

inline constexpr std::size_t kMaxFields = 100;
inline constexpr std::size_t kMaxRequestLine = 8 << 10;
inline constexpr std::size_t kMaxField = 16 << 10;

/// Finds the end of a request head in bytes that arrive piece by piece, looking at each byte once.
class HeadScanner {
 public:
  /// Looks at what is new in `buffer` (which starts with the head's first byte and only grows).
  /// Length of the head including its empty line; nullopt if more is needed; InvalidRequest at a
  /// line that does not end in CRLF, UriTooLong or HeaderTooLarge at the limits.
  Result<std::optional<std::size_t>> scan(std::string_view buffer, std::size_t max_head);
  void reset() { *this = HeadScanner(); }

 private:
  std::size_t scanned_ = 0;
  std::size_t line_start_ = 0;
  std::size_t lines_ = 0;
};

/// How the body of a request is framed (RFC 9112 §6.3).
struct Framing {
  enum class Kind : std::uint8_t { None, Length, Chunked };
  Kind kind = Kind::None;
  std::uint64_t length = 0;
};

/// A parsed request head; views point into the text it was parsed from.
struct Head {
  Request request;  ///< `fields` and `body` are set by the owner
  std::array<Field, kMaxFields> fields;
  std::size_t field_count = 0;
  Framing framing;
  bool http_1_0 = false;
  bool keep_alive = true;
  bool expects_continue = false;
};

/// Parses one complete head (from the request line to the empty line) into `head`, strictly: what
/// RFC 9112 calls invalid, and what it lets a server accept but other parsers read differently, is
/// refused. Framing is decided here and nowhere else.
Result<void> parse_head(std::string_view text, Head& head);

}  // namespace headgate::edge
