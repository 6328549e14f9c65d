#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace headgate::upstream {

/// An IPv4 or IPv6 address. IPv4 uses the first four bytes.
struct IpAddress {
  enum class Family : std::uint8_t { V4, V6 };
  Family family = Family::V4;
  std::array<std::uint8_t, 16> bytes{};
  std::uint32_t scope = 0;  ///< interface of a link-local IPv6 address that DNS returned

  std::string text() const;
  bool loopback() const;
  friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

/// Reads a canonical literal: dotted quad without leading zeros, or IPv6 without brackets or zone.
/// Nothing else: no octal, hexadecimal, short or single-number forms.
std::optional<IpAddress> parse_address(std::string_view text);

/// Fails with InvalidRequest `url_not_allowed` unless `address` is a global unicast address.
/// Refused: loopback, private, link-local (with the metadata services), shared (CGNAT),
/// documentation, benchmarking, multicast and reserved ranges of both families, and every IPv6
/// form that carries an IPv4 address (mapped, compatible, translated, NAT64, 6to4, Teredo, ISATAP),
/// whatever that address is.
Result<void> check_address(const IpAddress& address);

}  // namespace headgate::upstream
