#include "upstream/address.h"

#include <algorithm>
#include <span>

#include <arpa/inet.h>

namespace headgate::upstream {
namespace {

struct Range {
  std::array<std::uint8_t, 16> prefix;
  unsigned bits;
};

// IANA special-purpose registry, all that is not globally reachable.
constexpr std::array kRefusedV4 = {
    Range{{0}, 8},                  // "this network"
    Range{{10}, 8},                 // private
    Range{{100, 64}, 10},           // shared address space (CGNAT)
    Range{{127}, 8},                // loopback
    Range{{169, 254}, 16},          // link-local, metadata services
    Range{{172, 16}, 12},           // private
    Range{{192, 0, 0}, 24},         // protocol assignments
    Range{{192, 0, 2}, 24},         // documentation
    Range{{192, 31, 196}, 24},      // AS112
    Range{{192, 52, 193}, 24},      // AMT
    Range{{192, 88, 99}, 24},       // 6to4 relays
    Range{{192, 168}, 16},          // private
    Range{{192, 175, 48}, 24},      // AS112
    Range{{198, 18}, 15},           // benchmarking
    Range{{198, 51, 100}, 24},      // documentation
    Range{{203, 0, 113}, 24},       // documentation
    Range{{168, 63, 129, 16}, 32},  // a cloud's host agent on a public address
    Range{{224}, 4},                // multicast
    Range{{240}, 4},                // reserved, broadcast
};

// Only 2000::/3 is global unicast; these parts of it are not for the public.
constexpr std::array kRefusedV6 = {
    Range{{0x20, 0x01, 0x00, 0x00}, 23},  // protocol assignments: Teredo, ORCHID, benchmarking
    Range{{0x20, 0x01, 0x0d, 0xb8}, 32},  // documentation
    Range{{0x20, 0x02}, 16},              // 6to4
    Range{{0x26, 0x20, 0x00, 0x4f, 0x80, 0x00}, 48},  // AS112
    Range{{0x3f, 0xfe}, 16},                          // former 6bone
    Range{{0x3f, 0xff}, 20},                          // documentation
};

bool contains(const Range& range, std::span<const std::uint8_t> bytes) {
  unsigned left = range.bits;
  for (std::size_t i = 0; left > 0; ++i) {
    const unsigned take = std::min(left, 8U);
    const auto mask = static_cast<std::uint8_t>(0xFFU << (8 - take));
    if ((bytes[i] & mask) != (range.prefix[i] & mask)) {
      return false;
    }
    left -= take;
  }
  return true;
}

bool refused_v6(const IpAddress& address) {
  const auto& bytes = address.bytes;
  if ((bytes[0] & 0xE0U) != 0x20) {  // outside 2000::/3: ::1, fc00::/7, fe80::/10, 64:ff9b::, ...
    return true;
  }
  if (std::ranges::any_of(kRefusedV6, [&](const Range& r) { return contains(r, bytes); })) {
    return true;
  }
  // ISATAP: an interface id of [00|02]00:5efe followed by an IPv4 address.
  return (bytes[8] & 0xFDU) == 0 && bytes[9] == 0 && bytes[10] == 0x5E && bytes[11] == 0xFE;
}

}  // namespace

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  const int domain = family == Family::V4 ? AF_INET : AF_INET6;
  inet_ntop(domain, bytes.data(), buffer.data(), buffer.size());
  return buffer.data();
}

bool IpAddress::loopback() const {
  if (family == Family::V4) {
    return bytes[0] == 127;
  }
  return std::ranges::all_of(std::span(bytes).first(15), [](std::uint8_t b) { return b == 0; }) &&
         bytes[15] == 1;
}

std::optional<IpAddress> parse_address(std::string_view text) {
  // Copied because inet_pton wants a terminated string; its grammar is the canonical one.
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (text.empty() || text.size() >= buffer.size() || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  std::ranges::copy(text, buffer.begin());
  IpAddress address;
  if (text.find(':') != std::string_view::npos) {
    address.family = IpAddress::Family::V6;
    return inet_pton(AF_INET6, buffer.data(), address.bytes.data()) == 1 ? std::optional(address)
                                                                         : std::nullopt;
  }
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    const bool starts_part = i == 0 || text[i - 1] == '.';
    if (starts_part && text[i] == '0' && text[i + 1] != '.') {
      return std::nullopt;  // a leading zero is octal to some readers
    }
  }
  return inet_pton(AF_INET, buffer.data(), address.bytes.data()) == 1 ? std::optional(address)
                                                                      : std::nullopt;
}

Result<void> check_address(const IpAddress& address) {
  const bool refused = address.family == IpAddress::Family::V6
                           ? refused_v6(address)
                           : std::ranges::any_of(kRefusedV4, [&](const Range& r) {
                               return contains(r, address.bytes);
                             });
  if (!refused) {
    return {};
  }
  Error error = invalid_request("The URL leads to an address that may not be fetched.");
  error.code = "url_not_allowed";
  error.detail = "refused address " + address.text();
  return fail(std::move(error));
}

}  // namespace headgate::upstream
