#include "api/admin_fields.h"

#include <algorithm>
#include <charconv>
#include <ctime>

#include "api/form.h"
#include "api/json_body.h"
#include "auth/tokens.h"
#include "base/encoding.h"
#include "limits/pricing.h"

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

std::optional<std::int64_t> parse_time(std::string_view text) {
  std::tm parts{};
  const std::string copy(text);
  const char* const rest = strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr) {
    return std::nullopt;
  }
  std::string_view fraction = rest;
  if (!fraction.ends_with('Z')) {
    return std::nullopt;
  }
  fraction.remove_suffix(1);
  const bool digits =
      std::ranges::all_of(fraction.substr(std::min<std::size_t>(1, fraction.size())),
                          [](char c) { return c >= '0' && c <= '9'; });
  if (!fraction.empty() && (fraction[0] != '.' || fraction.size() < 2 || !digits)) {
    return std::nullopt;
  }
  const std::int64_t time = static_cast<std::int64_t>(timegm(&parts)) * 1000;
  // strptime takes "2027-2-31"; only what is written back the same is a time.
  return rfc3339(time).starts_with(text.substr(0, 19)) ? std::optional(time) : std::nullopt;
}

Result<std::optional<std::optional<std::int64_t>>> expiry_field(const boost::json::object& body,
                                                                std::int64_t now) {
  using Expiry = std::optional<std::int64_t>;
  const boost::json::value* value = body.if_contains("expires_at");
  if (value == nullptr) {
    return std::optional<Expiry>();
  }
  if (value->is_null()) {
    return std::optional<Expiry>(std::in_place, std::nullopt);
  }
  const Expiry time = value->is_string() ? parse_time(value->get_string()) : std::nullopt;
  if (!time) {
    return fail(invalid_request("'expires_at' must be a UTC time like 2027-01-31T00:00:00Z.",
                                "expires_at"));
  }
  if (*time <= now) {
    return fail(invalid_request("'expires_at' is in the past.", "expires_at"));
  }
  return std::optional<Expiry>(std::in_place, time);
}

Result<std::optional<bool>> disabled_field(const boost::json::object& body) {
  const boost::json::value* value = body.if_contains("disabled");
  if (value == nullptr || value->is_null()) {
    return std::optional<bool>();
  }
  if (!value->is_bool()) {
    return fail(invalid_request("'disabled' must be true or false.", "disabled"));
  }
  return std::optional(value->get_bool());
}

Result<std::optional<std::optional<std::int64_t>>> budget_field(const boost::json::object& body,
                                                                const std::string& name) {
  using Budget = std::optional<std::int64_t>;
  const boost::json::value* value = body.if_contains(name);
  if (value == nullptr) {
    return std::optional<Budget>();
  }
  if (value->is_null()) {
    return std::optional<Budget>(std::in_place, std::nullopt);
  }
  constexpr double kMostUsd = 1e9;
  boost::system::error_code ec;
  const double usd = value->is_number() ? value->to_number<double>(ec) : -1;
  if (ec || !(usd >= 0 && usd <= kMostUsd)) {
    return fail(invalid_request("'" + name + "' must be an amount of USD, or null.", name));
  }
  return std::optional<Budget>(std::in_place, limits::micro_usd_of(usd));
}

std::string budget_json(std::optional<std::int64_t> micro_usd) {
  return micro_usd ? limits::usd_text(*micro_usd) : "null";
}

Result<void> check_grant(const model::Principal& principal, model::ScopeSet scopes) {
  for (std::size_t i = 0; i < model::kScopeNames.size(); ++i) {
    const auto scope = static_cast<model::Scope>(i);
    if (scopes.contains(scope) && !principal.scopes.allows(scope)) {
      return fail(forbidden(
          "You cannot grant a scope that you lack: " + std::string(model::name_of(scope)) + "."));
    }
  }
  return {};
}

Result<Page> parse_page(std::string_view query) {
  constexpr std::size_t kMost = 1000;
  auto fields = parse_query(query);
  if (!fields) {
    return fail(fields.error());
  }
  Page page;
  if (const auto after = fields->find("after"); after != fields->end()) {
    page.after = after->second;
  }
  if (const auto limit = fields->find("limit"); limit != fields->end()) {
    const std::string& text = limit->second;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), page.limit);
    if (status != std::errc() || end != text.data() + text.size() || page.limit == 0 ||
        page.limit > kMost) {
      return fail(invalid_request("'limit' must be a number from 1 to 1000.", "limit"));
    }
  }
  return page;
}

Result<std::string> list_json(const Page& page,
                              const std::vector<std::pair<std::string, std::string>>& items) {
  auto at = items.begin();
  if (!page.after.empty()) {
    at = std::ranges::find(items, page.after, [](const auto& item) { return item.first; });
    if (at == items.end()) {
      return fail(invalid_request("'after' names nothing in this list.", "after"));
    }
    ++at;
  }
  std::string json = R"({"object":"list","data":[)";
  std::string last = "null";
  for (std::size_t count = 0; at != items.end() && count < page.limit; ++at, ++count) {
    json.append(count == 0 ? "" : ",").append(at->second);
    last = json_quote(at->first);
  }
  return json + R"(],"has_more":)" + (at == items.end() ? "false" : "true") + R"(,"last_id":)" +
         last + "}";
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
