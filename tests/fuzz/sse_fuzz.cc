// Server-sent events: cut anywhere, a stream must be relayed the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "providers/openai_stream.h"

namespace {

std::string relay(std::string_view text, std::size_t step, headgate::providers::UsageEvent usage) {
  const auto stream = headgate::providers::make_openai_stream(usage);
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += step) {
    const auto piece = stream->feed(text.substr(at, step));
    if (!piece) {
      return out + "!";
    }
    out.append(*piece);
  }
  const auto last = stream->finish();
  return last ? out.append(*last) : out + "!";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using headgate::providers::UsageEvent;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t step = size == 0 ? 2 : 2 + data[0] % 61U;
  for (const UsageEvent usage : {UsageEvent::Shown, UsageEvent::Hidden}) {
    const std::string whole = relay(text, text.size() + 1, usage);
    if (whole != relay(text, 1, usage) || whole != relay(text, step, usage)) {
      std::abort();
    }
  }
  return 0;
}
