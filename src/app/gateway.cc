#include "app/gateway.h"

#include <atomic>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

#include <malloc.h>

#include "api/admin_keys.h"
#include "api/admin_users.h"
#include "api/auth_endpoints.h"
#include "api/docs_pages.h"
#include "api/document_endpoints.h"
#include "api/health.h"
#include "api/health_page.h"
#include "api/inference.h"
#include "api/metrics_page.h"
#include "api/openapi.h"
#include "api/routes.h"
#include "api/service.h"
#include "app/adapters.h"
#include "app/memory_trimmer.h"
#include "app/provider_health.h"
#include "app/scraped_metrics.h"
#include "app/version.h"
#include "auth/bootstrap.h"
#include "auth/directory.h"
#include "auth/gate.h"
#include "auth/tokens.h"
#include "base/blocking_pool.h"
#include "base/encoding.h"
#include "config/load.h"
#include "config/print.h"
#include "config/reload.h"
#include "dispatch/dispatcher.h"
#include "edge/server.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "observe/request_log.h"
#include "observe/request_metrics.h"
#include "observe/shard.h"
#include "stores/sqlite/database.h"
#include "stores/sqlite/schema.h"
#include "stores/sqlite/stores.h"
#include "upstream/client.h"
#include "upstream/fetch.h"
#include "upstream/proxy.h"

namespace headgate::app {
namespace {

namespace log = observe::log;

std::size_t loop_count(const config::Settings& settings) {
  return settings.server.threads != 0 ? settings.server.threads
                                      : std::max(1U, std::thread::hardware_concurrency());
}

std::int64_t unix_ms(const Clock& clock) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock.wall().time_since_epoch())
      .count();
}

upstream::ClientSettings client_settings() {
  upstream::ClientSettings settings;
  auto proxy = upstream::proxy_from_environment();
  if (!proxy) {
    throw std::runtime_error(proxy.error().message);  // a failed start
  }
  settings.proxy = std::move(*proxy);
  return settings;
}

documents::WorkerPoolConfig worker_config(const config::Settings& settings) {
  documents::WorkerPoolConfig config;
  config.documents = settings.documents;
  for (const config::ProviderSettings& provider : settings.providers) {
    if (provider.protocol == "embedded") {
      config.workers = provider.workers;
    }
  }
  return config;
}

std::string join(const std::vector<std::string>& texts) {
  std::string joined;
  for (const std::string& text : texts) {
    joined.append(joined.empty() ? "" : ", ").append(text);
  }
  return joined;
}

std::vector<std::string> model_names(const config::Settings& settings) {
  std::vector<std::string> names;
  for (const config::ModelSettings& model : settings.models) {
    names.push_back(model.name);
  }
  return names;
}

observe::RequestLogOptions request_log_options(const config::Settings& settings,
                                               std::size_t loops) {
  observe::RequestLogOptions options;
  options.loops = loops;
  options.format = log::format_named(settings.log.format).value_or(log::Format::Auto);
  options.level = log::level_named(settings.log.level).value_or(log::Level::Info);
  return options;
}

}  // namespace

/// The parts in the order in which they are built; each borrows only from those above it.
struct Gateway::Impl {
  Impl(config::Settings initial, ConfigSource config_source)
      : settings(std::make_shared<const config::Settings>(std::move(initial))),
        source(std::move(config_source)),
        loops(make_loops(loop_count(*settings))),
        max_body(settings->server.max_body_size),
        metrics(loops.size()),
        request_metrics(metrics, clock),
        request_log(request_log_options(*settings, loops.size())),
        resolver(dns_pool, clock),
        clients(loops.size(),
                [this](std::size_t i) {
                  return std::make_unique<upstream::Client>(*loops[i], resolver, client_settings());
                }),
        fetchers(loops.size(),
                 [this](std::size_t i) { return upstream::Fetcher(*clients.at(i), resolver); }),
        catalogs(loops.size(),
                 [](std::size_t) { return std::shared_ptr<const routing::Catalog>(); }),
        dispatcher(catalogs, clients),
        workers(worker_config(*settings)),
        sources(fetchers, document_pool, [this] { return current_settings(); }),
        document_engine{.sources = &sources,
                        .workers = &workers,
                        .pool = &document_pool,
                        .catalogs = &catalogs,
                        .settings = [this] { return current_settings(); }},
        limiter(settings->tiers) {}

  static std::vector<std::unique_ptr<EventLoop>> make_loops(std::size_t count) {
    std::vector<std::unique_ptr<EventLoop>> made;
    for (std::size_t i = 0; i < count; ++i) {
      made.push_back(std::make_unique<EventLoop>(static_cast<unsigned>(i)));
    }
    return made;
  }

  std::shared_ptr<const config::Settings> current_settings() const { return live.load(); }
  Result<void> open_stores();
  void build_api();
  Result<void> publish_catalog(const config::Settings& from);
  Result<void> put_into_force(std::shared_ptr<const config::Settings> next);
  void refresh_directory();
  void write_key_uses();
  void trim_memory();
  Result<api::ReloadReport> reload();
  void start_threads();
  std::string sandbox() const;

  const std::shared_ptr<const config::Settings> settings;               // of the start
  std::atomic<std::shared_ptr<const config::Settings>> live{settings};  // in force, for all threads
  ConfigSource source;
  std::mutex reload_mutex;  // one reload at a time
  SystemClock clock;
  std::vector<std::unique_ptr<EventLoop>> loops;
  std::vector<std::thread> threads;
  std::atomic<api::Readiness> readiness{api::Readiness::Starting};
  std::atomic<std::uint64_t> max_body;

  observe::Metrics metrics;
  observe::RequestMetrics request_metrics;
  observe::RequestLog request_log;

  std::unique_ptr<stores::sqlite::DataFolderLock> folder_lock;
  std::unique_ptr<stores::sqlite::Database> database;
  std::unique_ptr<stores::KeyStore> keys;
  std::unique_ptr<stores::UserStore> users;
  std::unique_ptr<stores::TokenStore> tokens;
  std::mutex refresh_mutex;  // one refresh at a time; guards the next field
  std::int64_t seen_version = -1;

  auth::KeyUses key_uses;
  SteadyTime uses_written{};  // on the main thread
  MemoryTrimmer trimmer;      // on the main thread
  auth::Directory directory;
  std::optional<auth::JwtSigner> signer;
  std::optional<auth::Gate> gate;

  BlockingPool dns_pool{"dns", 4, 1024};
  BlockingPool store_pool{"store", 2, 1024};
  BlockingPool password_pool{"password", 2, 16};
  BlockingPool document_pool{"document", 2, 256};
  std::optional<auth::TokenService> token_service;

  upstream::Resolver resolver;
  dispatch::Clients clients;
  api::DocumentSources::Fetchers fetchers;
  dispatch::Catalogs catalogs;
  dispatch::Dispatcher dispatcher;
  documents::WorkerPool workers;
  api::DocumentSources sources;
  api::DocumentEngine document_engine;

  std::optional<ProviderHealth> health;
  api::KeyAdministration key_administration{};
  api::UserAdministration user_administration{};
  std::vector<std::unique_ptr<api::Endpoint>> endpoints;
  std::vector<api::Route> routes;
  std::optional<GateAdapter> authenticator;
  limits::Limiter limiter;
  LimiterAdapter admission{limiter};
  std::optional<api::Service> service;
  std::optional<edge::Server> server;
};

Result<void> Gateway::Impl::open_stores() {
  auto lock = stores::sqlite::DataFolderLock::take(settings->data_dir);
  if (!lock) {
    return fail(lock.error());
  }
  folder_lock = std::move(*lock);
  auto opened =
      stores::sqlite::Database::open(config::sqlite_path(*settings), stores::sqlite::schema());
  if (!opened) {
    return fail(opened.error());
  }
  database = std::move(*opened);
  keys = stores::sqlite::make_key_store(*database);
  users = stores::sqlite::make_user_store(*database);
  tokens = stores::sqlite::make_token_store(*database);

  auto first = auth::create_first_admin(*settings, *users, unix_ms(clock));
  if (!first) {
    return fail(first.error());
  }
  if (!first->generated_password.empty()) {
    std::fprintf(stderr, "First start: user \"%s\" has the password %s\n(also in %s, mode 0600)\n",
                 settings->auth.admin_user.c_str(), first->generated_password.c_str(),
                 first->password_file.c_str());
  }
  if (!first->warning.empty()) {
    log::warning(first->warning);
  }
  auto secret = auth::load_jwt_secret(settings->auth, settings->data_dir);
  if (!secret) {
    return fail(secret.error());
  }
  signer.emplace(*secret, settings->auth.jwt_old_secrets, settings->auth.issuer);
  return {};
}

void Gateway::Impl::refresh_directory() {
  const std::lock_guard lock(refresh_mutex);
  auto snapshot =
      auth::Directory::read(*keys, *users, *tokens, live.load()->auth, key_uses, unix_ms(clock));
  if (!snapshot) {
    log::error("cannot read the users and keys", snapshot.error());
    return;
  }
  directory.publish(std::move(*snapshot));
}

Result<void> Gateway::Impl::publish_catalog(const config::Settings& from) {
  for (std::size_t i = 0; i < loops.size(); ++i) {
    // Each loop has a catalog of its own, so that no reference count is shared between threads.
    auto catalog = routing::Catalog::build(from);
    if (!catalog) {
      return fail(catalog.error());
    }
    if (threads.empty()) {
      catalogs.at(i) = std::move(*catalog);
    } else {
      loops[i]->post([this, i, next = std::move(*catalog)] { catalogs.at(i) = next; });
    }
  }
  request_metrics.set_models(model_names(from));
  return {};
}

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

void Gateway::Impl::start_threads() {
  for (std::size_t i = 0; i < loops.size(); ++i) {
    threads.emplace_back([this, i] {
      const observe::ShardClaim shard(i + 1);
      loops[i]->run();
    });
  }
}

Gateway::Gateway(config::Settings settings, ConfigSource source)
    : impl_(std::make_unique<Impl>(std::move(settings), std::move(source))) {}

Gateway::~Gateway() {
  for (auto& loop : impl_->loops) {
    loop->stop();
  }
  for (std::thread& thread : impl_->threads) {
    thread.join();
  }
}

Result<void> Gateway::start() {
  auto opened = impl_->open_stores();
  if (!opened) {
    return opened;
  }
  impl_->refresh_directory();
  impl_->build_api();
  auto published = impl_->publish_catalog(*impl_->settings);
  if (!published) {
    return published;
  }
  std::vector<EventLoop*> borrowed;
  for (auto& loop : impl_->loops) {
    borrowed.push_back(loop.get());
  }
  impl_->server.emplace(*impl_->service, borrowed);
  auto listening = impl_->server->listen(impl_->settings->server);
  if (!listening) {
    return listening;
  }
  observe::add_process_metrics(impl_->metrics, kVersion);
  impl_->request_log.add_metrics(impl_->metrics);
  add_scraped_metrics(impl_->metrics, *impl_->server, impl_->clients, impl_->workers);
  impl_->start_threads();
  impl_->readiness = api::Readiness::Ready;
  return {};
}

const std::vector<std::string>& Gateway::addresses() const { return impl_->server->addresses(); }

Result<void> Gateway::Impl::put_into_force(std::shared_ptr<const config::Settings> next) {
  auto probe = routing::Catalog::build(*next);
  if (!probe) {
    return fail(probe.error());
  }
  auto applied = server->apply(next->server);
  if (!applied) {
    return applied;
  }
  live = next;
  max_body = next->server.max_body_size;
  const log::Level level = log::level_named(next->log.level).value_or(log::Level::Info);
  log::set_level(level);
  request_log.set_level(level);
  limiter.set_tiers(next->tiers);
  refresh_directory();
  return publish_catalog(*next);
}

Result<api::ReloadReport> Gateway::Impl::reload() {
  const std::lock_guard lock(reload_mutex);
  auto loaded = source();
  if (!loaded) {
    log::error("the new configuration is refused; the old one stays", loaded.error());
    return fail(loaded.error());
  }
  config::ReloadPlan plan = config::plan_reload(*live.load(), std::move(loaded->settings));
  auto done = put_into_force(std::make_shared<const config::Settings>(std::move(plan.settings)));
  if (!done) {
    log::error("the new configuration is refused; the old one stays", done.error());
    return fail(done.error());
  }
  log::info("configuration reloaded", {{"changed", join(plan.live)}});
  if (!plan.restart.empty()) {
    log::warning("ignored until a restart", {{"options", join(plan.restart)}});
  }
  return api::ReloadReport{.changed = std::move(plan.live),
                           .needs_restart = std::move(plan.restart)};
}

Result<api::ReloadReport> Gateway::reload() { return impl_->reload(); }

void Gateway::Impl::write_key_uses() {
  const std::vector<stores::ApiKeyUse> uses = key_uses.take();
  if (uses.empty()) {
    return;
  }
  auto written = keys->note_use(uses);
  if (!written) {
    log::error("cannot note when keys were used", written.error());
  }
}

void Gateway::Impl::trim_memory() {
  const edge::ServerStats stats = server->stats();
  switch (trimmer.tick(stats.open_connections, stats.peak_connections)) {
    case MemoryTrimmer::Step::Nothing:
      return;
    case MemoryTrimmer::Step::FreeBuffers:
      server->trim();
      for (std::size_t i = 0; i < loops.size(); ++i) {
        loops[i]->post([this, i] { clients.at(i)->trim(); });
      }
      return;
    case MemoryTrimmer::Step::ReturnToSystem:
      // glibc keeps what is free in the middle of its heaps until it is asked.
      ::malloc_trim(0);
      return;
  }
}

void Gateway::refresh() {
  impl_->trim_memory();
  const SteadyTime now = impl_->clock.steady();
  if (now - impl_->uses_written >= std::chrono::minutes(1)) {
    impl_->uses_written = now;
    impl_->write_key_uses();
  }
  auto version = impl_->keys->version();
  if (version && *version != std::exchange(impl_->seen_version, *version)) {
    impl_->refresh_directory();
  }
  auto certificates = impl_->server->reload_certificates_if_changed();
  if (!certificates) {
    log::error("cannot load the changed certificate; the old one stays", certificates.error());
  }
}

bool Gateway::stop() {
  impl_->readiness = api::Readiness::Draining;
  impl_->write_key_uses();
  const bool clean = impl_->server->drain(impl_->live.load()->server.shutdown_grace);
  impl_->workers.stop();
  impl_->request_log.stop();
  return clean;
}

}  // namespace headgate::app
