#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "upstream/url.h"

namespace headgate::upstream {

/// A forward proxy, spoken to in plain HTTP.
struct Proxy {
  std::string host;
  std::uint16_t port = 0;
  std::string authorization;  ///< value of Proxy-Authorization, or empty; a secret
};

/// Which calls leave through which proxy.
struct ProxySettings {
  std::optional<Proxy> http;
  std::optional<Proxy> https;
  std::vector<std::string> bypass;  ///< rules of NO_PROXY, lower case

  /// The proxy for `origin`, or null: go directly. Loopback addresses never use one.
  ///
  /// A rule is "*", a name (itself and everything below it, with or without a leading dot), an
  /// address or an address range in CIDR form; names and addresses may end in ":port".
  const Proxy* proxy_for(const Origin& origin) const;
};

/// Reads "http://[user:password@]host[:port]"; the scheme may be missing, the port defaults to 80.
Result<Proxy> parse_proxy(std::string_view text);

/// The settings in HTTPS_PROXY, HTTP_PROXY, NO_PROXY and their lower-case forms, which win. Fails
/// with InvalidRequest, naming the variable but not its value, if one is malformed.
Result<ProxySettings> proxy_from_environment();

}  // namespace headgate::upstream
