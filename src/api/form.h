#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "edge/handler.h"

namespace headgate::api {

/// The fields of an application/x-www-form-urlencoded body. Unsupported for another content type,
/// InvalidRequest for bad escapes, repeated names or more than 32 fields.
Result<std::map<std::string, std::string>> parse_form(const edge::Request& request);

/// The parameters of a query string, under the same rules.
Result<std::map<std::string, std::string>> parse_query(std::string_view query);

}  // namespace headgate::api
