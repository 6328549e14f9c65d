#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace headgate::sim {

inline constexpr std::uint64_t kHashStart = 0xcbf29ce484222325ULL;

/// FNV-1a over `text`, going on from `hash`. White space does not count, so that texts which were
/// joined or trimmed on the way still give the same.
std::uint64_t hash_text(std::uint64_t hash, std::string_view text);

/// 16 hexadecimal digits.
std::string hex_of(std::uint64_t number);

/// The first 8 hexadecimal digits of the SHA-256 of `key`; empty for an empty one.
std::string short_hash(std::string_view key);

void append_base64(std::string& out, std::string_view bytes);
std::string base64_of(std::string_view bytes);

/// `%41` becomes `A`; what is no escape stays.
std::string percent_decoded(std::string_view text);

}  // namespace headgate::sim
