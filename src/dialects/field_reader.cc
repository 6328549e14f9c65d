#include "dialects/field_reader.h"

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/json_writer.h"

namespace headgate::dialects {
namespace {

std::string shown(auto number) {
  std::string text;
  JsonWriter(text).number(number);
  return text;
}

}  // namespace

void FieldReader::keep(std::string message, const std::string& param, std::string code) {
  if (!error_) {
    error_ = invalid_request(std::move(message), param);
    error_->code = std::move(code);
  }
}

void FieldReader::wrong(const std::string& param, const std::string& wanted) {
  keep("'" + param + "' must be " + wanted + ".", param, "invalid_value");
}

void FieldReader::unsupported(const std::string& param, const std::string& why) {
  keep("'" + param + "' cannot be used with this model" + (why.empty() ? "" : ": " + why) + ".",
       param, "unsupported_parameter");
}

void FieldReader::missing(const std::string& param) {
  keep("Missing required parameter: '" + param + "'.", param, "missing_required_parameter");
}

void FieldReader::refuse_unknown(const JsonObject& object, const std::string& place,
                                 std::initializer_list<std::string_view> known) {
  for (const JsonMember& member : object.members()) {
    if (member.value.given() && std::ranges::find(known, member.name) == known.end()) {
      const std::string param = place.empty() ? member.name : place + "." + member.name;
      keep("Unknown parameter for this model: '" + param + "'.", param, "unknown_parameter");
    }
  }
}

std::string FieldReader::text(const JsonView& value, const std::string& param) {
  if (value.given() && !value.is_string()) {
    wrong(param, "a string");
  }
  return value.text().value_or("");
}

std::string FieldReader::required_text(const JsonView& value, const std::string& param) {
  std::string read = text(value, param);
  if (read.empty()) {
    value.given() ? wrong(param, "a string that is not empty") : missing(param);
  }
  return read;
}

std::string FieldReader::word(const JsonView& value, const std::string& param,
                              std::initializer_list<std::string_view> known) {
  std::string read = text(value, param);
  if (value.given() && std::ranges::find(known, read) == known.end()) {
    std::string list;
    for (const std::string_view word : known) {
      list.append(list.empty() ? "" : ", ").append(word);
    }
    wrong(param, "one of " + list);
  }
  return read;
}

std::optional<bool> FieldReader::flag(const JsonView& value, const std::string& param) {
  if (value.given() && !value.boolean()) {
    wrong(param, "true or false");
  }
  return value.boolean();
}

std::optional<std::int64_t> FieldReader::integer(const JsonView& value, const std::string& param,
                                                 std::int64_t least, std::int64_t most) {
  if (!value.given()) {
    return std::nullopt;
  }
  const auto read = value.integer();
  if (!read || *read < least || *read > most) {
    wrong(param, most == INT64_MAX && least == INT64_MIN ? "a 64-bit integer"
                 : most == INT64_MAX                     ? "an integer of at least " + shown(least)
                                     : "an integer from " + shown(least) + " to " + shown(most));
  }
  return read;
}

std::optional<double> FieldReader::number(const JsonView& value, const std::string& param,
                                          double least, double most) {
  if (!value.given()) {
    return std::nullopt;
  }
  const auto read = value.number();
  if (!read || *read < least || *read > most) {
    wrong(param, "a number from " + shown(least) + " to " + shown(most));
  }
  return read;
}

std::string FieldReader::object(const JsonView& value, const std::string& param) {
  if (value.given() && !value.is_object()) {
    wrong(param, "an object");
  }
  return value.is_object() ? std::string(value.raw()) : std::string();
}

}  // namespace headgate::dialects
