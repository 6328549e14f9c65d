#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json.hpp>

// Reading requests; answers are written by appending. Included by .cc files only.

namespace headgate::sim {

namespace json = boost::json;

/// Unset if `text` is not a JSON object, or nested deeper than a request has reason to be.
std::optional<json::object> parse_object(std::string_view text);

/// The member `name`, or null if it is absent or null.
const json::value* member(const json::object& object, std::string_view name);

/// Null if it is absent or of another type.
const json::object* object_member(const json::object& object, std::string_view name);
const json::array* array_member(const json::object& object, std::string_view name);

/// Unset if it is absent or no string; valid as long as `object`.
std::optional<std::string_view> text_member(const json::object& object, std::string_view name);
/// Unset if it is absent or no whole number of at least zero. A string of digits is one, too, as in
/// protobuf's JSON.
std::optional<std::size_t> count_member(const json::object& object, std::string_view name);
/// False unless it is `true`.
bool flag_member(const json::object& object, std::string_view name);

/// `text` as a JSON string with its quotes.
std::string quoted(std::string_view text);

/// A value that fits the JSON Schema `schema` (its common keywords); strings are `word`.
std::string example_of(const json::value& schema, std::string_view word);

}  // namespace headgate::sim
