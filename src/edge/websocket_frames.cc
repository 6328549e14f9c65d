#include "edge/websocket_frames.h"

#include <algorithm>
#include <utility>

#include "base/encoding.h"

namespace headgate::edge {
namespace {

constexpr std::size_t kMaxControl = 125;
constexpr std::uint8_t kLength16 = 126;
constexpr std::uint8_t kLength64 = 127;
constexpr std::size_t kMaskSize = 4;

WebSocketFault protocol_error(std::string_view reason) {
  return {.code = close_code::kProtocolError, .reason = reason};
}

/// Codes an endpoint may send: RFC 6455 §7.4 and the registry's 1012 to 1014.
bool may_be_sent(std::uint16_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}

bool is_known(std::uint8_t opcode) { return opcode <= 0x2 || (opcode >= 0x8 && opcode <= 0xA); }

}  // namespace

std::expected<WebSocketDecoder::Step, WebSocketFault> WebSocketDecoder::next(
    std::string_view input) {
  if (fault_) {
    return std::unexpected(*fault_);
  }
  if (closed_) {
    return Step{.taken = input.size(), .event = std::nullopt};
  }
  std::size_t at = 0;
  while (true) {
    while (!in_payload_) {
      if (at == input.size()) {
        return Step{.taken = at, .event = std::nullopt};
      }
      fault_ = take_header_byte(input[at++]);
      if (fault_) {
        return std::unexpected(*fault_);
      }
    }
    const auto size =
        static_cast<std::size_t>(std::min<std::uint64_t>(length_ - done_, input.size() - at));
    std::string& into = is_control() ? control_ : message_;
    const unsigned char* const mask = header_.data() + header_size_ - kMaskSize;
    for (const char c : input.substr(at, size)) {
      into.push_back(static_cast<char>(static_cast<unsigned char>(c) ^ mask[done_++ % kMaskSize]));
    }
    at += size;
    if (done_ < length_) {
      return Step{.taken = at, .event = std::nullopt};
    }
    auto event = end_frame();
    if (!event) {
      fault_ = event.error();
      return std::unexpected(*fault_);
    }
    if (*event) {
      return Step{.taken = at, .event = std::move(*event)};
    }
  }
}

WebSocketDecoder::Fault WebSocketDecoder::take_header_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  header_[header_have_++] = byte;
  if (header_have_ == 1) {
    if ((byte & 0x70U) != 0) {
      return protocol_error("A reserved bit is set, but no extension was agreed on.");
    }
    if (!is_known(byte & 0x0FU)) {
      return protocol_error("The opcode is not known.");
    }
    opcode_ = static_cast<Opcode>(byte & 0x0FU);
    if (is_control() && (byte & 0x80U) == 0) {
      return protocol_error("A control frame is fragmented.");
    }
    if (opcode_ == Opcode::Continuation && !message_kind_) {
      return protocol_error("A continuation has nothing to continue.");
    }
    if (!is_control() && opcode_ != Opcode::Continuation && message_kind_) {
      return protocol_error("A message starts inside another.");
    }
  } else if (header_have_ == 2) {
    if ((byte & 0x80U) == 0) {
      return protocol_error("A client's frame is not masked.");
    }
    const std::uint8_t length = byte & 0x7FU;
    if (is_control() && length > kMaxControl) {
      return protocol_error("A control frame is longer than 125 bytes.");
    }
    header_size_ = 2 + kMaskSize + (length == kLength16 ? 2U : length == kLength64 ? 8U : 0U);
  }
  return header_have_ == header_size_ ? begin_frame() : std::nullopt;
}

WebSocketDecoder::Fault WebSocketDecoder::begin_frame() {
  length_ = header_[1] & 0x7FU;
  if (length_ >= kLength16) {
    const std::uint64_t least = length_ == kLength16 ? kLength16 : 0x10000;
    length_ = 0;
    for (std::size_t i = 2; i < header_size_ - kMaskSize; ++i) {
      length_ = length_ << 8U | header_[i];
    }
    if (length_ < least || length_ >> 63U != 0) {
      return protocol_error("A frame's length is not in its shortest form.");
    }
  }
  if (!is_control()) {
    if (length_ > kMaxWebSocketMessage - message_.size()) {
      return WebSocketFault{.code = close_code::kTooBig,
                            .reason = "A message may have at most 64 KiB."};
    }
    if (opcode_ != Opcode::Continuation) {
      message_kind_ = opcode_;
    }
  }
  done_ = 0;
  in_payload_ = true;
  return std::nullopt;
}

std::expected<std::optional<WebSocketDecoder::Event>, WebSocketFault>
WebSocketDecoder::end_frame() {
  const bool final = (header_[0] & 0x80U) != 0;
  in_payload_ = false;
  header_have_ = 0;
  header_size_ = 2;
  if (opcode_ == Opcode::Close) {
    auto close = end_close();
    if (!close) {
      return std::unexpected(close.error());
    }
    return std::optional(std::move(*close));
  }
  if (is_control()) {
    return Event{.kind = opcode_, .payload = std::exchange(control_, {})};
  }
  if (!final) {
    return std::nullopt;
  }
  Event event{.kind = *message_kind_, .payload = std::exchange(message_, {})};
  message_kind_.reset();
  if (event.kind == Opcode::Text && !is_utf8(event.payload)) {
    return std::unexpected(
        WebSocketFault{.code = close_code::kInvalidText, .reason = "A text is not valid UTF-8."});
  }
  return event;
}

std::expected<WebSocketDecoder::Event, WebSocketFault> WebSocketDecoder::end_close() {
  Event event{.kind = Opcode::Close, .payload = std::exchange(control_, {})};
  if (!event.payload.empty()) {
    if (event.payload.size() == 1) {
      return std::unexpected(protocol_error("A close code is cut off."));
    }
    event.code = static_cast<std::uint16_t>(static_cast<unsigned char>(event.payload[0]) << 8U |
                                            static_cast<unsigned char>(event.payload[1]));
    event.payload.erase(0, 2);
    if (!may_be_sent(event.code)) {
      return std::unexpected(protocol_error("The close code is not one that may be sent."));
    }
    if (!is_utf8(event.payload)) {
      return std::unexpected(WebSocketFault{.code = close_code::kInvalidText,
                                            .reason = "A close reason is not valid UTF-8."});
    }
  }
  closed_ = true;
  return event;
}

void append_websocket_frame(std::string& out, Opcode opcode, std::string_view payload) {
  out.push_back(static_cast<char>(0x80U | static_cast<std::uint8_t>(opcode)));
  const std::uint64_t size = payload.size();
  const auto append_length = [&](std::uint8_t marker, unsigned bytes) {
    out.push_back(static_cast<char>(marker));
    for (unsigned i = bytes; i-- > 0;) {
      out.push_back(static_cast<char>(size >> (8U * i) & 0xFFU));
    }
  };
  if (size < kLength16) {
    out.push_back(static_cast<char>(size));
  } else if (size < 0x10000) {
    append_length(kLength16, 2);
  } else {
    append_length(kLength64, 8);
  }
  out.append(payload);
}

void append_websocket_close(std::string& out, std::uint16_t code, std::string_view reason) {
  if (code == close_code::kNone) {
    append_websocket_frame(out, Opcode::Close, {});
    return;
  }
  constexpr std::size_t kMaxReason = kMaxControl - 2;
  if (reason.size() > kMaxReason) {
    std::size_t end = kMaxReason;
    while (end > 0 && (static_cast<unsigned char>(reason[end]) & 0xC0U) == 0x80) {
      --end;
    }
    reason = reason.substr(0, end);
  }
  std::string payload;
  payload.push_back(static_cast<char>(code >> 8U));
  payload.push_back(static_cast<char>(code & 0xFFU));
  payload.append(reason);
  append_websocket_frame(out, Opcode::Close, payload);
}

}  // namespace headgate::edge
