#include "base/ids.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <sodium.h>

namespace headgate {
namespace {

/// Random bytes for ids, drawn from the system's generator in blocks to save system calls.
void fill_random(unsigned char* out, std::size_t length) {
  thread_local std::array<unsigned char, 512> block;
  thread_local std::size_t used = block.size();
  if (used + length > block.size()) {
    randombytes_buf(block.data(), block.size());
    used = 0;
  }
  std::memcpy(out, block.data() + used, length);
  used += length;
}

}  // namespace

void append_uuid_v7(std::string& out) {
  std::array<unsigned char, 16> bytes{};
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  for (int i = 0; i < 6; ++i) {
    bytes[static_cast<std::size_t>(i)] =
        static_cast<unsigned char>(static_cast<std::uint64_t>(now) >> (40 - 8 * i));
  }
  fill_random(bytes.data() + 6, 10);
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0FU) | 0x70U);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3FU) | 0x80U);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<char, 36> text{};
  std::size_t at = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) {
      text[at++] = '-';
    }
    text[at++] = kDigits[bytes[i] >> 4U];
    text[at++] = kDigits[bytes[i] & 0xFU];
  }
  out.append(text.data(), text.size());
}

std::string uuid_v7() {
  std::string text;
  text.reserve(36);
  append_uuid_v7(text);
  return text;
}

std::uint64_t random_bits() {
  std::array<unsigned char, sizeof(std::uint64_t)> bytes{};
  fill_random(bytes.data(), bytes.size());
  std::uint64_t bits = 0;
  std::memcpy(&bits, bytes.data(), bytes.size());
  return bits;
}

std::string random_base62(std::size_t length) {
  constexpr std::string_view kAlphabet =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string text(length, '0');
  for (char& c : text) {
    c = kAlphabet[randombytes_uniform(kAlphabet.size())];
  }
  return text;
}

std::string random_bytes(std::size_t length) {
  std::string bytes(length, '\0');
  randombytes_buf(bytes.data(), bytes.size());
  return bytes;
}

}  // namespace headgate
