#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "sim/json.h"

// Protobuf's reading of JSON: camelCase and snake_case mean the same, and what is not a field is a
// mistake. Included by .cc files only.

namespace headgate::sim {

using Problem = std::optional<std::string>;  ///< unset: there is none
using Names = std::initializer_list<std::string_view>;

/// `object` with its names in camelCase, one level deep.
json::object camelled(const json::object& object);

/// A member of `object` that is not among `known`, in either spelling.
Problem unknown_name(const json::object& object, Names known, std::string_view place);

bool is_function_name(std::string_view name);

/// The subset of OpenAPI that `parameters` and `responseSchema` take.
Problem check_schema(const json::value& value);

}  // namespace headgate::sim
