#include "model/tool_arguments.h"

#include <simdjson.h>

#include "base/encoding.h"
#include "base/json_view.h"

namespace headgate::model {

std::string arguments_object(std::string_view arguments) {
  const JsonView value(arguments);
  if (value.raw().empty()) {
    return "{}";
  }
  simdjson::dom::parser parser;
  const bool is_json = parser.parse(arguments.data(), arguments.size()).error() == 0;
  return is_json && value.is_object() ? std::string(value.raw())
                                      : R"({"raw_arguments":)" + json_quote(arguments) + "}";
}

}  // namespace headgate::model
