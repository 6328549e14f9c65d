#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "api/admin_keys.h"
#include "api/admin_users.h"
#include "api/auth_endpoints.h"
#include "api/service.h"
#include "auth/gate.h"
#include "auth/passwords.h"
#include "auth/tokens.h"
#include "base/event_loop.h"
#include "testing/admits_all.h"
#include "testing/fake_clock.h"
#include "testing/sqlite_identity.h"

namespace headgate::testing {

/// /auth and /admin as they are served, from the head of a request to the body of its answer, over
/// real stores. There are a user "root" (admin) and "ann" (jobs:read), both with kPassword, and an
/// API key of each kind: `admin_key_` and `plain_key_` (inference:text).
class IdentityApi : public ::testing::Test {
 protected:
  static constexpr const char* kPassword = "correct horse";

  struct Answer {
    int status = 0;
    std::string fields;
    std::string body;
    boost::json::value json() const {
      boost::system::error_code ec;
      return boost::json::parse(body, ec);
    }
    /// A member of the answer by JSON pointer, as JSON text; empty if there is none.
    std::string at(const std::string& pointer) const {
      const boost::json::value value = json();
      boost::system::error_code ec;
      const auto* found = value.find_pointer(pointer, ec);
      return found == nullptr ? "" : boost::json::serialize(*found);
    }
    std::string text(const std::string& pointer) const {
      const std::string quoted = at(pointer);
      return quoted.size() < 2 ? "" : quoted.substr(1, quoted.size() - 2);
    }
  };

  IdentityApi() {
    static const std::string kHash = auth::hash_password(kPassword).value();
    for (const auto& [name, scope] :
         {std::pair{"root", model::Scope::Admin}, std::pair{"ann", model::Scope::JobsRead}}) {
      stores::UserRecord user = some_user(name, scope);
      user.password_hash = kHash;
      EXPECT_TRUE(stores_.users->add(user));
    }
    add_key("adminadminad", admin_key_, model::Scope::Admin);
    add_key("plainplainpl", plain_key_, model::Scope::InferenceText);
    refresh();
  }

  Answer send(edge::Method method, const std::string& path, const std::string& credential,
              const std::string& body = "", const std::string& type = "application/json",
              const std::string& from = "192.0.2.1") {
    static const std::map<edge::Method, std::string> kNames = {{edge::Method::Get, "GET"},
                                                               {edge::Method::Post, "POST"},
                                                               {edge::Method::Patch, "PATCH"},
                                                               {edge::Method::Delete, "DELETE"}};
    std::string padded = body;
    padded.append(edge::kBodyPadding, '\0');
    const std::string bearer = "Bearer " + credential;
    std::vector<edge::Field> fields = {{"Content-Type", type}};
    if (!credential.empty()) {
      fields.push_back({"Authorization", bearer});
    }
    edge::Request request;
    request.method = method;
    request.method_name = kNames.at(method);
    request.path = std::string_view(path).substr(0, path.find('?'));
    request.query = path.find('?') == std::string::npos
                        ? std::string_view()
                        : std::string_view(path).substr(path.find('?') + 1);
    request.fields = fields;
    request.body = std::string_view(padded).substr(0, body.size());
    model::RequestContext context;
    context.request_id = "request-1";
    context.remote_address = from;
    auto admitted = service_.admit(request, context);
    edge::Response response =
        admitted ? run_on(loop_, service_.handle(request, context)) : std::move(admitted.error());
    return {response.status, std::move(response.fields), std::move(response.body)};
  }

  Answer get(const std::string& path, const std::string& credential) {
    return send(edge::Method::Get, path, credential);
  }
  Answer post(const std::string& path, const std::string& credential, const std::string& body) {
    return send(edge::Method::Post, path, credential, body);
  }
  Answer form(const std::string& path, const std::string& body, const std::string& credential = "",
              const std::string& from = "192.0.2.1") {
    return send(edge::Method::Post, path, credential, body, "application/x-www-form-urlencoded",
                from);
  }
  Answer patch(const std::string& path, const std::string& body) {
    return send(edge::Method::Patch, path, admin_key_, body);
  }
  Answer erase(const std::string& path) { return send(edge::Method::Delete, path, admin_key_); }
  Answer login(const std::string& user, const std::string& password) {
    return form("/auth/token", "username=" + user + "&password=" + password);
  }

  void add_key(const std::string& id, const std::string& text, model::Scope scope) {
    stores::ApiKeyRecord key = some_key(id);
    key.hash = sha256(text);
    key.scopes = {};
    key.scopes.add(scope);
    ASSERT_TRUE(stores_.keys->add(key));
  }

  void refresh() {
    auto snapshot = auth::Directory::read(*stores_.keys, *stores_.users, *stores_.tokens, settings_,
                                          uses_, clock_.unix_ms());
    ASSERT_TRUE(snapshot);
    directory_.publish(std::move(*snapshot));
  }

  struct Authenticate final : api::Authenticator {
    explicit Authenticate(const auth::Gate& g) : gate(g) {}
    Result<std::shared_ptr<const model::Principal>> authenticate(
        const edge::Request& request, const model::RequestContext& context) const override {
      return gate.authenticate(request, context);
    }
    const auth::Gate& gate;
  };

  const std::string admin_key_ = "the-key-of-the-administrator";
  const std::string plain_key_ = "the-key-of-an-application";
  FakeClock clock_;
  IdentityStores stores_ = make_sqlite_identity();
  EventLoop loop_;
  config::AuthSettings settings_;
  auth::KeyUses uses_;
  auth::Directory directory_;
  auth::JwtSigner signer_{
      config::Secret("a secret that has more than thirty-two bytes"), {}, "headgate"};
  auth::Gate gate_{directory_, signer_, clock_};
  BlockingPool store_pool_{"store", 1, 64};
  BlockingPool password_pool_{"password", 1, 16};
  auth::TokenService tokens_{{.users = stores_.users.get(),
                              .tokens = stores_.tokens.get(),
                              .directory = &directory_,
                              .signer = &signer_,
                              .store_pool = &store_pool_,
                              .password_pool = &password_pool_,
                              .clock = &clock_,
                              .access_ttl = std::chrono::minutes(15),
                              .refresh_ttl = std::chrono::hours(24),
                              .refresh_directory = [this] { refresh(); }}};
  api::TokenEndpoint::PasswordGrant grant_ = api::TokenEndpoint::PasswordGrant::Offered;
  std::chrono::milliseconds key_lifetime_{0};
  const api::KeyAdministration key_administration_{
      .keys = stores_.keys.get(),
      .pool = &store_pool_,
      .clock = &clock_,
      .refresh_directory = [this] { refresh(); },
      .tier_exists = [](const std::string& tier) { return tier == "default" || tier == "pro"; },
      .default_lifetime = [this] { return key_lifetime_; }};
  const api::UserAdministration user_administration_{
      .users = stores_.users.get(),
      .store_pool = &store_pool_,
      .password_pool = &password_pool_,
      .clock = &clock_,
      .refresh_directory = [this] { refresh(); },
      .tier_exists = key_administration_.tier_exists};
  const api::TokenEndpoint token_{tokens_, [this] { return grant_; }};
  const api::RefreshEndpoint refresh_{tokens_};
  const api::RevokeEndpoint revoke_{tokens_};
  const api::ListKeys list_keys_{key_administration_};
  const api::CreateKey create_key_{key_administration_};
  const api::ChangeKey change_key_{key_administration_};
  const api::RevokeKey revoke_key_{key_administration_};
  const api::ListUsers list_users_{user_administration_};
  const api::CreateUser create_user_{user_administration_};
  const api::ChangeUser change_user_{user_administration_};
  const api::RemoveUser remove_user_{user_administration_};

  static api::Route route(edge::Method method, std::string_view pattern, api::RouteAuth access,
                          const api::Endpoint& endpoint) {
    return {.method = method,
            .pattern = pattern,
            .auth = access,
            .surface = api::Surface::Classic,
            .kind = {},
            .tag = {},
            .summary = {},
            .request_schema = {},
            .response_schema = {},
            .endpoint = &endpoint};
  }
  const std::vector<api::Route> routes_ = {
      route(edge::Method::Post, "/auth/token", api::Public{}, token_),
      route(edge::Method::Post, "/auth/refresh", api::Public{}, refresh_),
      route(edge::Method::Post, "/auth/revoke", api::Authenticated{}, revoke_),
      route(edge::Method::Get, "/admin/keys", model::Scope::Admin, list_keys_),
      route(edge::Method::Post, "/admin/keys", model::Scope::Admin, create_key_),
      route(edge::Method::Patch, "/admin/keys/{id}", model::Scope::Admin, change_key_),
      route(edge::Method::Delete, "/admin/keys/{id}", model::Scope::Admin, revoke_key_),
      route(edge::Method::Get, "/admin/users", model::Scope::Admin, list_users_),
      route(edge::Method::Post, "/admin/users", model::Scope::Admin, create_user_),
      route(edge::Method::Patch, "/admin/users/{name}", model::Scope::Admin, change_user_),
      route(edge::Method::Delete, "/admin/users/{name}", model::Scope::Admin, remove_user_),
  };
  const Authenticate authenticate_{gate_};
  const AdmitsAll admission_;
  const api::Service service_{{.routes = routes_,
                               .authenticator = &authenticate_,
                               .admission = &admission_,
                               .jobs = nullptr,  // no route here can run as a job
                               .idempotency = nullptr,
                               .finished = [](auto&&...) {},
                               .max_body = [] { return std::uint64_t{65536}; },
                               .admin_elsewhere = false}};
};

}  // namespace headgate::testing
