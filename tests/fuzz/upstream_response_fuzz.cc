// Upstream response heads: cut in two anywhere, the answer must be the same as in one piece, and
// what is accepted must be unambiguous. The chunked body behind it goes through the decoder.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/chunked_decoder.h"
#include "upstream/response_head.h"
#include "upstream/url.h"

namespace {

using headgate::upstream::find_head_end;
using headgate::upstream::HeadSearch;
using headgate::upstream::parse_response_head;
using headgate::upstream::parse_url;
using headgate::upstream::RequestMethod;
using headgate::upstream::ResponseHead;

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

bool inside(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check_head(std::string_view text, ResponseHead& head) {
  for (std::size_t i = 0; i < head.field_count; ++i) {
    require(!head.fields[i].name.empty());
    require(inside(head.fields[i].name, text) && inside(head.fields[i].value, text));
    require(head.fields[i].value.find_first_of("\r\n") == std::string_view::npos);
  }
  require(head.status >= 100 && head.status <= 599);
  require(head.body != ResponseHead::Body::UntilClose || !head.keep_alive);
}

void decode_chunks(std::string_view body) {
  headgate::ChunkedDecoder decoder;
  while (!body.empty() && !decoder.complete()) {
    const auto step = decoder.next(body);
    if (!step) {
      return;
    }
    require(step->taken > 0 && step->taken <= body.size() && inside(step->data, body));
    body.remove_prefix(step->taken);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) {
    return 0;
  }
  const std::size_t cut = data[0] | static_cast<std::size_t>(data[1]) << 8U;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);

  HeadSearch whole;
  const auto end = find_head_end(text, whole);
  HeadSearch parts;
  auto again = find_head_end(text.substr(0, cut), parts);
  if (again && !*again) {
    again = find_head_end(text, parts);
  }
  require(end.has_value() == again.has_value() && (!end || *end == *again));

  if (end && *end) {
    for (const auto method : {RequestMethod::Other, RequestMethod::Head, RequestMethod::Connect}) {
      ResponseHead head;
      if (parse_response_head(text.substr(0, **end), method, head)) {
        check_head(text, head);
        if (head.body == ResponseHead::Body::Chunked) {
          decode_chunks(text.substr(**end));
        }
      }
    }
  }
  if (const auto url = parse_url(text)) {
    const auto twice = parse_url(url->text());
    require(twice && twice->origin == url->origin && twice->target == url->target);
  }
  return 0;
}
