#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace headgate::upstream {

enum class Scheme : std::uint8_t { Http, Https };

/// Whom to connect to.
struct Origin {
  Scheme scheme = Scheme::Https;
  std::string host;  ///< lower case, without brackets; a name or a canonical IP literal
  std::uint16_t port = 443;

  /// For the Host field: brackets around IPv6, the port unless it is the scheme's default.
  std::string authority() const;
  void append_authority(std::string& out) const;
  /// host:port, always with the port.
  std::string host_and_port() const;
  friend bool operator==(const Origin&, const Origin&) = default;
};

struct Url {
  Origin origin;
  std::string target;  ///< path and query as sent, starts with '/'; the fragment is dropped

  std::string text() const;
};

/// The one URL reader of the product. Absolute http and https URLs only, at most 8 KiB, ASCII.
///
/// Refused: user information, names that are not letters, digits, '-', '_' and '.' (so also
/// internationalised ones: write their xn-- form), hosts that look like a number but are not a
/// dotted quad, IPv6 zones, port 0, spaces, controls, backslashes and bad percent escapes.
Result<Url> parse_url(std::string_view text);

/// A provider's base URL: as parse_url, without query and fragment; the target has no trailing '/'
/// and is empty for the root, so that "/v1/..." can be appended.
Result<Url> parse_base_url(std::string_view text);

/// What `reference` (a Location) means when read at `base`: absolute, "//host/path", "/path",
/// "?query" or relative to the base's folder. Dot segments are removed.
Result<Url> resolve_reference(const Url& base, std::string_view reference);

}  // namespace headgate::upstream
