#include "api/admin_users.h"

#include <utility>
#include <vector>

#include "api/admin_fields.h"
#include "api/json_body.h"
#include "auth/passwords.h"
#include "auth/user_name.h"
#include "base/clock.h"
#include "base/encoding.h"

namespace headgate::api {
namespace {

struct UserFields {
  std::optional<std::string> name;
  std::optional<std::string> password;
  std::optional<model::ScopeSet> scopes;
  std::optional<std::string> tier;
  std::optional<bool> disabled;
};

Result<UserFields> read_fields(const Call& call, const UserAdministration& administration,
                               std::initializer_list<std::string_view> known) {
  auto body = parse_json_body(call.http);
  if (!body) {
    return fail(body.error());
  }
  auto only_known = refuse_unknown(*body, known);
  if (!only_known) {
    return fail(only_known.error());
  }
  auto name = optional_text(*body, "name");
  auto password = optional_text(*body, "password");
  auto scopes = scopes_field(*body);
  auto tier = optional_text(*body, "tier");
  auto disabled = disabled_field(*body);
  for (const Error* error : {name ? nullptr : &name.error(), password ? nullptr : &password.error(),
                             scopes ? nullptr : &scopes.error(), tier ? nullptr : &tier.error(),
                             disabled ? nullptr : &disabled.error()}) {
    if (error != nullptr) {
      return fail(*error);
    }
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
  return UserFields{std::move(*name), std::move(*password), *scopes, std::move(*tier), *disabled};
}

Result<void> check_password(const std::string& password, const std::string& user) {
  if (auth::is_weak_password(password, user)) {
    return fail(invalid_request(
        "'password' needs at least 8 bytes and must not be the user's name or a well-known one.",
        "password"));
  }
  return {};
}

Task<Result<std::string>> hash_on_pool(const UserAdministration& administration,
                                       const std::string& password) {
  auto hash =
      co_await administration.password_pool->run([&] { return auth::hash_password(password); });
  if (!hash) {
    co_return fail(hash.error());
  }
  co_return std::move(*hash);
}

/// Runs `work` on the pool and then lets the change count.
template <class Work>
Task<std::invoke_result_t<Work&>> change(const UserAdministration& administration, Work work) {
  auto done = co_await administration.store_pool->run([&] {
    auto result = work();
    administration.refresh_directory();
    return result;
  });
  if (!done) {
    co_return fail(done.error());
  }
  co_return std::move(*done);
}

Error missing(const std::string& field) {
  return invalid_request("Missing required parameter: '" + field + "'.", field);
}

}  // namespace

std::string user_json(const stores::UserRecord& record) {
  return R"({"name":)" + json_quote(record.name) + R"(,"object":"user","scopes":)" +
         scopes_json(record.scopes) + R"(,"tier":)" + json_quote(record.tier) +
         R"(,"created_at":)" + time_json(record.created_at) + R"(,"disabled_at":)" +
         time_json(record.disabled_at) + "}";
}

Task<Result<edge::Response>> ListUsers::handle(Call call) const {
  auto page = parse_page(call.http.query);
  if (!page) {
    co_return fail(page.error());
  }
  auto records =
      co_await administration_.store_pool->run([this] { return administration_.users->list(); });
  if (!records || !*records) {
    co_return fail(records ? records->error() : records.error());
  }
  std::vector<std::pair<std::string, std::string>> items;
  for (const stores::UserRecord& record : **records) {
    items.emplace_back(record.name, user_json(record));
  }
  auto list = list_json(*page, items);
  if (!list) {
    co_return fail(list.error());
  }
  edge::Response response;
  response.body = std::move(*list);
  co_return response;
}

Task<Result<edge::Response>> CreateUser::handle(Call call) const {
  auto fields = read_fields(call, administration_, {"name", "password", "scopes", "tier"});
  if (!fields) {
    co_return fail(fields.error());
  }
  if (!fields->name || !fields->password || !fields->scopes) {
    co_return fail(missing(!fields->name ? "name" : !fields->password ? "password" : "scopes"));
  }
  auto named = auth::check_user_name(*fields->name);
  auto sound = check_password(*fields->password, *fields->name);
  if (!named || !sound) {
    co_return fail(named ? sound.error() : named.error());
  }
  auto hash = co_await hash_on_pool(administration_, *fields->password);
  if (!hash) {
    co_return fail(hash.error());
  }
  stores::UserRecord record;
  record.name = *fields->name;
  record.password_hash = std::move(*hash);
  record.scopes = *fields->scopes;
  record.tier = fields->tier.value_or("default");
  record.created_at = unix_ms(*administration_.clock);
  record.epoch = record.created_at;
  auto added = co_await change(administration_, [&] { return administration_.users->add(record); });
  if (!added) {
    co_return fail(added.error());
  }
  edge::Response response;
  response.status = 201;
  response.body = user_json(record);
  co_return response;
}

Task<Result<edge::Response>> ChangeUser::handle(Call call) const {
  const std::string& name = call.path_values.front();
  auto fields = read_fields(call, administration_, {"password", "scopes", "tier", "disabled"});
  if (!fields) {
    co_return fail(fields.error());
  }
  stores::UserChange wanted;
  wanted.scopes = fields->scopes;
  wanted.tier = std::move(fields->tier);
  if (fields->disabled) {
    wanted.disabled_at.emplace(*fields->disabled ? std::optional(unix_ms(*administration_.clock))
                                                 : std::nullopt);
  }
  if (fields->password) {
    auto sound = check_password(*fields->password, name);
    if (!sound) {
      co_return fail(sound.error());
    }
    auto hash = co_await hash_on_pool(administration_, *fields->password);
    if (!hash) {
      co_return fail(hash.error());
    }
    wanted.password_hash = std::move(*hash);
  }
  auto record =
      co_await change(administration_, [&]() -> Result<std::optional<stores::UserRecord>> {
        auto changed = administration_.users->change(name, wanted);
        return changed ? administration_.users->find(name) : fail(changed.error());
      });
  if (!record) {
    co_return fail(record.error());
  }
  if (!*record) {
    co_return fail(not_found("There is no user " + name + "."));
  }
  edge::Response response;
  response.body = user_json(**record);
  co_return response;
}

Task<Result<edge::Response>> RemoveUser::handle(Call call) const {
  const std::string& name = call.path_values.front();
  auto removed =
      co_await change(administration_, [&] { return administration_.users->remove(name); });
  if (!removed) {
    co_return fail(removed.error());
  }
  edge::Response response;
  response.body = R"({"name":)" + json_quote(name) + R"(,"object":"user","deleted":true})";
  co_return response;
}

}  // namespace headgate::api
