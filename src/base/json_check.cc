#include "base/json_check.h"

#include <simdjson.h>

namespace headgate {
namespace {

/// A parser keeps several times the longest text it has read.
constexpr std::size_t kUsualText = 64U << 10U;

bool parses(simdjson::dom::parser& parser, std::string_view text) {
  return parser.parse(text.data(), text.size()).error() == simdjson::SUCCESS;
}

}  // namespace

bool is_json(std::string_view text) {
  if (text.size() > kUsualText) {
    simdjson::dom::parser parser;
    return parses(parser, text);
  }
  static thread_local simdjson::dom::parser usual;
  return parses(usual, text);
}

}  // namespace headgate
