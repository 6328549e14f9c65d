#include "edge/client_address.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <ranges>
#include <system_error>

namespace headgate::edge {
namespace {

/// Whether what stands behind an address is nothing, or a colon and a port.
bool is_port_or_nothing(std::string_view rest) {
  if (rest.empty()) {
    return true;
  }
  std::uint16_t port = 0;
  const char* const end = rest.data() + rest.size();
  const auto [stop, error] = std::from_chars(rest.data() + 1, end, port);
  return rest.front() == ':' && error == std::errc() && stop == end;
}

/// The address in one entry of the list, without quotes, brackets and port; empty if it is none.
std::string_view address_in(std::string_view entry) {
  entry = trim_blanks(entry);
  if (entry.size() >= 2 && entry.front() == '"' && entry.back() == '"') {
    entry = entry.substr(1, entry.size() - 2);
  }
  std::string_view rest;
  if (entry.starts_with('[')) {
    const std::size_t end = entry.find(']');
    if (end == std::string_view::npos) {
      return {};
    }
    rest = entry.substr(end + 1);
    entry = entry.substr(1, end - 1);
  } else if (std::ranges::count(entry, ':') == 1) {
    const std::size_t colon = entry.find(':');
    rest = entry.substr(colon);
    entry = entry.substr(0, colon);
  }
  return is_port_or_nothing(rest) && config::IpAddress::parse(entry) ? entry : std::string_view();
}

}  // namespace

std::string client_address(std::string_view peer, const Request& request,
                           const config::CidrSet& trusted) {
  std::string_view client = peer;
  if (!trusted.contains(client)) {
    return std::string(client);
  }
  for (const Field& field : std::views::reverse(request.fields)) {
    if (!ascii_equal_ignore_case(field.name, "x-forwarded-for")) {
      continue;
    }
    std::string_view rest = field.value;
    while (true) {
      const std::size_t comma = rest.rfind(',');
      const std::string_view address =
          address_in(comma == std::string_view::npos ? rest : rest.substr(comma + 1));
      if (address.empty()) {
        return std::string(client);
      }
      client = address;
      if (!trusted.contains(client)) {
        return std::string(client);
      }
      if (comma == std::string_view::npos) {
        break;
      }
      rest = rest.substr(0, comma);
    }
  }
  return std::string(client);
}

}  // namespace headgate::edge
