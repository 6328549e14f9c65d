#include "app/target_metrics.h"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "routing/catalog.h"
#include "routing/router.h"

namespace headgate::app {
namespace {

using namespace std::chrono_literals;
using routing::CallResult;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// The metrics of a model with one target, "t" of "a", which has two keys.
struct TargetMetrics : ::testing::Test {
  TargetMetrics() {
    config::ProviderSettings& provider = settings.providers.emplace_back();
    provider.name = "a";
    provider.protocol = "openai";
    provider.base_url = "http://127.0.0.1:9/v1";
    provider.api_keys = {config::Secret("sk-one"), config::Secret("sk-two")};
    config::ModelSettings& model = settings.models.emplace_back();
    model.name = "m";
    model.targets.emplace_back().provider = "a";
    model.targets.back().model = "t";
    model.breaker.failures = 2;
    catalog = routing::Catalog::build(settings, health).value();
    add_target_metrics(metrics, health);
  }
  routing::Lease begin() {
    routing::Ask ask;
    ask.model = catalog->find("m").value();
    const SteadyTime now = std::chrono::steady_clock::now();
    const routing::Plan plan = router.plan(ask, *catalog, now);
    return plan.candidates.empty() ? routing::Lease() : router.begin(plan, plan.candidates[0], now);
  }
  void call(CallResult result) {
    routing::Lease lease = begin();
    ASSERT_TRUE(lease);
    router.ended(std::move(lease), {.result = result, .latency = 10ms},
                 std::chrono::steady_clock::now());
  }

  config::Settings settings;
  routing::Health health;
  routing::Router router{health, 1};
  std::shared_ptr<const routing::Catalog> catalog;
  observe::Metrics metrics{1};
};

TEST_F(TargetMetrics, CountAttemptsByHowTheyEnded) {
  call(CallResult::Ok);
  call(CallResult::ProviderFault);
  call(CallResult::CallerFault);
  const std::string page = metrics.scrape();
  for (const char* line :
       {R"(headgate_target_attempts_total{provider="a",target="t",outcome="ok"} 1)",
        R"(headgate_target_attempts_total{provider="a",target="t",outcome="failed"} 1)",
        R"(headgate_target_attempts_total{provider="a",target="t",outcome="rate_limited"} 0)",
        R"(headgate_target_attempts_total{provider="a",target="t",outcome="other"} 1)"}) {
    EXPECT_THAT(page, HasSubstr(line));
  }
}

TEST_F(TargetMetrics, ShowTheBreaker) {
  EXPECT_THAT(metrics.scrape(),
              HasSubstr(R"(headgate_target_breaker{provider="a",target="t",state="closed"} 1)"));
  call(CallResult::ProviderFault);
  call(CallResult::ProviderFault);
  EXPECT_THAT(
      metrics.scrape(),
      AllOf(HasSubstr(R"(headgate_target_breaker{provider="a",target="t",state="closed"} 0)"),
            HasSubstr(R"(headgate_target_breaker{provider="a",target="t",state="open"} 1)"),
            HasSubstr(R"(headgate_target_breaker_opened_total{provider="a",target="t"} 1)")));
}

TEST_F(TargetMetrics, ShowKeysThatRestAndNeverTheKeys) {
  call(CallResult::BadKey);
  EXPECT_THAT(metrics.scrape(),
              AllOf(HasSubstr(R"(headgate_provider_keys{provider="a",state="ready"} 1)"),
                    HasSubstr(R"(headgate_provider_keys{provider="a",state="resting"} 1)"),
                    Not(HasSubstr("sk-"))));
}

TEST_F(TargetMetrics, TimeFirstTokens) {
  routing::Lease lease = begin();
  router.answered(lease, 200ms, std::chrono::steady_clock::now());
  lease.target().health->note_remote_wait(20s);
  const std::string page = metrics.scrape();
  for (const char* line :
       {R"(headgate_target_first_token_seconds_bucket{provider="a",target="t",le="0.1"} 0)",
        R"(headgate_target_first_token_seconds_bucket{provider="a",target="t",le="0.25"} 1)",
        R"(headgate_target_first_token_seconds_count{provider="a",target="t"} 1)",
        R"(headgate_target_remote_wait_seconds_bucket{provider="a",target="t",le="30"} 1)",
        R"(headgate_target_in_flight{provider="a",target="t"} 1)"}) {
    EXPECT_THAT(page, HasSubstr(line));
  }
}

TEST_F(TargetMetrics, CountSecondCalls) {
  ++health.model("m")->hedges;
  EXPECT_THAT(metrics.scrape(), AllOf(HasSubstr(R"(headgate_hedges_total{model="m"} 1)"),
                                      HasSubstr(R"(headgate_hedges_won_total{model="m"} 0)"),
                                      HasSubstr(R"(headgate_retry_budget_used{model="m"} 0)")));
}

}  // namespace
}  // namespace headgate::app
