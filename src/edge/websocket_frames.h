#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace headgate::edge {

/// Largest message taken from a client, all its fragments together.
inline constexpr std::size_t kMaxWebSocketMessage = 64 << 10;

/// Values of RFC 6455 §11.8.
enum class Opcode : std::uint8_t {
  Continuation = 0x0,
  Text = 0x1,
  Binary = 0x2,
  Close = 0x8,
  Ping = 0x9,
  Pong = 0xA,
};

/// Close codes of RFC 6455 §7.4.1 that the edge uses itself.
namespace close_code {
inline constexpr std::uint16_t kNormal = 1000;
inline constexpr std::uint16_t kGoingAway = 1001;
inline constexpr std::uint16_t kProtocolError = 1002;
inline constexpr std::uint16_t kUnsupportedData = 1003;
inline constexpr std::uint16_t kNone = 1005;  ///< stands for a Close without a code; never sent
inline constexpr std::uint16_t kInvalidText = 1007;
inline constexpr std::uint16_t kPolicy = 1008;
inline constexpr std::uint16_t kTooBig = 1009;
inline constexpr std::uint16_t kInternal = 1011;
}  // namespace close_code

/// Why a connection must be failed: what its Close frame says.
struct WebSocketFault {
  std::uint16_t code = close_code::kProtocolError;
  std::string_view reason;  ///< static
};

/// Decodes what a client sends (RFC 6455 §5), strictly, from bytes cut anywhere: masked frames, no
/// extensions, shortest lengths, whole control frames, valid UTF-8 and close codes. Puts fragments
/// together. Holds at most one message and one control frame.
class WebSocketDecoder {
 public:
  struct Event {
    Opcode kind = Opcode::Text;              ///< anything but Continuation
    std::string payload;                     ///< of a Close, its reason
    std::uint16_t code = close_code::kNone;  ///< of a Close
  };
  struct Step {
    std::size_t taken = 0;       ///< bytes of the input that are done with
    std::optional<Event> event;  ///< what they completed
  };
  /// Takes bytes from the front of `input` up to the end of a message or control frame. Call again
  /// with the rest until it is empty. After a fault every call gives that fault again; bytes behind
  /// a Close are dropped.
  std::expected<Step, WebSocketFault> next(std::string_view input);

 private:
  using Fault = std::optional<WebSocketFault>;
  Fault take_header_byte(char c);
  Fault begin_frame();
  std::expected<std::optional<Event>, WebSocketFault> end_frame();
  std::expected<Event, WebSocketFault> end_close();
  bool is_control() const { return static_cast<std::uint8_t>(opcode_) >= 0x8; }

  std::array<unsigned char, 14> header_{};
  std::size_t header_have_ = 0;
  std::size_t header_size_ = 2;
  bool in_payload_ = false;

  Opcode opcode_ = Opcode::Continuation;
  std::uint64_t length_ = 0;
  std::uint64_t done_ = 0;  // payload bytes of this frame that have been taken

  std::string message_;  // of the fragments so far
  std::optional<Opcode> message_kind_;
  std::string control_;
  std::optional<WebSocketFault> fault_;
  bool closed_ = false;
};

/// Appends one unmasked, final frame, as a server sends it. Control payloads: at most 125 bytes.
void append_websocket_frame(std::string& out, Opcode opcode, std::string_view payload);

/// Appends a Close frame; without a payload if `code` is kNone. A reason that does not fit is cut
/// between two characters.
void append_websocket_close(std::string& out, std::uint16_t code, std::string_view reason);

}  // namespace headgate::edge
