#include "api/task_api.h"

#include <string>

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace headgate::api {
namespace {

namespace json = boost::json;
using model::JobState;
using model::Kind;

json::object body_of(Kind kind, const char* task) {
  return json::parse(make_text_body(kind, json::parse(task).as_object()).value()).as_object();
}

TEST(TextTask, BecomesOneMessageForAChatModel) {
  const json::object body =
      body_of(Kind::Chat, R"({"model":"m","prompt":"Why?","messages":["no"],"seed":7})");
  EXPECT_EQ(json::serialize(body.at("messages")), R"([{"role":"user","content":"Why?"}])");
  EXPECT_EQ(body.at("model").as_string(), "m");
  EXPECT_EQ(body.at("seed").as_int64(), 7);
  EXPECT_FALSE(body.contains("prompt"));
}

TEST(TextTask, KeepsItsPromptForACompletionModel) {
  const json::object body = body_of(Kind::Completion, R"({"model":"m","prompt":"Once"})");
  EXPECT_EQ(body.at("prompt").as_string(), "Once");
  EXPECT_FALSE(body.contains("messages"));
}

TEST(TextTask, HasTheDefaultsOfItsApi) {
  const json::object body = body_of(Kind::Chat, R"({"model":"m","prompt":"x"})");
  EXPECT_EQ(body.at("max_tokens").as_int64(), 512);
  EXPECT_DOUBLE_EQ(body.at("temperature").as_double(), 0.7);
  EXPECT_DOUBLE_EQ(body.at("top_p").as_double(), 0.9);
  EXPECT_FALSE(body.contains("top_k"));
  EXPECT_FALSE(body.contains("stop"));
}

TEST(TextTask, KeepsWhatIsSetAndLeavesToTheModelWhatIsNull) {
  const json::object body = body_of(Kind::Chat, R"({"model":"m","prompt":"x","max_tokens":9,
      "temperature":0,"top_p":null,"top_k":40,"stop_sequences":["END","."]})");
  EXPECT_EQ(body.at("max_tokens").as_int64(), 9);
  EXPECT_EQ(body.at("temperature").as_int64(), 0);
  EXPECT_FALSE(body.contains("top_p"));
  EXPECT_EQ(body.at("top_k").as_int64(), 40);
  EXPECT_EQ(json::serialize(body.at("stop")), R"(["END","."])");
  EXPECT_FALSE(body.contains("stop_sequences"));
}

TEST(TextTask, IsRefusedWithTheFieldAtFault) {
  for (const auto& [members, field] :
       {std::pair{R"({"model":"m"})", "prompt"}, std::pair{R"({"prompt":""})", "prompt"},
        std::pair{R"({"prompt":["x"]})", "prompt"},
        std::pair{R"({"prompt":"x","max_tokens":0})", "max_tokens"},
        std::pair{R"({"prompt":"x","max_tokens":1.5})", "max_tokens"},
        std::pair{R"({"prompt":"x","max_tokens":"9"})", "max_tokens"},
        std::pair{R"({"prompt":"x","temperature":"hot"})", "temperature"},
        std::pair{R"({"prompt":"x","top_p":[]})", "top_p"},
        std::pair{R"({"prompt":"x","top_k":1.5})", "top_k"},
        std::pair{R"({"prompt":"x","stop_sequences":"END"})", "stop_sequences"},
        std::pair{R"({"prompt":"x","stop_sequences":[7]})", "stop_sequences"}}) {
    const auto body = make_text_body(Kind::Chat, json::parse(members).as_object());
    ASSERT_FALSE(body) << members;
    EXPECT_EQ(body.error().kind, ErrorKind::InvalidRequest) << members;
    EXPECT_EQ(body.error().param, field) << members;
  }
}

model::Job job_in(JobState state) {
  model::Job job;
  job.id = "0198-id";
  job.state = state;
  job.created_at = 1'000;
  job.request_id = "r-1";
  return job;
}

json::object told(const model::Job& job, std::string_view result = {}) {
  return json::parse(task_json(job, result)).as_object();
}

TEST(TaskJson, OfAWaitingTaskHasEveryMemberAndNoResult) {
  const json::object task = told(job_in(JobState::Queued));
  EXPECT_EQ(task.at("task_id").as_string(), "0198-id");
  EXPECT_EQ(task.at("status").as_string(), "queued");
  EXPECT_EQ(task.at("created_at").as_string(), "1970-01-01T00:00:01.000Z");
  for (const char* unset : {"result", "error", "processing_time", "worker_id", "completed_at"}) {
    EXPECT_TRUE(task.at(unset).is_null()) << unset;
  }
}

TEST(TaskJson, OfACompletedTaskTellsHowLongItRanAndWhere) {
  model::Job job = job_in(JobState::Succeeded);
  job.attempts.push_back({.n = 1, .provider = "local"});
  job.started_at = 2'000;
  job.completed_at = 3'250;

  const json::object task = told(job, R"({"id":"x"})");

  EXPECT_EQ(task.at("status").as_string(), "completed");
  EXPECT_EQ(task.at("result").at("id").as_string(), "x");
  EXPECT_DOUBLE_EQ(task.at("processing_time").as_double(), 1.25);
  EXPECT_EQ(task.at("worker_id").as_string(), "local");
  EXPECT_EQ(task.at("completed_at").as_string(), "1970-01-01T00:00:03.250Z");
  EXPECT_TRUE(task.at("error").is_null());
}

TEST(TaskJson, TellsWhyATaskFailedInTheCodesOfItsApi) {
  model::Job failed = job_in(JobState::Failed);
  failed.error_json =
      R"({"message":"No.","type":"upstream_error","param":null,"code":"upstream_error",
          "details":{"attempts":[1]}})";
  const json::object failed_task = told(failed);
  EXPECT_EQ(failed_task.at("status").as_string(), "failed");
  const json::object& error = failed_task.at("error").as_object();
  EXPECT_EQ(error.at("code").as_string(), "UPSTREAM_ERROR");
  EXPECT_EQ(error.at("message").as_string(), "No.");
  EXPECT_EQ(error.at("request_id").as_string(), "r-1");
  EXPECT_EQ(json::serialize(error.at("details")), R"({"attempts":[1]})");

  EXPECT_EQ(told(job_in(JobState::Expired)).at("status").as_string(), "failed");
  const json::object cancelled = told(job_in(JobState::Cancelled));
  EXPECT_EQ(cancelled.at("status").as_string(), "cancelled");
  EXPECT_EQ(cancelled.at("error").at("code").as_string(), "CANCELLED");
}

}  // namespace
}  // namespace headgate::api
