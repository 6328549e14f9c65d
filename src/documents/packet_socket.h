#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace headgate::documents {

/// One control message as received. Descriptors are the receiver's to close; -1 if none came.
struct Packet {
  enum class State : std::uint8_t { Message, Closed, Failed };
  State state = State::Failed;
  std::string bytes;
  std::array<int, 2> descriptors{-1, -1};
};

/// Sends one message, with both descriptors unless they are -1. False if the other side is gone or
/// the system has no room.
bool send_packet(int socket, std::string_view bytes, std::array<int, 2> descriptors = {-1, -1});

/// Receives one message, waiting for it on a blocking socket. Surplus descriptors are closed, a
/// message longer than kMaxControlBytes is Failed.
Packet receive_packet(int socket);

}  // namespace headgate::documents
