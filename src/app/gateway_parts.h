#pragma once

// The parts of the program and how they hang together. Included by gateway*.cc only.

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "api/admin_keys.h"
#include "api/admin_users.h"
#include "api/document_endpoints.h"
#include "api/health.h"
#include "api/response_items.h"
#include "api/routes.h"
#include "api/service.h"
#include "app/adapters.h"
#include "app/breaker_probes.h"
#include "app/gateway.h"
#include "app/job_system.h"
#include "app/limiter_adapter.h"
#include "app/memory_trimmer.h"
#include "app/overload_watch.h"
#include "app/provider_health.h"
#include "auth/directory.h"
#include "auth/gate.h"
#include "auth/tokens.h"
#include "base/blocking_pool.h"
#include "dispatch/dispatcher.h"
#include "dispatch/response_cache.h"
#include "dispatch/token_counter.h"
#include "edge/server.h"
#include "observe/metrics.h"
#include "observe/request_log.h"
#include "observe/request_metrics.h"
#include "stores/sqlite/data_folder.h"
#include "stores/sqlite/database.h"
#include "stores/sqlite/stores.h"
#include "upstream/client.h"
#include "upstream/fetch.h"

namespace headgate::app {

/// The parts in the order in which they are built; each borrows only from those above it.
struct Gateway::Impl {
  Impl(config::Settings initial, ConfigSource config_source);

  std::shared_ptr<const config::Settings> current_settings() const { return live.load(); }
  Result<void> open_stores();
  Result<void> open_usage();
  void flush_usage();
  void flush_totals();
  /// Usage and totals, once more; false if that takes too long.
  bool flush_at_end();
  void build_api();
  /// Logs which of the configured routes there are not.
  void warn_of_unknown_routes(const config::Settings& from) const;
  Result<void> publish_catalog(const config::Settings& from);
  Result<void> put_into_force(const std::shared_ptr<const config::Settings>& next);
  void refresh_directory();
  void write_key_uses();
  /// What refresh() does on the disk.
  void look_after_keys();
  /// False if that takes too long: the disk hangs, and whoever waits for it.
  bool write_key_uses_at_end();
  void trim_memory();
  void free_buffers();
  /// Fails (and keeps the old configuration) with the options at fault. Any thread but the main
  /// one: reads users and keys too, and a disk that hangs holds that up.
  Result<api::ReloadReport> reload();
  std::vector<EventLoop*> borrowed_loops() const;
  void start_threads();
  std::string sandbox() const;
  /// The model whose line an operator asks about, by name or alias.
  Result<std::string> public_name(std::string_view name) const;

  const std::shared_ptr<const config::Settings> settings;               // of the start
  std::atomic<std::shared_ptr<const config::Settings>> live{settings};  // in force, for all threads
  ConfigSource source;
  std::mutex reload_mutex;  // one reload at a time
  SystemClock clock;
  // Requests that a stop cuts off give back what they hold when their loops die, so these live
  // longer.
  limits::Limiter limiter;
  limits::Budgets budgets;
  std::optional<limits::UsageLedger> usage_ledger;
  std::vector<std::unique_ptr<EventLoop>> loops;
  std::vector<std::thread> threads;
  OverloadWatch overload;
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
  std::mutex refresh_mutex;  // one refresh at a time

  auth::KeyUses key_uses;
  std::atomic<bool> looking_after_keys{false};  // guards the next two fields
  std::int64_t seen_version = -1;
  SteadyTime uses_written{};
  SteadyTime totals_written{};  // on the main thread
  SteadyTime memory_freed{};    // on the main thread
  MemoryTrimmer trimmer;        // on the main thread
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
  routing::Health routing_health;  // kept over reloads
  dispatch::Catalogs catalogs;
  dispatch::Routers routers;
  queue::Lines lines;
  dispatch::ResponseCache response_cache;
  api::ResponseItems response_items;
  dispatch::Dispatcher dispatcher;
  dispatch::TokenCounter token_counter;
  BreakerProbes breaker_probes;
  documents::WorkerPool workers;
  api::DocumentSources sources;
  api::DocumentCache document_cache;
  api::DocumentEngine document_engine;

  std::unique_ptr<JobSystem> jobs;

  std::optional<ProviderHealth> health;
  api::KeyAdministration key_administration{};
  api::UserAdministration user_administration{};
  std::vector<std::unique_ptr<api::Endpoint>> endpoints;
  std::vector<api::Route> routes;
  std::optional<GateAdapter> authenticator;
  std::optional<LimiterAdapter> admission;
  std::optional<api::Service> service;
  std::optional<edge::Server> server;

  // What runs on them uses all of the above. Apart from the work that a disk which hangs holds up.
  BlockingPool metrics_pool{"metrics", 1, 64};
  BlockingPool reload_pool{"reload", 1, 4};
};

dispatch::ResponseCache::Limits cache_limits(const config::CacheSettings& settings);

}  // namespace headgate::app
