// What the routes lead to: builds the endpoints over the parts and the table of routes.

#include <algorithm>

#include "api/admin_targets.h"
#include "api/admin_usage.h"
#include "api/app_requests.h"
#include "api/auth_endpoints.h"
#include "api/classification.h"
#include "api/docs_pages.h"
#include "api/health_page.h"
#include "api/inference.h"
#include "api/media_tasks.h"
#include "api/messages.h"
#include "api/metrics_page.h"
#include "api/openapi.h"
#include "api/responses.h"
#include "api/task_api.h"
#include "app/gateway_parts.h"
#include "app/version.h"
#include "base/encoding.h"
#include "config/print.h"
#include "observe/log.h"

namespace headgate::app {

namespace {

/// How a caller's request ended that a target was asked for; those that were turned away before
/// count in their line's rejections.
std::optional<queue::CallerTotals::Ending> ending_of(const model::RequestContext& context,
                                                     int status) {
  using enum queue::CallerTotals::Ending;
  if (context.attempts == 0 || context.model.empty()) {
    return std::nullopt;
  }
  if (status == http_status(ErrorKind::ClientLeft)) {
    return Cancelled;
  }
  if (status == http_status(ErrorKind::Timeout) ||
      context.error_code == default_code(ErrorKind::Timeout)) {
    return Expired;
  }
  // An answer that broke off after its first byte has the status 200 and an error.
  return status >= 400 || !context.error_code.empty() ? Failed : Succeeded;
}

}  // namespace

Result<std::string> Gateway::Impl::public_name(std::string_view name) const {
  for (const auto& model : catalogs.here()->models()) {
    if (model->name == name || std::ranges::find(model->aliases, name) != model->aliases.end()) {
      return model->name;
    }
  }
  // A provider that takes any model has a line for each name that was asked for.
  const std::vector<std::string> used = lines.models();
  if (std::ranges::find(used, name) != used.end()) {
    return std::string(name);
  }
  return fail(not_found("No model of this name has a line.", "model_not_found"));
}

std::string Gateway::Impl::sandbox() const {
  std::string json;
  for (const documents::SandboxStatus& status : workers.sandbox()) {
    json.append(json.empty() ? "" : ",").append(json_quote(status.mechanism));
    json.append(":").append(json_quote(status.state));
  }
  return R"({"sandbox":{)" + json + "}}";
}

void Gateway::Impl::warn_of_unknown_routes(const config::Settings& from) const {
  for (const config::RouteSettings& configured : from.routes) {
    if (std::ranges::find(routes, configured.name, &api::Route::pattern) == routes.end()) {
      observe::log::warning("routes: there is no such route", {{"pattern", configured.name}});
    }
  }
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
                                       .database = database.get(),
                                       .store_pool = &store_pool,
                                       .workers = &workers,
                                       .overload = &overload,
                                       .clients = &clients,
                                       .catalogs = &catalogs,
                                       .jobs_settle = [this] { return jobs->can_settle(); }});
  const auto own = [this]<class T>(std::unique_ptr<T> endpoint) -> const api::Endpoint* {
    endpoints.push_back(std::move(endpoint));
    return endpoints.back().get();
  };
  const api::JobDesk& desk = jobs->desk();
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
  const auto inference = [&](model::Kind kind) {
    return own(std::make_unique<Inference>(kind, dispatcher, catalogs));
  };
  const auto* chat = inference(model::Kind::Chat);
  const auto* completion = inference(model::Kind::Completion);
  const auto* image = inference(model::Kind::Image);
  const auto* speech = inference(model::Kind::Speech);
  const auto* ocr = own(std::make_unique<Documents>(Documents::Work::Ocr, document_engine));
  auto classify_documents = std::make_unique<Documents>(Documents::Work::Classify, document_engine);
  const Documents& known_files = *classify_documents;
  const auto* classify = own(std::move(classify_documents));
  const api::JobSubmission& submission = jobs->submission();
  const api::Endpoints table{
      .live = own(std::make_unique<api::TextEndpoint>(
          [] { return std::string(R"({"status":"live"})"); }, "application/json")),
      .ready = own(std::make_unique<api::ReadyEndpoint>(readiness, [this] { return sandbox(); })),
      .health = own(std::make_unique<api::HealthEndpoint>(*health, clock, kVersion)),
      .metrics = own(std::make_unique<api::MetricsEndpoint>(metrics, metrics_pool)),
      .openapi = own(std::move(openapi)),
      .docs = viewer(api::DocsPage::Viewer::SwaggerUi),
      .redoc = viewer(api::DocsPage::Viewer::Redoc),
      .docs_assets = own(std::make_unique<api::DocsAssets>(&api::find_embedded_asset)),
      .token = own(std::make_unique<api::TokenEndpoint>(*token_service, grant)),
      .refresh = own(std::make_unique<api::RefreshEndpoint>(*token_service)),
      .revoke = own(std::make_unique<api::RevokeEndpoint>(*token_service)),
      .chat = chat,
      .completion = completion,
      .embedding = inference(model::Kind::Embedding),
      .image = image,
      .speech = speech,
      .transcription = inference(model::Kind::Transcription),
      .moderation = inference(model::Kind::Moderation),
      .rerank = inference(model::Kind::Rerank),
      .models = own(std::make_unique<api::Models>(catalogs)),
      .messages = own(std::make_unique<api::Messages>(dispatcher, catalogs)),
      .count_tokens = own(std::make_unique<api::CountTokens>(token_counter)),
      .create_response =
          own(std::make_unique<api::CreateResponse>(dispatcher, catalogs, desk, response_items)),
      .show_response = own(std::make_unique<api::ShowResponse>(desk)),
      .cancel_response = own(std::make_unique<api::CancelResponse>(desk)),
      .ocr = ocr,
      .classify = classify,
      .extract = own(std::make_unique<Documents>(Documents::Work::Extract, document_engine)),
      .list_jobs = own(std::make_unique<api::ListJobs>(desk)),
      .show_job = own(std::make_unique<api::ShowJob>(desk, api::JobWords::Ours)),
      .cancel_job = own(std::make_unique<api::CancelJob>(desk, api::JobWords::Ours)),
      .job_events = own(std::make_unique<api::JobEvents>(desk)),
      .redeliver = own(std::make_unique<api::RedeliverWebhook>(desk)),
      .show_request = own(std::make_unique<api::ShowJob>(desk, api::JobWords::Api)),
      .cancel_request = own(std::make_unique<api::CancelJob>(desk, api::JobWords::Api)),
      .job_socket = own(std::make_unique<api::JobSocket>(desk)),
      .request_chat = own(std::make_unique<api::RequestChat>(submission, *chat)),
      .request_ocr = own(std::make_unique<api::RequestOcr>(submission, *ocr,
                                                           [this] { return current_settings(); })),
      .classify_file = own(std::make_unique<api::ClassifyFile>(*classify)),
      .classify_file_later = own(std::make_unique<api::ClassifyFileLater>(desk, known_files)),
      .classification_result = own(std::make_unique<api::ClassificationResult>(desk)),
      .generate_text = own(std::make_unique<api::GenerateText>(
          submission, catalogs, api::GenerateText::Carriers{chat, completion})),
      .generate_image = own(std::make_unique<api::GenerateMedia>(api::GenerateMedia::What::Image,
                                                                 submission, catalogs, *image)),
      .speak = own(std::make_unique<api::GenerateMedia>(api::GenerateMedia::What::Speech,
                                                        submission, catalogs, *speech)),
      .show_task = own(std::make_unique<api::ShowJob>(desk, api::JobWords::TaskApi)),
      .show_queue = own(std::make_unique<api::ShowQueue>(
          desk, [this](std::string_view name) { return public_name(name); })),
      .list_targets = own(std::make_unique<api::ListTargets>(routers)),
      .open_target = own(std::make_unique<api::TurnTarget>(routers, api::TurnTarget::To::Open)),
      .close_target = own(std::make_unique<api::TurnTarget>(routers, api::TurnTarget::To::Closed)),
      .list_keys = own(std::make_unique<api::ListKeys>(key_administration)),
      .create_key = own(std::make_unique<api::CreateKey>(key_administration)),
      .change_key = own(std::make_unique<api::ChangeKey>(key_administration)),
      .revoke_key = own(std::make_unique<api::RevokeKey>(key_administration)),
      .list_users = own(std::make_unique<api::ListUsers>(user_administration)),
      .create_user = own(std::make_unique<api::CreateUser>(user_administration)),
      .change_user = own(std::make_unique<api::ChangeUser>(user_administration)),
      .remove_user = own(std::make_unique<api::RemoveUser>(user_administration)),
      .usage = own(std::make_unique<api::UsageReport>(jobs->usage())),
      .config = own(std::make_unique<api::TextEndpoint>(
          [this] { return config::to_json(*live.load()); }, "application/json")),
      .reload_config =
          own(std::make_unique<api::ReloadEndpoint>([this] { return reload(); }, reload_pool)),
  };
  routes = api::make_routes(table);
  for (const config::RouteSettings& configured : settings->routes) {
    for (api::Route& route : routes) {
      if (configured.max_body_size != 0 && route.pattern == configured.name) {
        route.max_body = configured.max_body_size;
      }
    }
  }
  warn_of_unknown_routes(*settings);
  described.describe(routes, kVersion);
  authenticator.emplace(*gate);
  service.emplace(api::Service::Parts{
      .routes = routes,
      .authenticator = &*authenticator,
      .admission = &*admission,
      .jobs = &jobs->submission(),
      .idempotency = &jobs->idempotency(),
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
            count_finished(*usage_ledger, context, status);
            if (const auto ending = ending_of(context, status)) {
              jobs->caller_totals().count(context.model, *ending);
            }
            request_log.record(context, outcome);
          },
      .max_body = [this] { return max_body.load(std::memory_order_relaxed); },
      .admin_elsewhere = !settings->server.admin_listen.empty(),
  });
}

}  // namespace headgate::app
