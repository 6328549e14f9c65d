// Chunked bodies: cut anywhere, the decoder must yield the same bytes and the same verdict.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/chunked_decoder.h"

namespace {

struct Outcome {
  std::string body;
  bool good = true;
  bool complete = false;
  bool operator==(const Outcome&) const = default;
};

Outcome decode(std::string_view text, std::size_t step) {
  headgate::ChunkedDecoder decoder(1 << 20);
  Outcome outcome;
  std::size_t at = 0;
  while (at < text.size() && !decoder.complete()) {
    const auto taken = decoder.next(text.substr(at, step));
    if (!taken) {
      outcome.good = false;
      break;
    }
    outcome.body.append(taken->data);
    at += taken->taken;
  }
  outcome.complete = decoder.complete();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (!(decode(text, text.size()) == decode(text, 1)) || !(decode(text, 7) == decode(text, 1))) {
    std::abort();
  }
  return 0;
}
