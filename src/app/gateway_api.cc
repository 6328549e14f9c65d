// What the routes lead to: builds the endpoints over the parts and the table of routes.

#include "api/auth_endpoints.h"
#include "api/docs_pages.h"
#include "api/health_page.h"
#include "api/inference.h"
#include "api/metrics_page.h"
#include "api/openapi.h"
#include "app/gateway_parts.h"
#include "app/version.h"
#include "base/encoding.h"
#include "config/print.h"

namespace headgate::app {

std::string Gateway::Impl::sandbox() const {
  std::string json;
  for (const documents::SandboxStatus& status : workers.sandbox()) {
    json.append(json.empty() ? "" : ",").append(json_quote(status.mechanism));
    json.append(":").append(json_quote(status.state));
  }
  return R"({"sandbox":{)" + json + "}}";
}

void Gateway::Impl::build_api() {
  gate.emplace(directory, *signer, clock);
  token_service.emplace(auth::TokenService::Parts{
      .users = users.get(),
      .tokens = tokens.get(),
      .directory = &directory,
      .signer = &*signer,
      .store_pool = &store_pool,
      .password_pool = &password_pool,
      .clock = &clock,
      .access_ttl = settings->auth.access_ttl,
      .refresh_ttl = settings->auth.refresh_ttl,
      .refresh_directory = [this] { refresh_directory(); },
  });
  key_administration = {
      .keys = keys.get(),
      .pool = &store_pool,
      .clock = &clock,
      .refresh_directory = [this] { refresh_directory(); },
      .tier_exists =
          [this](const std::string& tier) {
            return tier == "default" || live.load()->tiers.contains(tier);
          },
      .default_lifetime = [this] { return live.load()->auth.key_lifetime; },
  };
  user_administration = {
      .users = users.get(),
      .store_pool = &store_pool,
      .password_pool = &password_pool,
      .clock = &clock,
      .refresh_directory = key_administration.refresh_directory,
      .tier_exists = key_administration.tier_exists,
  };
  health.emplace(ProviderHealth::Parts{.readiness = &readiness,
                                       .keys = keys.get(),
                                       .store_pool = &store_pool,
                                       .workers = &workers,
                                       .clients = &clients,
                                       .catalogs = &catalogs});
  const auto own = [this]<class T>(std::unique_ptr<T> endpoint) -> const api::Endpoint* {
    endpoints.push_back(std::move(endpoint));
    return endpoints.back().get();
  };
  using api::Documents;
  using api::Inference;
  const auto grant = [this] {
    using enum api::TokenEndpoint::PasswordGrant;
    return live.load()->auth.password_grant ? Offered : Refused;
  };
  auto openapi = std::make_unique<api::OpenApiEndpoint>();
  api::OpenApiEndpoint& described = *openapi;
  const auto viewer = [&own](api::DocsPage::Viewer which) {
    return own(std::make_unique<api::DocsPage>(which, &api::find_embedded_asset));
  };
  const api::Endpoints table{
      .live = own(std::make_unique<api::TextEndpoint>(
          [] { return std::string(R"({"status":"live"})"); }, "application/json")),
      .ready = own(std::make_unique<api::ReadyEndpoint>(readiness, [this] { return sandbox(); })),
      .health = own(std::make_unique<api::HealthEndpoint>(*health, clock, kVersion)),
      .metrics = own(std::make_unique<api::MetricsEndpoint>(metrics, store_pool)),
      .openapi = own(std::move(openapi)),
      .docs = viewer(api::DocsPage::Viewer::SwaggerUi),
      .redoc = viewer(api::DocsPage::Viewer::Redoc),
      .docs_assets = own(std::make_unique<api::DocsAssets>(&api::find_embedded_asset)),
      .token = own(std::make_unique<api::TokenEndpoint>(*token_service, grant)),
      .refresh = own(std::make_unique<api::RefreshEndpoint>(*token_service)),
      .revoke = own(std::make_unique<api::RevokeEndpoint>(*token_service)),
      .chat = own(std::make_unique<Inference>(model::Kind::Chat, dispatcher)),
      .completion = own(std::make_unique<Inference>(model::Kind::Completion, dispatcher)),
      .embedding = own(std::make_unique<Inference>(model::Kind::Embedding, dispatcher)),
      .models = own(std::make_unique<api::Models>(catalogs)),
      .ocr = own(std::make_unique<Documents>(Documents::Work::Ocr, document_engine)),
      .classify = own(std::make_unique<Documents>(Documents::Work::Classify, document_engine)),
      .extract = own(std::make_unique<Documents>(Documents::Work::Extract, document_engine)),
      .list_keys = own(std::make_unique<api::ListKeys>(key_administration)),
      .create_key = own(std::make_unique<api::CreateKey>(key_administration)),
      .change_key = own(std::make_unique<api::ChangeKey>(key_administration)),
      .revoke_key = own(std::make_unique<api::RevokeKey>(key_administration)),
      .list_users = own(std::make_unique<api::ListUsers>(user_administration)),
      .create_user = own(std::make_unique<api::CreateUser>(user_administration)),
      .change_user = own(std::make_unique<api::ChangeUser>(user_administration)),
      .remove_user = own(std::make_unique<api::RemoveUser>(user_administration)),
      .config = own(std::make_unique<api::TextEndpoint>(
          [this] { return config::to_json(*live.load()); }, "application/json")),
      .reload_config =
          own(std::make_unique<api::ReloadEndpoint>([this] { return reload(); }, store_pool)),
  };
  routes = api::make_routes(table);
  described.describe(routes, kVersion);
  authenticator.emplace(*gate);
  service.emplace(api::Service::Parts{
      .routes = routes,
      .authenticator = &*authenticator,
      .admission = &admission,
      .finished =
          [this](const edge::Request* head, int status, std::uint64_t bytes_out,
                 model::RequestContext& context) {
            const observe::Outcome outcome{
                .method = head != nullptr ? head->method_name : std::string_view(),
                .path = head != nullptr ? head->path : std::string_view(),
                .status = status,
                .bytes_in = head != nullptr ? head->body.size() : 0,
                .bytes_out = bytes_out,
                .ended = std::chrono::steady_clock::now()};
            request_metrics.request_finished(context, outcome);
            request_log.record(context, outcome);
          },
      .max_body = [this] { return max_body.load(std::memory_order_relaxed); },
      .admin_elsewhere = !settings->server.admin_listen.empty(),
  });
}

}  // namespace headgate::app
