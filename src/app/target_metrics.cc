#include "app/target_metrics.h"

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "routing/router.h"

namespace headgate::app {
namespace {

using observe::HistogramSample;
using observe::MetricDescription;
using observe::MetricKind;
using observe::Sample;
using routing::TargetView;

using Views = std::vector<TargetView>;

double count_of(std::uint64_t count) { return static_cast<double>(count); }

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

Views views_of(routing::Health& health) {
  return routing::Router(health, 0).view(std::chrono::steady_clock::now());
}

/// A figure of each target.
void add_figure(observe::Metrics& metrics, routing::Health& health, MetricDescription description,
                std::function<double(const TargetView&)> figure) {
  description.labels = {"provider", "target"};
  metrics.on_scrape(std::move(description), [&health, figure = std::move(figure)] {
    std::vector<Sample> samples;
    for (const TargetView& view : views_of(health)) {
      samples.push_back({{view.provider, view.target}, figure(view)});
    }
    return samples;
  });
}

void add_timings(observe::Metrics& metrics, routing::Health& health, MetricDescription description,
                 routing::Timings TargetView::* timings) {
  description.kind = MetricKind::Histogram;
  description.labels = {"provider", "target"};
  description.buckets = {routing::Timings::kBounds.begin(), routing::Timings::kBounds.end()};
  metrics.on_scrape_histogram(std::move(description), [&health, timings] {
    std::vector<HistogramSample> samples;
    for (const TargetView& view : views_of(health)) {
      const routing::Timings& times = view.*timings;
      samples.push_back({.labels = {view.provider, view.target},
                         .counts = {times.counts.begin(), times.counts.end()},
                         .sum = times.seconds});
    }
    return samples;
  });
}

void add_attempts(observe::Metrics& metrics, routing::Health& health) {
  metrics.on_scrape(
      {.name = "headgate_target_attempts_total",
       .help = "Calls of a target that have ended: ok, failed by a fault of the provider, "
               "rate_limited by it, other (the request was at fault, the client left, the key was "
               "refused, another target answered first)",
       .kind = MetricKind::Counter,
       .labels = {"provider", "target", "outcome"}},
      [&health] {
        std::vector<Sample> samples;
        for (const TargetView& view : views_of(health)) {
          const auto add = [&](const char* outcome, std::uint64_t count) {
            samples.push_back({{view.provider, view.target, outcome}, count_of(count)});
          };
          add("ok", view.succeeded);
          add("failed", view.failed);
          add("rate_limited", view.rate_limited);
          add("other", view.calls - view.succeeded - view.failed - view.rate_limited);
        }
        return samples;
      });
}

void add_breakers(observe::Metrics& metrics, routing::Health& health) {
  metrics.on_scrape(
      {.name = "headgate_target_breaker",
       .help = "1 for the state that a target's breaker is in, 0 for the others",
       .kind = MetricKind::Gauge,
       .labels = {"provider", "target", "state"}},
      [&health] {
        using enum routing::BreakerState;
        std::vector<Sample> samples;
        for (const TargetView& view : views_of(health)) {
          for (const auto state : {Closed, HalfOpen, Open}) {
            samples.push_back({{view.provider, view.target, std::string(routing::name_of(state))},
                               view.state == state ? 1.0 : 0.0});
          }
        }
        return samples;
      });
  add_figure(metrics, health,
             {.name = "headgate_target_breaker_opened_total",
              .help = "Times that a target's breaker opened",
              .kind = MetricKind::Counter},
             [](const TargetView& view) { return count_of(view.opened); });
}

void add_latencies(observe::Metrics& metrics, routing::Health& health) {
  add_figure(metrics, health,
             {.name = "headgate_target_in_flight",
              .help = "Calls of a target that are under way",
              .kind = MetricKind::Gauge},
             [](const TargetView& view) { return count_of(view.in_flight); });
  add_figure(metrics, health,
             {.name = "headgate_target_latency_seconds",
              .help = "How long a target takes to answer, as routing weighs it: the moving average "
                      "that rises at once to a slower answer; 0 while it is not known",
              .kind = MetricKind::Gauge},
             [](const TargetView& view) { return seconds(view.latency); });
  add_timings(metrics, health,
              {.name = "headgate_target_first_token_seconds",
               .help = "Time to the first token of a target's streams"},
              &TargetView::first_tokens);
  add_timings(metrics, health,
              {.name = "headgate_target_remote_wait_seconds",
               .help = "How long work waited in a provider's own queue, cold starts included"},
              &TargetView::remote_waits);
}

void add_keys(observe::Metrics& metrics, routing::Health& health) {
  metrics.on_scrape(
      {.name = "headgate_provider_keys",
       .help = "Keys of a provider that can be used, or rest because it limited or "
               "refused them",
       .kind = MetricKind::Gauge,
       .labels = {"provider", "state"}},
      [&health] {
        std::vector<Sample> samples;
        const Views views = views_of(health);  // by provider
        for (std::size_t i = 0; i < views.size(); ++i) {
          const TargetView& view = views[i];
          if (i != 0 && views[i - 1].provider == view.provider) {
            continue;
          }
          samples.push_back({{view.provider, "ready"}, count_of(view.keys - view.keys_resting)});
          samples.push_back({{view.provider, "resting"}, count_of(view.keys_resting)});
        }
        return samples;
      });
}

/// A figure of each model.
void add_model_figure(observe::Metrics& metrics, routing::Health& health,
                      MetricDescription description,
                      std::function<double(routing::ModelMemory&)> figure) {
  description.labels = {"model"};
  metrics.on_scrape(std::move(description), [&health, figure = std::move(figure)] {
    std::vector<Sample> samples;
    for (const auto& [name, memory] : health.models()) {
      samples.push_back({{name.empty() ? "_other" : name}, figure(*memory)});
    }
    return samples;
  });
}

void add_retries(observe::Metrics& metrics, routing::Health& health) {
  using routing::ModelMemory;
  const auto counts = [](const ModelMemory& memory) {
    return memory.budget.counts(std::chrono::steady_clock::now());
  };
  add_model_figure(metrics, health,
                   {.name = "headgate_retry_budget_used",
                    .help = "Retries and second calls of a model in the last ten seconds",
                    .kind = MetricKind::Gauge},
                   [counts](ModelMemory& memory) { return count_of(counts(memory).retries); });
  add_model_figure(metrics, health,
                   {.name = "headgate_retry_budget_refused_total",
                    .help = "Retries of a model that its budget did not allow",
                    .kind = MetricKind::Counter},
                   [counts](ModelMemory& memory) { return count_of(counts(memory).refused); });
  add_model_figure(metrics, health,
                   {.name = "headgate_hedges_total",
                    .help = "Second calls of a model that were made beside a silent one",
                    .kind = MetricKind::Counter},
                   [](ModelMemory& memory) { return count_of(memory.hedges); });
  add_model_figure(metrics, health,
                   {.name = "headgate_hedges_won_total",
                    .help = "Second calls of a model that answered before the first",
                    .kind = MetricKind::Counter},
                   [](ModelMemory& memory) { return count_of(memory.hedges_won); });
}

}  // namespace

void add_target_metrics(observe::Metrics& metrics, routing::Health& health) {
  add_attempts(metrics, health);
  add_breakers(metrics, health);
  add_latencies(metrics, health);
  add_keys(metrics, health);
  add_retries(metrics, health);
}

}  // namespace headgate::app
