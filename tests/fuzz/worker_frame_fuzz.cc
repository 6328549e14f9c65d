// What a document worker may say: control messages and the answers of page processes, which an
// attacker may have taken over. What is accepted must survive a second trip unchanged.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/encoding.h"
#include "documents/picture_header.h"
#include "documents/worker_protocol.h"

namespace {

using namespace headgate::documents;

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

template <class Message>
void check_message(const std::optional<Message>& message, std::string_view bytes) {
  if (message) {
    require(encode(*message) == bytes);
  }
}

void check_answers(std::string_view bytes) {
  if (const auto reading = decode_reading(bytes); reading && reading->value) {
    for (const auto& line : reading->value->lines) {
      for (const auto& word : line.words) {
        require(headgate::is_utf8(word.text));
      }
    }
    require(encode_answer(*reading->value) == bytes);
  }
  if (const auto inspection = decode_inspection(bytes); inspection && inspection->value) {
    require(!inspection->value->pages.empty());
    require(encode_answer(*inspection->value) == bytes);
  }
  (void)decode_probe(bytes);
}

/// The header readers run inside the sandbox, on the document itself.
void check_headers(std::string_view bytes) {
  constexpr std::uint64_t kMaxPages = 50;
  (void)picture_size(detect_type(bytes), bytes);
  (void)exif_orientation(bytes);
  require(tiff_pages(bytes, kMaxPages).size() <= kMaxPages + 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_message(decode_hello(bytes), bytes);
  check_message(decode_ready(bytes), bytes);
  check_message(decode_job(bytes), bytes);
  check_message(decode_cancel(bytes), bytes);
  check_message(decode_done(bytes), bytes);
  check_answers(bytes);
  check_headers(bytes);
  return 0;
}
