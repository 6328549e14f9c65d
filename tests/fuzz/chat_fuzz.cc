// A chat through the gateway: requests in each dialect become JSON for the vendor or a refusal, and
// a vendor's stream gives the same events wherever it is cut.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <simdjson.h>

#include "dialects/dialect.h"
#include "dialects/openai_embeddings.h"
#include "providers/provider.h"

namespace {

using namespace headgate;

constexpr std::array kDialects = {model::Dialect::OpenAi, model::Dialect::Responses,
                                  model::Dialect::Anthropic};
constexpr std::array<std::string_view, 2> kProtocols = {"openai", "anthropic"};

bool is_json(std::string_view text) {
  simdjson::dom::parser parser;
  return parser.parse(text.data(), text.size()).error() == simdjson::SUCCESS;
}

void decode_and_encode(std::string_view body) {
  const bool valid = is_json(body);
  for (const auto dialect : kDialects) {
    const auto request = dialects::dialect_for(dialect).decode(body);
    if (!request) {
      continue;
    }
    for (const std::string_view protocol : kProtocols) {
      const auto wire = providers::provider_for(protocol)->encode_chat(
          *request, model::Delivery::Stream,
          {.model = "m", .json_model = "\"m\"", .max_output = 0});
      if (valid && wire && !is_json(wire->body[0])) {
        std::abort();
      }
    }
  }
  (void)dialects::decode_openai_embedding(body);
}

/// What a client sees of a vendor's stream that comes in pieces of `size`.
std::string relayed(std::string_view stream, std::size_t size, std::string_view protocol,
                    model::Dialect dialect) {
  const auto reader = providers::provider_for(protocol)->chat_reader();
  const auto writer = dialects::dialect_for(dialect).writer(
      {.request_id = "r", .model = "m", .created = 0, .usage_wanted = true, .request_body = "{}"});
  std::vector<model::ChatEvent> events;
  Result<void> read;
  for (std::size_t at = 0; read && at < stream.size(); at += size) {
    read = reader->feed(stream.substr(at, size), events);
  }
  if (read) {
    read = reader->finish(events);
  }
  std::string out;
  for (const model::ChatEvent& event : events) {
    writer->write(event, out);
  }
  read ? writer->finish(out) : writer->fail(read.error(), out);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = std::max<std::size_t>(data[0], 1);
  decode_and_encode(text);
  (void)providers::provider_for("openai")->decode_embedding(text);
  for (const std::string_view protocol : kProtocols) {
    const auto answer = providers::provider_for(protocol)->decode_chat(text);
    for (const auto dialect : kDialects) {
      if (answer) {
        (void)dialects::dialect_for(dialect).encode(
            *answer, {.request_id = "r", .model = "m", .request_body = "{}"});
      }
      if (relayed(text, piece, protocol, dialect) !=
          relayed(text, text.size() + 1, protocol, dialect)) {
        std::abort();
      }
    }
  }
  return 0;
}
