#include "app/provider_health.h"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "app/provider_probe.h"
#include "base/task_group.h"
#include "observe/log.h"
#include "routing/catalog.h"

namespace headgate::app {
namespace {

namespace log = observe::log;
using Status = api::EndpointHealth::Status;

constexpr std::chrono::seconds kPatience{2};

struct Asked {
  ProviderProbe probe;
  std::vector<std::shared_ptr<routing::TargetHealth>> targets;  // shared with the catalogs
};

/// One probe for each provider that speaks over the network.
std::vector<Asked> probes_for(const routing::Catalog& catalog) {
  std::vector<Asked> asked;
  const auto add = [&](const routing::Target& target) {
    if (target.embedded) {
      return;
    }
    ProviderProbe fresh = probe_of(target);
    auto known = std::ranges::find(asked, fresh.health.name,
                                   [](const Asked& one) { return one.probe.health.name; });
    if (known == asked.end()) {
      known = asked.insert(asked.end(), Asked{.probe = std::move(fresh), .targets = {}});
    }
    if (std::ranges::find(known->targets, target.health) == known->targets.end()) {
      known->targets.push_back(target.health);
    }
  };
  for (const auto& model : catalog.models()) {
    std::ranges::for_each(model->targets, add);
  }
  return asked;
}

bool uses_workers(const routing::Catalog& catalog) {
  return std::ranges::any_of(catalog.models(), [](const auto& model) {
    return std::ranges::any_of(model->targets, &routing::Target::embedded);
  });
}

}  // namespace

void add_breakers(api::EndpointHealth& health, std::span<const routing::TargetView> targets) {
  using enum routing::BreakerState;
  for (const routing::TargetView& target : targets) {
    health.breakers.emplace_back(target.target, routing::name_of(target.state));
  }
  const bool all_open = !targets.empty() && std::ranges::all_of(targets, [](const auto& target) {
    return target.state == Open;
  });
  if (all_open && (health.status == Status::Healthy || health.status == Status::Idle)) {
    health.status = Status::Unhealthy;
    health.error = "Calls failed; it is left alone for a while.";
  }
}

api::EndpointHealth workers_health(const documents::WorkerPoolCounters& counters) {
  api::EndpointHealth health;
  health.name = "embedded";
  health.workers = {
      {"ready", counters.ready}, {"busy", counters.busy}, {"waiting", counters.waiting}};
  if (counters.starting != 0) {
    health.workers.emplace_back("starting", counters.starting);
  }
  // Right after the start, pages wait for workers that are on their way.
  const bool up = counters.ready != 0 || counters.starting != 0;
  health.status = !up ? Status::Unhealthy : counters.busy == 0 ? Status::Idle : Status::Healthy;
  if (!up) {
    health.error = "No document worker is running.";
  }
  return health;
}

Task<api::HealthCheck::Outcome> StoreCheck::ask() {
  using enum api::HealthCheck::Outcome;
  if (state_->under_way.exchange(true)) {
    co_return Failed;  // the last one has not come back from the disk yet
  }
  // Shared with the look, which may come back when nobody waits any more.
  auto look = std::make_shared<Look>();
  EventLoop* const loop = EventLoop::current();
  const bool posted = pool_.post([state = state_, look, loop] {
    bool good = false;
    try {
      good = state->look().has_value();
    } catch (const std::exception& error) {
      log::error("the look at the store broke down", {{"cause", error.what()}});
    }
    state->under_way = false;
    loop->post([look, good] {
      look->good = good;
      look->done.notify();
    });
  });
  if (!posted) {
    state_->under_way = false;
    co_return Failed;
  }
  const bool back = co_await look->done.wait_until(std::chrono::steady_clock::now() + patience_);
  co_return back && look->good ? Passed : Failed;
}

ProviderHealth::ProviderHealth(Parts parts)
    : parts_(std::move(parts)),
      store_(
          *parts_.store_pool,
          [keys = parts_.keys, database = parts_.database]() -> Result<void> {
            auto version = keys->version();
            return version ? database->check_writable() : fail(version.error());
          },
          kPatience) {}

api::EndpointHealth ProviderHealth::look_at_workers() const {
  return workers_health(parts_.workers->counters());
}

Task<api::HealthReport> ProviderHealth::check() const {
  // The catalog may be replaced while the probes wait; they hold copies.
  const auto catalog = parts_.catalogs->here();
  std::vector<Asked> asked = probes_for(*catalog);
  TaskGroup asking;
  for (Asked& one : asked) {
    asking.spawn(ask(*parts_.clients->here(), one.probe));
  }
  api::HealthReport report;
  const auto store = co_await store_.ask();
  report.checks.push_back({.name = "store", .outcome = store});
  using enum api::HealthCheck::Outcome;
  report.checks.push_back({.name = "jobs", .outcome = parts_.jobs_settle() ? Passed : Impaired});
  co_await asking.close(SteadyTime::max());  // each has its own limit
  if (parts_.readiness->load() == api::Readiness::Draining) {
    report.gateway = api::HealthReport::Gateway::Draining;
  } else if (parts_.overload->overloaded()) {
    report.gateway = api::HealthReport::Gateway::Overloaded;
  }
  if (uses_workers(*catalog)) {
    report.endpoints.push_back(look_at_workers());
  }
  const SteadyTime now = std::chrono::steady_clock::now();
  for (Asked& one : asked) {
    std::vector<routing::TargetView> views;
    for (const auto& target : one.targets) {
      views.push_back(target->view(now));
    }
    add_breakers(one.probe.health, views);
    report.endpoints.push_back(std::move(one.probe.health));
  }
  co_return report;
}

}  // namespace headgate::app
