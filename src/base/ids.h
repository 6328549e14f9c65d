#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <utility>

namespace headgate {

/// A string id that cannot be mistaken for another kind of id.
template <class Tag>
class Id {
 public:
  Id() = default;
  explicit Id(std::string text) : text_(std::move(text)) {}
  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }
  friend auto operator<=>(const Id&, const Id&) = default;

 private:
  std::string text_;
};

using UserId = Id<struct UserTag>;
using KeyId = Id<struct KeyTag>;

/// A fresh UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, then random, as lower-case text. Thread
/// safe.
std::string uuid_v7();
/// Appends a fresh UUIDv7 to `out`, without allocating if there is room.
void append_uuid_v7(std::string& out);
/// `length` random characters of [0-9A-Za-z] from the system's generator: 5.95 bits each.
std::string random_base62(std::size_t length);
/// 64 bits from the system's generator, drawn in blocks to save system calls. Thread safe.
std::uint64_t random_bits();
/// `length` random bytes from the system's generator.
std::string random_bytes(std::size_t length);

}  // namespace headgate
