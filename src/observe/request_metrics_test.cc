#include "observe/request_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "observe/active_users.h"
#include "observe/shard.h"

namespace headgate::observe {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

class StillClock final : public Clock {
 public:
  SteadyTime steady() const override { return now; }
  WallTime wall() const override { return {}; }
  SteadyTime now{1000s};
};

class RequestMetricsTest : public testing::Test {
 protected:
  RequestMetricsTest() {
    requests.set_models({"gemma"});
    context.started = clock.now;
    context.route = "/v1/chat/completions";
    context.kind = "chat";
    context.model = "gemma";
    context.provider = "local";
    context.attempts = 1;
  }

  void finish(int status, std::chrono::nanoseconds duration = 3s) {
    requests.request_finished(context, {.method = "POST",
                                        .path = "/v1/chat/completions",
                                        .status = status,
                                        .ended = context.started + duration});
  }

  StillClock clock;
  Metrics metrics{1};
  RequestMetrics requests{metrics, clock};
  model::RequestContext context;
};

TEST_F(RequestMetricsTest, CountsUnderTheNamesOfTheReplacedGateways) {
  const ShardClaim claim(1);
  context.input_tokens = 7;
  context.output_tokens = 5;
  finish(200);
  finish(200);

  const std::string text = metrics.scrape();

  EXPECT_THAT(text, HasSubstr("gateway_requests_total{method=\"POST\",endpoint=\"/v1/chat/"
                              "completions\",status=\"200\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("gateway_request_duration_seconds_count{method=\"POST\",endpoint=\"/"
                              "v1/chat/completions\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("inference_requests_total{endpoint=\"/v1/chat/completions\",status="
                              "\"200\",model=\"gemma\",type=\"chat\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("inference_latency_seconds_bucket{endpoint=\"/v1/chat/"
                              "completions\",le=\"2\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("inference_latency_seconds_bucket{endpoint=\"/v1/chat/"
                              "completions\",le=\"5\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("gen_ai_client_inference_usage_input_tokens_total{gen_ai_operation_"
                              "name=\"chat\",gen_ai_provider_name=\"local\",gen_ai_request_model="
                              "\"gemma\",gen_ai_token_modality=\"unknown\"} 14\n"));
}

TEST_F(RequestMetricsTest, CountsRequestsWhoseTokensWereEstimated) {
  const ShardClaim claim(1);
  finish(200);
  context.usage_estimated = true;
  finish(200);
  EXPECT_THAT(metrics.scrape(),
              HasSubstr("headgate_usage_estimated_total{provider=\"local\"} 1\n"));
}

TEST_F(RequestMetricsTest, OverheadLeavesOutUpstreamAndQueue) {
  context.upstream_wait = 2s;
  context.queue_time = 1s - 15us;
  finish(200);
  const std::string text = metrics.scrape();
  EXPECT_THAT(text, HasSubstr("headgate_overhead_seconds_bucket{le=\"1e-05\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("headgate_overhead_seconds_bucket{le=\"2e-05\"} 1\n"));
}

TEST_F(RequestMetricsTest, UnknownModelsMethodsAndPathsDoNotBecomeLabels) {
  const ShardClaim claim(1);
  context.model = "made-up";
  finish(404);
  context.route = {};
  context.kind = {};
  requests.request_finished(
      context, {.method = "BREW", .path = "/x", .status = 404, .ended = context.started});

  const std::string text = metrics.scrape();

  EXPECT_THAT(text, HasSubstr("status=\"404\",model=\"_other\",type=\"chat\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("gateway_requests_total{method=\"_other\",endpoint=\"_unmatched\","
                              "status=\"404\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("made-up")));
  EXPECT_THAT(text, Not(HasSubstr("BREW")));
}

TEST_F(RequestMetricsTest, ReloadedModelsAreSeenByAWarmCache) {
  const ShardClaim claim(1);
  context.model = "later";
  finish(200);
  requests.set_models({"gemma", "later"});
  finish(200);
  EXPECT_THAT(metrics.scrape(), HasSubstr("model=\"later\",type=\"chat\"} 1\n"));
}

TEST_F(RequestMetricsTest, CountsClientsThatLeft) {
  finish(499);
  EXPECT_THAT(metrics.scrape(), HasSubstr("headgate_client_left_total 1\n"));
}

TEST_F(RequestMetricsTest, ActiveUsersAreDistinctAndForgottenAfterFiveMinutes) {
  for (const char* id : {"key:a", "key:b", "key:a"}) {
    auto principal = std::make_shared<model::Principal>();
    principal->id = id;
    context.principal = principal;
    finish(200, 0s);
  }
  EXPECT_THAT(metrics.scrape(), HasSubstr("gateway_active_users 2\n"));
  clock.now += 299s;
  EXPECT_THAT(metrics.scrape(), HasSubstr("gateway_active_users 2\n"));
  clock.now += 2s;
  EXPECT_THAT(metrics.scrape(), HasSubstr("gateway_active_users 0\n"));
}

TEST(ActiveUsers, CountsAPrincipalOnTwoLoopsOnce) {
  ActiveUsers users(3);
  for (const std::size_t shard : {0U, 1U, 2U}) {
    const ShardClaim claim(shard);
    users.seen("user:ada", SteadyTime(10s));
  }
  EXPECT_EQ(users.count(SteadyTime(10s)), 1U);
}

TEST(ActiveUsers, StaysBoundedWithMorePrincipalsThanSlots) {
  ActiveUsers users(1);
  for (int i = 0; i < 50000; ++i) {
    users.seen("key:" + std::to_string(i), SteadyTime(10s));
  }
  EXPECT_LE(users.count(SteadyTime(10s)), 8192U);
  EXPECT_GT(users.count(SteadyTime(10s)), 4096U);
}

}  // namespace
}  // namespace headgate::observe
