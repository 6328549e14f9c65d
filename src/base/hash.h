#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace headgate {

using Sha256 = std::array<unsigned char, 32>;

/// SHA-256 of `bytes`; a per-thread context, no allocation once warm.
Sha256 sha256(std::string_view bytes);
/// HMAC-SHA-256 (RFC 2104).
Sha256 hmac_sha256(std::string_view key, std::string_view bytes);
/// Compares in time that depends only on the lengths.
bool equal_in_constant_time(std::string_view a, std::string_view b);

inline std::string_view as_view(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace headgate
