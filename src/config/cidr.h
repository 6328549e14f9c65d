#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace headgate::config {

/// An IPv4 or IPv6 address. An IPv4 address mapped into IPv6 (::ffff:a.b.c.d) is the IPv4 address.
class IpAddress final {
 public:
  /// The usual text forms, without brackets, port or zone.
  static std::optional<IpAddress> parse(std::string_view text);

  bool is_v4() const { return v4_; }
  bool is_loopback() const;
  bool is_unspecified() const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  friend class Cidr;
  std::array<std::uint8_t, 16> bytes_{};  // of an IPv4 address, the first four
  bool v4_ = false;
};

/// A range of addresses of one family: `10.0.0.0/8`, `fd00::/8`, or one address alone.
class Cidr final {
 public:
  static std::optional<Cidr> parse(std::string_view text);
  bool contains(const IpAddress& address) const;

 private:
  IpAddress network_;
  unsigned bits_ = 0;
};

/// Several ranges: trusted proxies, allow-lists. A value; parse once, ask often.
class CidrSet final {
 public:
  CidrSet() = default;
  /// InvalidRequest naming the first text that is no range.
  static Result<CidrSet> parse(const std::vector<std::string>& texts);

  bool empty() const { return ranges_.empty(); }
  /// False for text that is not an address.
  bool contains(std::string_view address) const;
  bool contains(const IpAddress& address) const;

 private:
  std::vector<Cidr> ranges_;
};

}  // namespace headgate::config
