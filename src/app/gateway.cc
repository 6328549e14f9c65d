#include "app/gateway.h"

#include <algorithm>
#include <exception>
#include <future>
#include <stdexcept>
#include <utility>

#include <malloc.h>

#include "app/gateway_parts.h"
#include "app/scraped_metrics.h"
#include "app/target_metrics.h"
#include "app/version.h"
#include "auth/bootstrap.h"
#include "base/clock.h"
#include "base/ids.h"
#include "observe/log.h"
#include "observe/shard.h"
#include "stores/sqlite/schema.h"
#include "upstream/proxy.h"

namespace headgate::app {
namespace {

namespace log = observe::log;

/// A crash loses what was counted of callers' requests since then.
constexpr std::chrono::seconds kTotalsEach{5};

std::size_t loop_count(const config::Settings& settings) {
  return settings.server.threads != 0 ? settings.server.threads
                                      : std::max(1U, std::thread::hardware_concurrency());
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

observe::RequestLogOptions request_log_options(const config::Settings& settings,
                                               std::size_t loops) {
  observe::RequestLogOptions options;
  options.loops = loops;
  options.format = log::format_named(settings.log.format).value_or(log::Format::Auto);
  options.level = log::level_named(settings.log.level).value_or(log::Level::Info);
  return options;
}

std::vector<std::unique_ptr<EventLoop>> make_loops(std::size_t count) {
  std::vector<std::unique_ptr<EventLoop>> made;
  made.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    made.push_back(std::make_unique<EventLoop>(static_cast<unsigned>(i)));
  }
  return made;
}

}  // namespace

Gateway::Impl::Impl(config::Settings initial, ConfigSource config_source)
    : settings(std::make_shared<const config::Settings>(std::move(initial))),
      source(std::move(config_source)),
      limiter(settings->tiers, settings->routes),
      budgets(settings->tiers, clock),
      loops(make_loops(loop_count(*settings))),
      overload(borrowed_loops(), clock, settings->overload),
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
      catalogs(loops.size(), [](std::size_t) { return std::shared_ptr<const routing::Catalog>(); }),
      routers(loops.size(),
              [this](std::size_t) { return routing::Router(routing_health, random_bits()); }),
      lines([this](std::string_view model) { return line_settings(*current_settings(), model); }),
      response_cache(cache_limits(settings->cache)),
      response_items(settings->cache.response_items),
      dispatcher({.catalogs = catalogs, .clients = clients, .routers = routers}, lines,
                 &response_cache),
      token_counter({.catalogs = catalogs, .clients = clients, .routers = routers}),
      breaker_probes(*loops.front(),
                     {.catalogs = catalogs, .clients = clients, .routers = routers}),
      workers(worker_config(*settings)),
      sources(fetchers, document_pool, [this] { return current_settings(); }),
      document_cache(response_cache, document_pool),
      document_engine{.sources = &sources,
                      .workers = &workers,
                      .pool = &document_pool,
                      .services = {.catalogs = catalogs, .clients = clients, .routers = routers},
                      .lines = &lines,
                      .cache = &document_cache,
                      .settings = [this] { return current_settings(); }} {}

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

Result<void> Gateway::Impl::open_usage() {
  stores::UsageStore& store = jobs->usage();
  auto charged = store.recover();
  if (!charged) {
    return fail(charged.error());
  }
  if (*charged != 0) {
    log::warning("requests that the last stop cut off are charged as estimated",
                 {{"requests", *charged}});
  }
  const UtcDay today = utc_day(clock.wall());
  auto spent = store.spent(today);
  if (!spent) {
    return fail(spent.error());
  }
  budgets.load(*spent, today);
  usage_ledger.emplace(store, budgets, clock, loops.size());
  usage_ledger->set_prices(limits::PriceList(*settings));
  admission.emplace(LimiterAdapter::Parts{
      .limiter = &limiter, .budgets = &budgets, .ledger = &*usage_ledger, .overload = &overload});
  return {};
}

dispatch::ResponseCache::Limits cache_limits(const config::CacheSettings& settings) {
  return {.max_memory = settings.max_memory, .max_answer = settings.max_answer};
}

namespace {

/// What cannot be written is in the log and is tried again by the next flush.
Task<void> flush(limits::UsageLedger& ledger) {
  [[maybe_unused]] const auto written = co_await ledger.flush();
}

Task<void> flush(queue::CallerTotals& totals) { co_await totals.flush(); }

Task<void> flush_and_tell(limits::UsageLedger& ledger, queue::CallerTotals& totals,
                          std::shared_ptr<std::promise<void>> written) {
  co_await flush(ledger);
  co_await totals.flush();
  written->set_value();
}

}  // namespace

void Gateway::Impl::flush_usage() {
  loops.front()->post([this] { loops.front()->spawn(flush(*usage_ledger)); });
}

void Gateway::Impl::flush_totals() {
  loops.front()->post([this] { loops.front()->spawn(flush(jobs->caller_totals())); });
}

bool Gateway::Impl::flush_at_end() {
  constexpr std::chrono::seconds kPatience{5};
  auto written = std::make_shared<std::promise<void>>();  // shared with a flush that is given up
  auto done = written->get_future();
  loops.front()->post([this, written = std::move(written)] {
    loops.front()->spawn(flush_and_tell(*usage_ledger, jobs->caller_totals(), written));
  });
  if (done.wait_for(kPatience) == std::future_status::ready) {
    return true;
  }
  log::warning("the last seconds of usage and totals could not be written");
  return false;
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

std::vector<EventLoop*> Gateway::Impl::borrowed_loops() const {
  std::vector<EventLoop*> borrowed;
  borrowed.reserve(loops.size());
  for (const auto& loop : loops) {
    borrowed.push_back(loop.get());
  }
  return borrowed;
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
  const std::vector<EventLoop*> borrowed = impl_->borrowed_loops();
  auto jobs =
      JobSystem::open({.database = impl_->database.get(),
                       .path = config::sqlite_path(*impl_->settings),
                       .pool = &impl_->document_pool,
                       .lines = &impl_->lines,
                       .fetchers = &impl_->fetchers,
                       .clock = &impl_->clock,
                       .loops = borrowed,
                       .settings = [impl = impl_.get()] { return impl->current_settings(); }});
  if (!jobs) {
    return fail(jobs.error());
  }
  impl_->jobs = std::move(*jobs);
  auto usage = impl_->open_usage();
  if (!usage) {
    return usage;
  }
  impl_->build_api();
  auto published = impl_->publish_catalog(*impl_->settings);
  if (!published) {
    return published;
  }
  impl_->server.emplace(*impl_->service, borrowed);
  auto listening = impl_->server->listen(impl_->settings->server);
  if (!listening) {
    return listening;
  }
  observe::add_process_metrics(impl_->metrics, kVersion);
  impl_->request_log.add_metrics(impl_->metrics);
  add_scraped_metrics(impl_->metrics, *impl_->server, impl_->clients, impl_->workers);
  add_cache_metrics(impl_->metrics, impl_->response_cache);
  add_target_metrics(impl_->metrics, impl_->routing_health);
  impl_->jobs->add_metrics(impl_->metrics);
  impl_->overload.add_metrics(impl_->metrics);
  auto taken_up = impl_->jobs->start(impl_->routes, *impl_->admission);
  if (!taken_up) {
    return taken_up;
  }
  impl_->start_threads();
  impl_->overload.start([impl = impl_.get()](OverloadWatch::Level level) {
    using enum queue::Lines::Batch;
    impl->lines.set_batch(level == OverloadWatch::Level::None ? Runs : Paused);
  });
  impl_->readiness = api::Readiness::Ready;
  return {};
}

const std::vector<std::string>& Gateway::addresses() const { return impl_->server->addresses(); }

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

void Gateway::Impl::look_after_keys() {
  const SteadyTime now = clock.steady();
  try {
    if (now - uses_written >= std::chrono::minutes(1)) {
      uses_written = now;
      write_key_uses();
    }
    auto version = keys->version();
    if (version && *version != std::exchange(seen_version, *version)) {
      refresh_directory();
    }
  } catch (const std::exception& error) {
    log::error("looking after the keys broke down", {{"cause", error.what()}});
  }
  looking_after_keys = false;
}

bool Gateway::Impl::write_key_uses_at_end() {
  constexpr std::chrono::seconds kPatience{5};
  auto written = std::make_shared<std::promise<void>>();  // shared with a write that is given up
  auto done = written->get_future();
  const bool posted = store_pool.post([this, written = std::move(written)] {
    try {
      write_key_uses();
      // Also with nothing to write: a reload or a look at the keys may wait for the disk.
      [[maybe_unused]] const auto version = keys->version();
    } catch (const std::exception& error) {
      log::error("the last look at the keys broke down", {{"cause", error.what()}});
    }
    written->set_value();
  });
  if (posted && done.wait_for(kPatience) == std::future_status::ready) {
    return true;
  }
  log::warning("when keys were last used could not be written");
  return false;
}

void Gateway::Impl::free_buffers() {
  server->trim();
  for (std::size_t i = 0; i < loops.size(); ++i) {
    loops[i]->post([this, i] { clients.at(i)->trim(); });
  }
}

void Gateway::Impl::trim_memory() {
  // While memory is short, what is free but kept would keep classes out for ever.
  constexpr std::chrono::seconds kBetween{5};
  if (overload.memory_is_short() && clock.steady() - memory_freed >= kBetween) {
    memory_freed = clock.steady();
    free_buffers();
    ::malloc_trim(0);
    return;
  }
  const edge::ServerStats stats = server->stats();
  switch (trimmer.tick(stats.open_connections, stats.peak_connections)) {
    case MemoryTrimmer::Step::Nothing:
      return;
    case MemoryTrimmer::Step::FreeBuffers:
      free_buffers();
      return;
    case MemoryTrimmer::Step::ReturnToSystem:
      // glibc keeps what is free in the middle of its heaps until it is asked.
      ::malloc_trim(0);
      return;
  }
}

void Gateway::refresh() {
  impl_->trim_memory();
  impl_->flush_usage();
  impl_->breaker_probes.tick();
  const SteadyTime now = impl_->clock.steady();
  if (now - impl_->totals_written >= kTotalsEach) {
    impl_->totals_written = now;
    impl_->flush_totals();
  }
  // Not here: this thread takes the signals, also while the disk hangs.
  if (!impl_->looking_after_keys.exchange(true) &&
      !impl_->store_pool.post([impl = impl_.get()] { impl->look_after_keys(); })) {
    impl_->looking_after_keys = false;
  }
  auto certificates = impl_->server->reload_certificates_if_changed();
  if (!certificates) {
    log::error("cannot load the changed certificate; the old one stays", certificates.error());
  }
}

Gateway::Stopped Gateway::stop() {
  impl_->readiness = api::Readiness::Draining;
  const bool uses_noted = impl_->write_key_uses_at_end();
  const auto grace = impl_->live.load()->server.shutdown_grace;
  const SteadyTime until = std::chrono::steady_clock::now() + grace;
  impl_->jobs->begin_stop();
  const edge::Drained drained = impl_->server->drain(grace);
  // Jobs that do not end in time are put back: the next start takes them up.
  const bool jobs_ended = impl_->jobs->stop(until);
  const bool written = impl_->flush_at_end();
  impl_->workers.stop();
  impl_->request_log.stop();
  if (drained == edge::Drained::Left || !jobs_ended || !written || !uses_noted) {
    return Stopped::Stuck;
  }
  return drained == edge::Drained::Cut ? Stopped::Cut : Stopped::Clean;
}

}  // namespace headgate::app
