#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/cidr.h"

namespace headgate::config {

/// Where a listener binds: `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`; port 0 lets the system
/// choose.
struct ListenAddress {
  IpAddress address;
  std::string host;  ///< the address as text without brackets; `localhost` has become 127.0.0.1
  std::uint16_t port = 0;

  /// `*` stands for 0.0.0.0. Other host names are refused: what they bind to can change.
  static std::optional<ListenAddress> parse(std::string_view text);
  /// host:port, with brackets around an IPv6 address.
  std::string text() const;
};

}  // namespace headgate::config
