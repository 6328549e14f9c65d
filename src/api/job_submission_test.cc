#include "api/job_submission.h"

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/event_loop.h"
#include "stores/sqlite/schema.h"
#include "stores/sqlite/stores.h"
#include "testing/fake_clock.h"
#include "testing/temp_folder.h"
#include "testing/troubled_jobs.h"

namespace headgate::api {
namespace {

/// Any request is a job for the model "m".
class AnyJob final : public Endpoint {
 public:
  Task<Result<edge::Response>> handle(Call) const override { co_return edge::Response(); }
  Result<JobPlan> plan(const edge::Request& request) const override {
    planned = request.body;
    return JobPlan{.model = "m"};
  }
  mutable std::string planned;
};

class NeverRuns final : public queue::JobRunner {
 public:
  Task<Result<std::string>> run(const model::JobRequest&, model::RequestContext&,
                                const queue::DeltaSink&) const override {
    co_return fail(internal_error("no slot was to be had"));
  }
};

class JobSubmissionTest : public ::testing::Test {
 protected:
  JobSubmissionTest() { context_.principal = std::make_shared<model::Principal>(); }

  /// The answer of a route that makes a job of every request.
  edge::Response post(std::vector<edge::Field> fields, std::string body = R"({"model":"m"})") {
    fields.push_back({"Content-Type", "application/json"});
    edge::Request request;
    request.method = edge::Method::Post;
    request.method_name = "POST";
    request.path = "/v1/chat/completions";
    request.fields = fields;
    request.body = body;
    Route route{};
    route.pattern = "/v1/chat/completions";
    route.kind = "chat";
    route.endpoint = &endpoint_;
    auto made = run_on(loop_, submission_.make_job(route, Call{request, context_, {}}));
    if (!made) {
      edge::Response refused;
      refused.status = http_status(made.error().kind);
      refused.body = std::string(wire_code(made.error()));
      return refused;
    }
    return std::move(*made);
  }

  testing::TempFolder folder_;
  testing::FakeClock clock_;
  BlockingPool pool_{"pool", 1, 64};
  std::unique_ptr<stores::sqlite::Database> database_ =
      stores::sqlite::Database::open(folder_.file("jobs.db"), stores::sqlite::schema()).value();
  std::unique_ptr<stores::sqlite::Readers> readers_ =
      stores::sqlite::Readers::open(folder_.file("jobs.db"), 1).value();
  stores::sqlite::Writer writer_{*database_};
  const stores::sqlite::Engine engine_{database_.get(), &writer_, readers_.get(), &pool_};
  const std::unique_ptr<stores::JobStore> store_ = stores::sqlite::make_job_store(engine_);
  testing::Troubles troubles_;
  testing::TroubledJobs jobs_{*store_, troubles_};
  const std::unique_ptr<stores::EventLog> events_ = stores::sqlite::make_event_log(engine_);
  EventLoop loop_;
  const std::array<EventLoop*, 1> loops_{&loop_};
  queue::Lines lines_{[](std::string_view) {
    queue::LineSettings settings;
    settings.max_concurrent = 0;
    settings.max_backlog = 1;
    return settings;
  }};
  const NeverRuns runner_;
  queue::JobQueue queue_{{.jobs = &jobs_,
                          .events = events_.get(),
                          .lines = &lines_,
                          .runner = &runner_,
                          .clock = &clock_,
                          .loops = loops_,
                          .settings = [](std::string_view) { return config::QueueSettings(); },
                          .webhook_due = [] {}}};
  const JobSubmission submission_{
      {.queue = &queue_, .clock = &clock_, .check_webhook = [](const std::string&) {
         return Result<void>();
       }}};
  const AnyJob endpoint_;
  model::RequestContext context_;
};

TEST_F(JobSubmissionTest, AJobOnDiskIsToldOfEvenIfTheWaitForItFails) {
  troubles_.add("find_id", testing::Trouble::Refused, 100);
  const auto answer = post({{"Prefer", "respond-async, wait=10"}});
  EXPECT_EQ(answer.status, 202) << answer.body;
  EXPECT_NE(answer.fields.find("Location: /v1/jobs/"), std::string::npos);
  EXPECT_NE(answer.body.find(R"("status":"queued")"), std::string::npos);
  troubles_.clear();
  EXPECT_EQ(run_on(loop_, jobs_.list({}))->size(), 1U);
}

TEST_F(JobSubmissionTest, AKnownKeyIsAnsweredAlthoughTheBacklogIsFull) {
  const auto first = post({{"Idempotency-Key", "k"}});
  ASSERT_EQ(first.status, 202) << first.body;
  EXPECT_EQ(post({{"Idempotency-Key", "other"}}).body, "queue_full");

  const auto again = post({{"Idempotency-Key", "k"}});
  EXPECT_EQ(again.status, 202) << again.body;
  EXPECT_EQ(again.body, first.body);
  EXPECT_NE(again.fields.find("Idempotent-Replayed: true"), std::string::npos);
  EXPECT_EQ(post({{"Idempotency-Key", "k"}}, R"({"model":"other"})").status, 422);
}

TEST_F(JobSubmissionTest, AKeyOfAJobThatIsNoLongerKeptSaysSo) {
  ASSERT_EQ(post({{"Idempotency-Key", "k"}}).status, 202);
  const auto job = run_on(loop_, jobs_.list({}))->front();
  ASSERT_TRUE(run_on(loop_, queue_.cancel(job.id, "")));
  ASSERT_EQ(run_on(loop_, jobs_.forget("m", clock_.unix_ms() + 1, 10))->count, 1U);
  const auto again = post({{"Idempotency-Key", "k"}});
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.body, "idempotency_job_gone");
}

TEST_F(JobSubmissionTest, TheWebhookOfAJobDoesNotReachWhatCarriesItOut) {
  ASSERT_EQ(post({}, R"({"model":"m", "webhook_url":"https://hooks.example/", "n":1})").status,
            202);
  EXPECT_EQ(endpoint_.planned, R"({"model":"m",  "n":1})");
  EXPECT_EQ(run_on(loop_, jobs_.list({}))->front().webhook_url, "https://hooks.example/");
}

}  // namespace
}  // namespace headgate::api
