#include "config/cidr.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>

namespace headgate::config {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr std::size_t kLongestText = 45;

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.empty() || text.size() > kLongestText || text.contains('\0')) {
    return std::nullopt;
  }
  const std::string terminated(text);
  IpAddress address;
  if (inet_pton(AF_INET, terminated.c_str(), address.bytes_.data()) == 1) {
    address.v4_ = true;
    return address;
  }
  if (inet_pton(AF_INET6, terminated.c_str(), address.bytes_.data()) != 1) {
    return std::nullopt;
  }
  if (std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes_.begin())) {
    IpAddress mapped;
    mapped.v4_ = true;
    std::copy(address.bytes_.begin() + 12, address.bytes_.end(), mapped.bytes_.begin());
    return mapped;
  }
  return address;
}

bool IpAddress::is_loopback() const {
  if (v4_) {
    return bytes_[0] == 127;
  }
  return bytes_[15] == 1 && std::all_of(bytes_.begin(), bytes_.begin() + 15,
                                        [](std::uint8_t byte) { return byte == 0; });
}

bool IpAddress::is_unspecified() const {
  return std::ranges::all_of(bytes_, [](std::uint8_t byte) { return byte == 0; });
}

std::optional<Cidr> Cidr::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) {
    return std::nullopt;
  }
  Cidr range;
  range.network_ = *address;
  const unsigned longest = address->is_v4() ? 32 : 128;
  range.bits_ = longest;
  if (slash == std::string_view::npos) {
    return range;
  }
  const auto digits = text.substr(slash + 1);
  const char* begin = digits.data();
  const char* end = begin + digits.size();
  const auto [stop, error] = std::from_chars(begin, end, range.bits_);
  if (error != std::errc{} || stop != end) {
    return std::nullopt;
  }
  // A prefix on ::ffff:a.b.c.d counts the 96 mapped bits, which the IPv4 form does not have.
  if (address->is_v4() && text.substr(0, slash).contains(':')) {
    if (range.bits_ < 96 || range.bits_ > 128) {
      return std::nullopt;
    }
    range.bits_ -= 96;
  }
  if (range.bits_ > longest) {
    return std::nullopt;
  }
  return range;
}

bool Cidr::contains(const IpAddress& address) const {
  if (address.is_v4() != network_.is_v4()) {
    return false;
  }
  const std::size_t whole = bits_ / 8;
  if (std::memcmp(address.bytes_.data(), network_.bytes_.data(), whole) != 0) {
    return false;
  }
  const unsigned rest = bits_ % 8;
  if (rest == 0) {
    return true;
  }
  const unsigned mask = (0xFFU << (8 - rest)) & 0xFFU;
  return ((address.bytes_[whole] ^ network_.bytes_[whole]) & mask) == 0;
}

Result<CidrSet> CidrSet::parse(const std::vector<std::string>& texts) {
  CidrSet set;
  set.ranges_.reserve(texts.size());
  for (const std::string& text : texts) {
    const auto range = Cidr::parse(text);
    if (!range) {
      return fail(invalid_request("\"" + text + "\" is not an address range such as 10.0.0.0/8"));
    }
    set.ranges_.push_back(*range);
  }
  return set;
}

bool CidrSet::contains(std::string_view address) const {
  const auto parsed = IpAddress::parse(address);
  return parsed && contains(*parsed);
}

bool CidrSet::contains(const IpAddress& address) const {
  return std::ranges::any_of(ranges_, [&](const Cidr& range) { return range.contains(address); });
}

}  // namespace headgate::config
