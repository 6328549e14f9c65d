// A new configuration while running: what of it can be put into force, for every loop.

#include <exception>
#include <utility>

#include "app/gateway_parts.h"
#include "base/encoding.h"
#include "config/reload.h"
#include "observe/log.h"

namespace headgate::app {
namespace {

namespace log = observe::log;

std::vector<std::string> model_names(const config::Settings& settings) {
  std::vector<std::string> names;
  names.reserve(settings.models.size());
  for (const config::ModelSettings& model : settings.models) {
    names.push_back(model.name);
  }
  return names;
}

}  // namespace

Result<void> Gateway::Impl::publish_catalog(const config::Settings& from) {
  for (std::size_t i = 0; i < loops.size(); ++i) {
    // Each loop has a catalog of its own, so that no reference count is shared between threads.
    auto catalog = routing::Catalog::build(from, routing_health);
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

Result<void> Gateway::Impl::put_into_force(const std::shared_ptr<const config::Settings>& next) {
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
  limiter.set(next->tiers, next->routes);
  warn_of_unknown_routes(*next);
  budgets.set_tiers(next->tiers);
  overload.set(next->overload);
  usage_ledger->set_prices(limits::PriceList(*next));
  refresh_directory();
  lines.reconfigure();
  auto published = publish_catalog(*next);
  response_cache.set_limits(cache_limits(next->cache));
  response_items.set_max_memory(next->cache.response_items);
  response_cache.clear();  // other targets may answer now
  return published;
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

void Gateway::reload() {
  const bool posted = impl_->reload_pool.post([impl = impl_.get()] {
    try {
      // What is wrong with it is in the log, and the old one stays.
      [[maybe_unused]] const auto reloaded = impl->reload();
    } catch (const std::exception& error) {
      log::error("the reload broke down", {{"cause", error.what()}});
    }
  });
  if (!posted) {
    log::error("reloads are under way already; this one is ignored");
  }
}

}  // namespace headgate::app
