#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "base/result.h"
#include "model/principal.h"

// Fields that several administration endpoints take. For their .cc files only.
namespace headgate::api {

/// "scopes": an array of names or one text with spaces; nullopt if absent.
Result<std::optional<model::ScopeSet>> scopes_field(const boost::json::object& body);

/// "expires_at": RFC 3339 UTC ("2027-01-31T00:00:00Z") as Unix milliseconds; nullopt if absent.
Result<std::optional<std::int64_t>> time_field(const boost::json::object& body,
                                               std::string_view name);

/// Scopes as a JSON array of names.
std::string scopes_json(model::ScopeSet scopes);
/// A time as JSON: RFC 3339 in quotes, or null.
std::string time_json(std::optional<std::int64_t> unix_milliseconds);

}  // namespace headgate::api
