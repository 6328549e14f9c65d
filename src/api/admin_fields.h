#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json.hpp>

#include "base/result.h"
#include "model/principal.h"

// Fields that several administration endpoints take. For their .cc files only.
namespace headgate::api {

/// "scopes": an array of names or one text with spaces; nullopt if absent.
Result<std::optional<model::ScopeSet>> scopes_field(const boost::json::object& body);

/// A time of RFC 3339 in UTC ("2027-01-31T00:00:00Z") as Unix milliseconds; nullopt if malformed.
std::optional<std::int64_t> parse_time(std::string_view text);

/// "expires_at": a time after `now`, or null for none; outer nullopt if absent.
Result<std::optional<std::optional<std::int64_t>>> expiry_field(const boost::json::object& body,
                                                                std::int64_t now);

/// "disabled": true or false; nullopt if absent.
Result<std::optional<bool>> disabled_field(const boost::json::object& body);

/// A budget in USD, as millionths of a dollar, or null for that of the tier; outer nullopt if
/// absent.
Result<std::optional<std::optional<std::int64_t>>> budget_field(const boost::json::object& body,
                                                                const std::string& name);
/// A budget in USD as JSON, or null.
std::string budget_json(std::optional<std::int64_t> micro_usd);

/// Forbidden if `scopes` holds one that the principal itself lacks.
Result<void> check_grant(const model::Principal& principal, model::ScopeSet scopes);

/// Which part of a list is wanted: ?limit=1..1000 (100 if absent) and ?after=<id of the last one>.
struct Page {
  std::size_t limit = 100;
  std::string after;
};
Result<Page> parse_page(std::string_view query);

/// {"object":"list","data":[...],"has_more":...,"last_id":...} of the items behind `page.after`.
/// InvalidRequest if there is no item of that id. `items` are pairs of id and JSON.
Result<std::string> list_json(const Page& page,
                              const std::vector<std::pair<std::string, std::string>>& items);

/// Scopes as a JSON array of names.
std::string scopes_json(model::ScopeSet scopes);
/// A time as JSON: RFC 3339 in quotes, or null.
std::string time_json(std::optional<std::int64_t> unix_milliseconds);

}  // namespace headgate::api
