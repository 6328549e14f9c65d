#include "sim/json.h"

#include <boost/system/error_code.hpp>

#include "sim/text.h"

namespace headgate::sim {
namespace {

constexpr std::size_t kMaxDepth = 64;
constexpr int kMaxSchemaDepth = 12;

void append_example(std::string& out, const json::value& schema, std::string_view word, int depth);

std::string_view type_of(const json::object& schema) {
  const json::value* type = member(schema, "type");
  if (type && type->is_array() && !type->get_array().empty()) {
    type = &type->get_array().front();
  }
  if (type && type->is_string()) {
    return type->get_string();
  }
  return member(schema, "properties") ? "object" : "string";
}

void append_object(std::string& out, const json::object& schema, std::string_view word, int depth) {
  out += '{';
  if (const json::object* properties = object_member(schema, "properties")) {
    for (const auto& [name, property] : *properties) {
      out += out.back() == '{' ? "" : ",";
      append_json_string(out, name, HighBytes::Keep);
      out += ':';
      append_example(out, property, word, depth + 1);
    }
  }
  out += '}';
}

void append_example(std::string& out, const json::value& schema, std::string_view word, int depth) {
  if (!schema.is_object() || depth > kMaxSchemaDepth) {
    out += "null";
    return;
  }
  const json::object& object = schema.get_object();
  if (const json::value* constant = member(object, "const")) {
    out += json::serialize(*constant);
    return;
  }
  for (std::string_view choice : {"enum", "anyOf", "oneOf", "allOf"}) {
    const json::array* values = array_member(object, choice);
    if (!values || values->empty()) {
      continue;
    }
    if (choice == "enum") {
      out += json::serialize(values->front());
    } else {
      append_example(out, values->front(), word, depth + 1);
    }
    return;
  }
  std::string_view type = type_of(object);
  if (equals_ignoring_case(type, "object")) {
    append_object(out, object, word, depth);
  } else if (equals_ignoring_case(type, "array")) {
    out += '[';
    if (const json::value* items = member(object, "items")) {
      append_example(out, *items, word, depth + 1);
    }
    out += ']';
  } else if (equals_ignoring_case(type, "integer") || equals_ignoring_case(type, "number")) {
    out += '7';
  } else if (equals_ignoring_case(type, "boolean")) {
    out += "true";
  } else if (equals_ignoring_case(type, "null")) {
    out += "null";
  } else {
    append_json_string(out, word, HighBytes::Keep);
  }
}

}  // namespace

std::optional<json::object> parse_object(std::string_view text) {
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::value value = json::parse(text, error, {}, options);
  if (error || !value.is_object()) {
    return std::nullopt;
  }
  return std::move(value.get_object());
}

const json::value* member(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value && !value->is_null() ? value : nullptr;
}

const json::object* object_member(const json::object& object, std::string_view name) {
  const json::value* value = member(object, name);
  return value ? value->if_object() : nullptr;
}

const json::array* array_member(const json::object& object, std::string_view name) {
  const json::value* value = member(object, name);
  return value ? value->if_array() : nullptr;
}

std::optional<std::string_view> text_member(const json::object& object, std::string_view name) {
  const json::value* value = member(object, name);
  if (!value || !value->is_string()) {
    return std::nullopt;
  }
  return std::string_view(value->get_string());
}

std::optional<std::size_t> count_member(const json::object& object, std::string_view name) {
  const json::value* value = member(object, name);
  if (!value) {
    return std::nullopt;
  }
  if (value->is_string()) {
    return parse_count(std::string_view(value->get_string()), SIZE_MAX);
  }
  boost::system::error_code error;
  auto number = value->to_number<std::size_t>(error);
  return error ? std::nullopt : std::optional(number);
}

bool flag_member(const json::object& object, std::string_view name) {
  const json::value* value = member(object, name);
  return value && value->is_bool() && value->get_bool();
}

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text, HighBytes::Keep);
  return out;
}

std::string example_of(const json::value& schema, std::string_view word) {
  std::string out;
  append_example(out, schema, word, 0);
  return out;
}

}  // namespace headgate::sim
