#include "providers/raw_json.h"

#include <simdjson.h>

namespace headgate::providers {
namespace {

namespace ondemand = simdjson::ondemand;

std::string_view raw_of(ondemand::value value) {
  ondemand::json_type type{};
  std::string_view raw;
  if (value.type().get(type) != simdjson::SUCCESS) {
    return {};
  }
  if (type == ondemand::json_type::object) {
    ondemand::object object;
    const bool read = value.get_object().get(object) == simdjson::SUCCESS &&
                      object.raw_json().get(raw) == simdjson::SUCCESS;
    return read ? raw : std::string_view();
  }
  if (type == ondemand::json_type::array) {
    ondemand::array array;
    const bool read = value.get_array().get(array) == simdjson::SUCCESS &&
                      array.raw_json().get(raw) == simdjson::SUCCESS;
    return read ? raw : std::string_view();
  }
  return value.raw_json_token();
}

}  // namespace

std::optional<std::string> raw_member(std::string_view object_json, std::string_view name) {
  const simdjson::padded_string padded(object_json);
  simdjson::dom::parser checker;
  if (checker.parse(padded).error() != simdjson::SUCCESS) {
    return std::nullopt;  // what follows does not look at what it passes over
  }
  ondemand::parser parser;
  ondemand::document document;
  ondemand::object object;
  ondemand::value value;
  if (parser.iterate(padded).get(document) != simdjson::SUCCESS ||
      document.get_object().get(object) != simdjson::SUCCESS ||
      object.find_field_unordered(name).get(value) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  const std::string_view raw = raw_of(value);
  return std::string(raw.substr(0, raw.find_last_not_of(" \t\r\n") + 1));
}

}  // namespace headgate::providers
