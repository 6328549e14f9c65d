// WebSocket frames: the decoder must come to the same events and the same fault at once as byte by
// byte, and never hand over a message above its limit or a text that is not UTF-8.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/encoding.h"
#include "edge/websocket_frames.h"

namespace {

using namespace headgate::edge;

std::string decode(std::string_view bytes, std::size_t piece) {
  WebSocketDecoder decoder;
  std::string events;
  while (!bytes.empty()) {
    std::string_view input = bytes.substr(0, piece);
    bytes.remove_prefix(input.size());
    while (!input.empty()) {
      const auto step = decoder.next(input);
      if (!step) {
        return events + "fault " + std::to_string(step.error().code);
      }
      if (step->taken == 0 || step->taken > input.size()) {
        std::abort();
      }
      input.remove_prefix(step->taken);
      if (step->event) {
        const auto& event = *step->event;
        if (event.payload.size() > kMaxWebSocketMessage ||
            (event.kind == Opcode::Text && !headgate::is_utf8(event.payload))) {
          std::abort();
        }
        events += std::to_string(static_cast<int>(event.kind)) + ":" + std::to_string(event.code) +
                  event.payload + ";";
      }
    }
  }
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (decode(bytes, size) != decode(bytes, 1)) {
    std::abort();
  }
  return 0;
}
