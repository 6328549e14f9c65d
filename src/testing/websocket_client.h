#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace headgate::testing {

enum class Final : std::uint8_t { Yes, No };

/// A masked frame as a client sends it; `opcode` may carry reserved bits.
inline std::string client_frame(unsigned opcode, std::string_view payload,
                                Final final = Final::Yes) {
  constexpr unsigned char kMask[4] = {0x37, 0xFA, 0x21, 0x3D};
  std::string out;
  out.push_back(static_cast<char>(opcode | (final == Final::Yes ? 0x80U : 0U)));
  const std::uint64_t size = payload.size();
  const unsigned bytes = size < 126 ? 0 : size < 0x10000 ? 2 : 8;
  out.push_back(static_cast<char>(0x80U | (bytes == 0 ? size : bytes == 2 ? 126U : 127U)));
  for (unsigned i = bytes; i-- > 0;) {
    out.push_back(static_cast<char>(size >> (8U * i) & 0xFFU));
  }
  out.append(reinterpret_cast<const char*>(kMask), sizeof kMask);
  for (std::size_t i = 0; i < payload.size(); ++i) {
    out.push_back(static_cast<char>(static_cast<unsigned char>(payload[i]) ^ kMask[i % 4]));
  }
  return out;
}

inline std::string client_close(int code, std::string_view reason) {
  std::string payload;
  payload.push_back(static_cast<char>(code >> 8));
  payload.push_back(static_cast<char>(code & 0xFF));
  return client_frame(0x8, payload.append(reason));
}

/// A frame from a server as "<opcode>:<payload>", of a Close "8:<code> <reason>"; what is wrong
/// with it, or "end".
template <class Peer>
std::string read_server_frame(Peer& peer) {
  const std::string head = peer.read_exactly(2);
  if (head.size() < 2) {
    return "end";
  }
  const auto first = static_cast<unsigned char>(head[0]);
  std::uint64_t size = static_cast<unsigned char>(head[1]);
  if ((first & 0xF0U) != 0x80 || size > 127) {
    return "not a final frame without a mask";
  }
  if (size >= 126) {
    const std::string length = peer.read_exactly(size == 126 ? 2 : 8);
    size = 0;
    for (const char c : length) {
      size = size << 8U | static_cast<unsigned char>(c);
    }
  }
  std::string payload = peer.read_exactly(static_cast<std::size_t>(size));
  if ((first & 0xFU) == 0x8 && payload.size() >= 2) {
    const unsigned code = static_cast<unsigned>(static_cast<unsigned char>(payload[0])) << 8U |
                          static_cast<unsigned char>(payload[1]);
    payload = std::to_string(code) + " " + payload.substr(2);
  }
  return std::to_string(first & 0xFU) + ":" + payload;
}

}  // namespace headgate::testing
