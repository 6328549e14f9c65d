#include "api/admin_keys.h"

#include <utility>
#include <vector>

#include "api/admin_fields.h"
#include "api/json_body.h"
#include "auth/api_key.h"
#include "base/clock.h"
#include "base/encoding.h"

namespace headgate::api {
namespace {

/// The fields that creating and changing share.
Result<stores::ApiKeyChange> read_fields(const Call& call,
                                         const KeyAdministration& administration) {
  auto body = parse_json_body(call.http);
  if (!body) {
    return fail(body.error());
  }
  auto known = refuse_unknown(
      *body, {"name", "scopes", "tier", "expires_at", "disabled", "budget_day", "budget_month"});
  if (!known) {
    return fail(known.error());
  }
  const std::int64_t now = unix_ms(*administration.clock);
  auto name = optional_text(*body, "name");
  auto tier = optional_text(*body, "tier");
  auto scopes = scopes_field(*body);
  auto expires_at = expiry_field(*body, now);
  auto disabled = disabled_field(*body);
  auto budget_day = budget_field(*body, "budget_day");
  auto budget_month = budget_field(*body, "budget_month");
  for (const Error* error :
       {name ? nullptr : &name.error(), tier ? nullptr : &tier.error(),
        scopes ? nullptr : &scopes.error(), expires_at ? nullptr : &expires_at.error(),
        disabled ? nullptr : &disabled.error(), budget_day ? nullptr : &budget_day.error(),
        budget_month ? nullptr : &budget_month.error()}) {
    if (error != nullptr) {
      return fail(*error);
    }
  }
  if (*name && !auth::is_key_name(**name)) {
    return fail(
        invalid_request("'name' must have 1 to 128 bytes and no control characters.", "name"));
  }
  if (*tier && !administration.tier_exists(**tier)) {
    return fail(invalid_request("There is no tier '" + **tier + "'.", "tier"));
  }
  if (*scopes) {
    auto granted = check_grant(*call.context.principal, **scopes);
    if (!granted) {
      return fail(granted.error());
    }
  }
  stores::ApiKeyChange fields;
  fields.name = std::move(*name);
  fields.scopes = *scopes;
  fields.tier = std::move(*tier);
  fields.expires_at = *expires_at;
  fields.budget_day = *budget_day;
  fields.budget_month = *budget_month;
  if (*disabled) {
    fields.disabled_at.emplace(**disabled ? std::optional(now) : std::nullopt);
  }
  return fields;
}

/// Runs `work` on the pool and then lets the change count.
template <class Work>
Task<std::invoke_result_t<Work&>> change(const KeyAdministration& administration, Work work) {
  auto done = co_await administration.pool->run([&] {
    auto result = work();
    administration.refresh_directory();
    return result;
  });
  if (!done) {
    co_return fail(done.error());
  }
  co_return std::move(*done);
}

}  // namespace

std::string key_json(const stores::ApiKeyRecord& record) {
  return R"({"id":)" + json_quote(record.id) + R"(,"object":"api_key","name":)" +
         json_quote(record.name) + R"(,"scopes":)" + scopes_json(record.scopes) + R"(,"tier":)" +
         json_quote(record.tier) + R"(,"created_at":)" + time_json(record.created_at) +
         R"(,"expires_at":)" + time_json(record.expires_at) + R"(,"disabled_at":)" +
         time_json(record.disabled_at) + R"(,"revoked_at":)" + time_json(record.revoked_at) +
         R"(,"last_used_at":)" + time_json(record.last_used_at) + R"(,"budget_day":)" +
         budget_json(record.budget_day) + R"(,"budget_month":)" + budget_json(record.budget_month) +
         "}";
}

Task<Result<edge::Response>> ListKeys::handle(Call call) const {
  auto page = parse_page(call.http.query);
  if (!page) {
    co_return fail(page.error());
  }
  auto records =
      co_await administration_.pool->run([this] { return administration_.keys->list(); });
  if (!records || !*records) {
    co_return fail(records ? records->error() : records.error());
  }
  std::vector<std::pair<std::string, std::string>> items;
  for (const stores::ApiKeyRecord& record : **records) {
    items.emplace_back(record.id, key_json(record));
  }
  auto list = list_json(*page, items);
  if (!list) {
    co_return fail(list.error());
  }
  edge::Response response;
  response.body = std::move(*list);
  co_return response;
}

Task<Result<edge::Response>> CreateKey::handle(Call call) const {
  auto fields = read_fields(call, administration_);
  if (!fields) {
    co_return fail(fields.error());
  }
  if (!fields->name || !fields->scopes) {
    const std::string field = fields->name ? "scopes" : "name";
    co_return fail(invalid_request("Missing required parameter: '" + field + "'.", field));
  }
  const auth::MintedKey minted = auth::mint_api_key();
  stores::ApiKeyRecord record;
  record.id = minted.id;
  record.name = *fields->name;
  record.hash = sha256(minted.text);
  record.scopes = *fields->scopes;
  record.tier = fields->tier.value_or("default");
  record.created_at = unix_ms(*administration_.clock);
  const std::int64_t lifetime = administration_.default_lifetime().count();
  record.expires_at = fields->expires_at.value_or(
      lifetime > 0 ? std::optional(record.created_at + lifetime) : std::nullopt);
  record.disabled_at = fields->disabled_at.value_or(std::nullopt);
  record.budget_day = fields->budget_day.value_or(std::nullopt);
  record.budget_month = fields->budget_month.value_or(std::nullopt);
  auto added = co_await change(administration_, [&] { return administration_.keys->add(record); });
  if (!added) {
    co_return fail(added.error());
  }
  edge::Response response;
  response.status = 201;
  response.fields = "Cache-Control: no-store\r\n";
  response.body = key_json(record);
  response.body.pop_back();
  response.body.append(R"(,"key":)").append(json_quote(minted.text)).append("}");
  co_return response;
}

Task<Result<edge::Response>> ChangeKey::handle(Call call) const {
  auto fields = read_fields(call, administration_);
  if (!fields) {
    co_return fail(fields.error());
  }
  const std::string& id = call.path_values.front();
  auto record =
      co_await change(administration_, [&]() -> Result<std::optional<stores::ApiKeyRecord>> {
        auto changed = administration_.keys->change(id, *fields);
        return changed ? administration_.keys->find(id) : fail(changed.error());
      });
  if (!record) {
    co_return fail(record.error());
  }
  edge::Response response;
  response.body = key_json(**record);
  co_return response;
}

Task<Result<edge::Response>> RevokeKey::handle(Call call) const {
  const std::string& id = call.path_values.front();
  auto revoked = co_await change(administration_, [&] {
    return administration_.keys->revoke(id, unix_ms(*administration_.clock));
  });
  if (!revoked) {
    co_return fail(revoked.error());
  }
  edge::Response response;
  response.body = R"({"id":)" + json_quote(id) + R"(,"object":"api_key","revoked":true})";
  co_return response;
}

}  // namespace headgate::api
