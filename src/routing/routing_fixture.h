#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "config/settings.h"
#include "routing/catalog.h"
#include "routing/router.h"

// A model of some targets, for tests of what chooses among them.
namespace headgate::routing::fixture {

inline constexpr SteadyTime kStart = SteadyTime(std::chrono::hours(1000));

/// Providers a, b, c, ... of one target each under the model "m", and beside it the model "other"
/// of provider z.
inline config::Settings settings_of(std::size_t targets, const std::string& strategy = "ordered") {
  config::Settings settings;
  config::ModelSettings model;
  model.name = "m";
  model.strategy = strategy;
  for (std::size_t i = 0; i < targets; ++i) {
    config::ProviderSettings provider;
    provider.name = std::string(1, static_cast<char>('a' + i));
    provider.protocol = "openai";
    provider.base_url = "http://127.0.0.1:9/v1";
    settings.providers.push_back(provider);
    config::TargetSettings target;
    target.provider = provider.name;
    target.model = "t";
    model.targets.push_back(target);
  }
  config::ProviderSettings other;
  other.name = "z";
  other.protocol = "openai";
  other.base_url = "http://127.0.0.1:9/v1";
  settings.providers.push_back(other);
  config::ModelSettings second;
  second.name = "other";
  second.targets.emplace_back().provider = "z";
  settings.models = {model, second};
  return settings;
}

/// Health, catalog and router over it.
struct World {
  explicit World(const config::Settings& settings, std::uint64_t seed = 1)
      : catalog(Catalog::build(settings, health).value()), router(health, seed) {}

  std::shared_ptr<const Model> model(const std::string& name = "m") const {
    return catalog->find(name).value();
  }
  Ask ask(Needs needs = {}) const {
    Ask made;
    made.model = model();
    made.needs = needs;
    return made;
  }
  Plan plan(SteadyTime now) { return router.plan(ask(), *catalog, now); }
  TargetHealth& target(std::size_t index) const { return *model()->targets[index].health; }

  /// Calls a candidate and ends it so, at once. False: the call was refused.
  bool call(const Plan& plan, Candidate candidate, CallResult result, SteadyTime now,
            std::chrono::nanoseconds latency = std::chrono::milliseconds(10)) {
    Lease lease = router.begin(plan, candidate, now);
    if (!lease) {
      return false;
    }
    router.ended(std::move(lease),
                 {.result = result, .latency = latency, .first_token = {}, .retry_after = {}}, now);
    return true;
  }
  /// Calls target `index` of the model whatever the plan says.
  bool call(std::size_t index, CallResult result, SteadyTime now,
            std::chrono::nanoseconds latency = std::chrono::milliseconds(10)) {
    Plan all;
    all.models.push_back(model());
    return call(all, {.model = 0, .target = static_cast<std::uint16_t>(index)}, result, now,
                latency);
  }

  Health health;
  std::shared_ptr<const Catalog> catalog;  // as the process holds it
  Router router;
};

/// "ab" for a plan that tries a, then b; providers have names of one letter.
inline std::string order_of(const Plan& plan) {
  std::string names;
  for (const Candidate candidate : plan.candidates) {
    names.append(plan.target_of(candidate).provider);
  }
  return names;
}

}  // namespace headgate::routing::fixture
