#include "config/listen_address.h"

#include <charconv>

namespace headgate::config {

std::optional<ListenAddress> ListenAddress::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  auto host = text.substr(0, colon);
  const auto digits = text.substr(colon + 1);
  ListenAddress listen;
  const char* begin = digits.data();
  const char* end = begin + digits.size();
  const auto [stop, error] = std::from_chars(begin, end, listen.port);
  if (error != std::errc{} || stop != end || digits.size() > 5) {
    return std::nullopt;
  }
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) {
    host = host.substr(1, host.size() - 2);
  }
  if (bracketed != host.contains(':')) {
    return std::nullopt;
  }
  if (host == "localhost") {
    host = "127.0.0.1";
  } else if (host == "*") {
    host = "0.0.0.0";
  }
  const auto address = IpAddress::parse(host);
  if (!address) {
    return std::nullopt;
  }
  listen.address = *address;
  listen.host = host;
  return listen;
}

std::string ListenAddress::text() const {
  const std::string shown = host.contains(':') ? "[" + host + "]" : host;
  return shown + ":" + std::to_string(port);
}

}  // namespace headgate::config
