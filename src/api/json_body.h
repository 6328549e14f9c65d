#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "base/result.h"
#include "edge/handler.h"

// For the .cc files of endpoints with small JSON bodies; not for other headers.
namespace headgate::api {

/// The body as a JSON object. Unsupported for another content type, InvalidRequest if it is no
/// object.
Result<boost::json::object> parse_json_body(const edge::Request& request);

/// A member that is a string; nullopt if absent or null; InvalidRequest naming it otherwise.
Result<std::optional<std::string>> optional_text(const boost::json::object& object,
                                                 std::string_view name);
/// InvalidRequest naming the first member that is not in `known`.
Result<void> refuse_unknown(const boost::json::object& object,
                            std::initializer_list<std::string_view> known);

}  // namespace headgate::api
