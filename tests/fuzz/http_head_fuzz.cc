// Request heads: whatever the scanner lets through, the parser must take or refuse, and both must
// agree that the head ends where the scanner says.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "edge/head_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headgate::edge;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  HeadScanner whole;
  const auto at_once = whole.scan(text, 32 << 10);
  // Byte by byte the scanner must come to the same end.
  HeadScanner bytewise;
  for (std::size_t n = 1; n <= size && n < 512; ++n) {
    const auto step = bytewise.scan(text.substr(0, n), 32 << 10);
    if (!step) {
      break;
    }
    if (*step) {
      if (!at_once || !*at_once || **at_once != **step) {
        std::abort();
      }
      break;
    }
  }
  if (at_once && *at_once) {
    Head head;
    const auto parsed = parse_head(text.substr(0, **at_once), head);
    if (parsed && head.framing.kind == Framing::Kind::Chunked && head.framing.length != 0) {
      std::abort();
    }
  }
  return 0;
}
