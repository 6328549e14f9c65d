#include "api/health_page.h"

#include <atomic>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "api/health.h"
#include "base/event_loop.h"
#include "base/signal.h"

namespace headgate::api {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

class StillClock final : public Clock {
 public:
  SteadyTime steady() const override { return now; }
  WallTime wall() const override { return WallTime(1768496400s); }
  SteadyTime now{1000s};
};

class FakeSource final : public HealthSource {
 public:
  Task<HealthReport> check() const override {
    ++looks;
    if (blocker != nullptr) {
      co_await blocker->wait();
    }
    co_return report;
  }
  mutable int looks = 0;
  Signal* blocker = nullptr;
  HealthReport report;
};

using Status = EndpointHealth::Status;

class HealthPageTest : public testing::Test {
 protected:
  Task<void> ask(edge::Response& answer) {
    const Call call{request_, context_, {}};
    auto result = co_await endpoint_.handle(call);
    answer = std::move(result.value());
  }
  edge::Response get() {
    edge::Response answer;
    loop_.run_until_done(ask(answer));
    return answer;
  }

  EventLoop loop_;
  StillClock clock_;
  FakeSource source_;
  HealthEndpoint endpoint_{source_, clock_, "1.2.3"};
  edge::Request request_;
  model::RequestContext context_;
};

TEST_F(HealthPageTest, HasTheDocumentedShape) {
  source_.report.checks = {{"store", HealthCheck::Outcome::Passed}};
  source_.report.endpoints = {
      {.name = "local",
       .status = Status::Idle,
       .workers = {{"idle", 2}},
       .error = {},
       .breakers = {{"tiny", "closed"}, {"large", "open"}}},
      {.name = "far", .status = Status::Unreachable, .workers = {}, .error = "refused"}};
  const edge::Response answer = get();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(json::parse(answer.body), json::parse(R"({
    "status": "degraded", "timestamp": "2026-01-15T17:00:00.000Z", "version": "1.2.3",
    "gateway": "healthy", "checks": {"store": "healthy"},
    "endpoints": {"local": {"status": "idle", "workers": {"idle": 2}, "error": null,
                            "breakers": {"tiny": "closed", "large": "open"}},
                  "far": {"status": "unreachable", "workers": null, "error": "refused"}}})"));
}

TEST_F(HealthPageTest, AnOverloadedGatewayIsDegraded) {
  source_.report.gateway = HealthReport::Gateway::Overloaded;
  const edge::Response answer = get();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(json::parse(answer.body).at("status").as_string(), "degraded");
  EXPECT_EQ(json::parse(answer.body).at("gateway").as_string(), "overloaded");
}

TEST_F(HealthPageTest, AFailedCheckIs503) {
  source_.report.checks = {{"store", HealthCheck::Outcome::Passed},
                           {"jobs", HealthCheck::Outcome::Impaired}};
  EXPECT_EQ(judge(source_.report), Health::Degraded);
  source_.report.checks = {{"store", HealthCheck::Outcome::Failed}};
  const edge::Response answer = get();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(json::parse(answer.body).at("status").as_string(), "unhealthy");
}

TEST_F(HealthPageTest, OneLookServesTwoSeconds) {
  get();
  clock_.now += 1999ms;
  get();
  EXPECT_EQ(source_.looks, 1);
  clock_.now += 1ms;
  get();
  EXPECT_EQ(source_.looks, 2);
}

TEST_F(HealthPageTest, WhileOneLooksOthersGetTheOldAnswer) {
  get();
  clock_.now += 3s;
  Signal blocker;
  source_.blocker = &blocker;
  source_.report.checks = {{"store", HealthCheck::Outcome::Failed}};
  edge::Response slow;
  edge::Response quick;
  loop_.spawn(ask(slow));
  loop_.run_until_done(ask(quick));
  EXPECT_EQ(quick.status, 200);
  EXPECT_EQ(source_.looks, 2);

  blocker.notify();
  source_.blocker = nullptr;
  clock_.now += 1s;
  edge::Response last;
  while (slow.body.empty()) {
    loop_.run_until_done(ask(last));
  }
  EXPECT_EQ(slow.status, 503);
  EXPECT_EQ(source_.looks, 2);
}

TEST_F(HealthPageTest, BeforeTheFirstReportOthersWaitForIt) {
  Signal blocker;
  source_.blocker = &blocker;
  edge::Response first;
  edge::Response second;
  loop_.spawn(ask(first));
  loop_.post([&] { blocker.notify(); });
  loop_.run_until_done(ask(second));
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(source_.looks, 1);
}

TEST(Judge, DecidesByChecksAndEndpoints) {
  HealthReport report;
  EXPECT_EQ(judge(report), Health::Healthy);
  report.gateway = HealthReport::Gateway::Draining;
  EXPECT_EQ(judge(report), Health::Degraded);
  report.gateway = HealthReport::Gateway::Overloaded;
  EXPECT_EQ(judge(report), Health::Degraded);
  report.endpoints = {{.name = "a", .status = Status::Unhealthy, .workers = {}, .error = {}}};
  EXPECT_EQ(judge(report), Health::Unhealthy);
}

TEST(Ready, ShowsDetailsAndRefusesWhileNotReady) {
  EventLoop loop;
  edge::Request request;
  model::RequestContext context;
  std::atomic<Readiness> readiness{Readiness::Starting};
  const ReadyEndpoint ready(readiness, [] { return R"({"sandbox":"landlock"})"; });
  const Call call{request, context, {}};
  auto answer = run_on(loop, ready.handle(call));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->body, R"({"status":"starting","details":{"sandbox":"landlock"}})");
  readiness = Readiness::Ready;
  EXPECT_EQ(run_on(loop, ready.handle(call))->status, 200);
  readiness = Readiness::Draining;
  EXPECT_EQ(run_on(loop, ready.handle(call))->status, 503);
}

}  // namespace
}  // namespace headgate::api
