#include "api/admin_fields.h"

#include <ctime>

#include "api/json_body.h"
#include "auth/tokens.h"
#include "base/encoding.h"

namespace headgate::api {

Result<std::optional<model::ScopeSet>> scopes_field(const boost::json::object& body) {
  const boost::json::value* value = body.if_contains("scopes");
  if (value == nullptr || value->is_null()) {
    return std::optional<model::ScopeSet>();
  }
  std::string names;
  if (value->is_string()) {
    names = value->get_string();
  } else if (value->is_array()) {
    for (const boost::json::value& name : value->get_array()) {
      if (!name.is_string()) {
        return fail(invalid_request("'scopes' must be an array of names.", "scopes"));
      }
      names.append(names.empty() ? "" : " ").append(std::string_view(name.get_string()));
    }
  } else {
    return fail(invalid_request("'scopes' must be an array of names.", "scopes"));
  }
  auto scopes = auth::parse_scopes(names);
  if (!scopes) {
    return fail(scopes.error());
  }
  if (scopes->empty()) {
    return fail(invalid_request("'scopes' must name at least one scope.", "scopes"));
  }
  return std::optional(*scopes);
}

Result<std::optional<std::int64_t>> time_field(const boost::json::object& body,
                                               std::string_view name) {
  auto text = optional_text(body, name);
  if (!text) {
    return fail(text.error());
  }
  if (!*text) {
    return std::optional<std::int64_t>();
  }
  std::tm parts{};
  const char* const rest = strptime((*text)->c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  const std::string_view tail = rest == nullptr ? "?" : rest;
  const bool utc =
      tail == "Z" || (tail.starts_with('.') && tail.ends_with('Z') && tail.size() < 12);
  if (!utc) {
    return fail(
        invalid_request("'" + std::string(name) + "' must be a UTC time like 2027-01-31T00:00:00Z.",
                        std::string(name)));
  }
  return std::optional(static_cast<std::int64_t>(timegm(&parts)) * 1000);
}

std::string scopes_json(model::ScopeSet scopes) {
  std::string json = "[";
  for (std::size_t i = 0; i < model::kScopeNames.size(); ++i) {
    if (scopes.contains(static_cast<model::Scope>(i))) {
      json.append(json.size() > 1 ? "," : "").append(json_quote(model::kScopeNames[i]));
    }
  }
  return json + "]";
}

std::string time_json(std::optional<std::int64_t> unix_milliseconds) {
  return unix_milliseconds ? json_quote(rfc3339(*unix_milliseconds)) : "null";
}

}  // namespace headgate::api
