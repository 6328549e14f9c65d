#include "sim/protobuf.h"

#include <algorithm>

namespace headgate::sim {
namespace {

constexpr int kMaxDepth = 32;

std::string camel(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    bool joint = name[i] == '_' && i + 1 < name.size() && name[i + 1] >= 'a' && name[i + 1] <= 'z';
    out += joint ? static_cast<char>(name[++i] - 32) : name[i];
  }
  return out;
}

Problem check_schema_at(const json::value& value, int depth) {
  const json::object* schema = value.if_object();
  if (!schema || depth > kMaxDepth) {
    return "A schema must be an object.";
  }
  if (Problem problem = unknown_name(*schema, {"type",        "format",        "title",
                                               "description", "nullable",      "enum",
                                               "maxItems",    "minItems",      "properties",
                                               "required",    "minProperties", "maxProperties",
                                               "minLength",   "maxLength",     "pattern",
                                               "example",     "anyOf",         "propertyOrdering",
                                               "default",     "items",         "minimum",
                                               "maximum"},
                                     "schema")) {
    return problem;
  }
  for (const auto& [name, value_of_name] : *schema) {
    if (name == "properties" && value_of_name.is_object()) {
      for (const auto& [unused, property] : value_of_name.get_object()) {
        if (Problem problem = check_schema_at(property, depth + 1)) {
          return problem;
        }
      }
    } else if (name == "items") {
      if (Problem problem = check_schema_at(value_of_name, depth + 1)) {
        return problem;
      }
    }
  }
  return std::nullopt;
}

}  // namespace

json::object camelled(const json::object& object) {
  json::object out;
  for (const auto& [name, value] : object) {
    out[camel(name)] = value;
  }
  return out;
}

Problem unknown_name(const json::object& object, Names known, std::string_view place) {
  for (const auto& [name, value] : object) {
    if (std::find(known.begin(), known.end(), camel(name)) == known.end()) {
      return "Invalid JSON payload received. Unknown name \"" + std::string(name) + "\" at '" +
             std::string(place) + "': Cannot find field.";
    }
  }
  return std::nullopt;
}

bool is_function_name(std::string_view name) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && name.size() <= 64 && letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return letter(c) || (c >= '0' && c <= '9') || c == '.' || c == ':' || c == '-';
         });
}

Problem check_schema(const json::value& value) { return check_schema_at(value, 0); }

}  // namespace headgate::sim
