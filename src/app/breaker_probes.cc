#include "app/breaker_probes.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "app/provider_probe.h"
#include "base/task_group.h"

namespace headgate::app {
namespace {

using Status = api::EndpointHealth::Status;
using Standing = routing::TargetHealth::Standing;

struct Asked {
  ProviderProbe probe;
  std::vector<std::shared_ptr<routing::TargetHealth>> targets;  // shared with the catalogs
};

/// The providers of open targets, each once.
std::vector<Asked> open_providers(const routing::Catalog& catalog, SteadyTime now) {
  std::vector<Asked> asked;
  for (const auto& model : catalog.models()) {
    for (const routing::Target& target : model->targets) {
      if (target.embedded || target.health->standing(now) != Standing::Open) {
        continue;
      }
      ProviderProbe probe = probe_of(target);
      auto known = std::ranges::find(asked, probe.health.name,
                                     [](const Asked& one) { return one.probe.health.name; });
      if (known == asked.end()) {
        known = asked.insert(asked.end(), Asked{.probe = std::move(probe), .targets = {}});
      }
      known->targets.push_back(target.health);
    }
  }
  return asked;
}

}  // namespace

void BreakerProbes::tick() {
  if (asking_.exchange(true)) {
    return;
  }
  loop_.post([this] { loop_.spawn(look()); });
}

Task<void> BreakerProbes::look() {
  std::vector<Asked> asked =
      open_providers(*services_.catalogs.here(), std::chrono::steady_clock::now());
  TaskGroup asking;
  for (Asked& one : asked) {
    asking.spawn(ask(*services_.clients.here(), one.probe));
  }
  co_await asking.close(SteadyTime::max());  // each has its own limit
  const SteadyTime now = std::chrono::steady_clock::now();
  for (const Asked& one : asked) {
    if (one.probe.health.status != Status::Healthy && one.probe.health.status != Status::Idle) {
      continue;
    }
    for (const auto& target : one.targets) {
      target->seen_alive(now);
    }
  }
  asking_ = false;
}

}  // namespace headgate::app
