#include "providers/runpod_jobs.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace headgate::providers {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using Phase = RemoteState::Phase;

const TargetName kTarget = {.model = "m", .json_model = R"("m")", .endpoint = "ep1x"};

std::string body_of(const WireRequest& wire) {
  std::string body;
  for (std::size_t i = 0; i < wire.pieces; ++i) {
    body.append(wire.body[i]);
  }
  return body;
}

TEST(RunPodJobs, WorkIsHandedOverWithItsTime) {
  const auto wire = runpod_jobs().encode_run(R"({"prompt":"hello"})", 600s, kTarget);
  ASSERT_TRUE(wire);
  EXPECT_EQ(wire->method, "POST");
  EXPECT_EQ(wire->path, "/ep1x/run");
  EXPECT_EQ(body_of(*wire),
            R"({"input":{"prompt":"hello"},"policy":{"executionTimeout":600000,"ttl":3000000}})");
}

TEST(RunPodJobs, TimesStayWithinWhatRunPodAllows) {
  EXPECT_THAT(body_of(*runpod_jobs().encode_run("{}", 1s, kTarget)),
              HasSubstr(R"("executionTimeout":5000,"ttl":1810000)"));
  EXPECT_THAT(body_of(*runpod_jobs().encode_run("{}", 24h * 30, kTarget)),
              HasSubstr(R"("executionTimeout":604800000,"ttl":604800000)"));
}

TEST(RunPodJobs, WorkThatIsTooLargeIsNotSent) {
  const std::string input = R"({"a":")" + std::string(10'000'000, 'x') + R"("})";
  const auto wire = runpod_jobs().encode_run(input, 1s, kTarget);
  ASSERT_FALSE(wire);
  EXPECT_EQ(wire.error().kind, ErrorKind::TooLarge);
}

TEST(RunPodJobs, TheAnswerToRunNamesTheJob) {
  const auto id = runpod_jobs().read_run(
      R"({"id":"60902e6c-08a1-426e-9cb9-9eaec90f5e2b-u1","status":"IN_QUEUE"})");
  ASSERT_TRUE(id);
  EXPECT_EQ(*id, "60902e6c-08a1-426e-9cb9-9eaec90f5e2b-u1");
}

TEST(RunPodJobs, WhatIsNoIdIsRefused) {
  for (const std::string_view body :
       {"", "[]", "{}", R"({"id":7})", R"({"id":""})", R"({"id":"a/b"})", R"({"id":"a\r\nb"})",
        R"({"error":"nope"})", "<html>"}) {
    const auto id = runpod_jobs().read_run(body);
    ASSERT_FALSE(id) << body;
    EXPECT_EQ(id.error().kind, ErrorKind::UpstreamFailed);
  }
}

TEST(RunPodJobs, AJobIsAskedForAndCancelledByItsId) {
  const WireRequest status = runpod_jobs().encode_status("j-1", kTarget);
  EXPECT_EQ(status.method, "GET");
  EXPECT_EQ(status.path, "/ep1x/status/j-1");
  EXPECT_EQ(body_of(status), "");
  const WireRequest cancel = runpod_jobs().encode_cancel("j-1", kTarget);
  EXPECT_EQ(cancel.method, "POST");
  EXPECT_EQ(cancel.path, "/ep1x/cancel/j-1");
  EXPECT_EQ(body_of(cancel), "{}");
}

TEST(RunPodJobs, AFinishedJobGivesItsOutputByteForByte) {
  const auto state = runpod_jobs().read_status(
      R"({"id":"j","status":"COMPLETED","delayTime":31618,"executionTime":1437,)"
      R"("workerId":"oqk7ao1uomckye","output": {"a":1.10, "big":12345678901234567890} ,"more":[]})");
  ASSERT_TRUE(state);
  EXPECT_EQ(state->phase, Phase::Succeeded);
  EXPECT_EQ(state->output_json, R"({"a":1.10, "big":12345678901234567890})");
  EXPECT_EQ(state->delay_ms, 31618);
  EXPECT_EQ(state->execution_ms, 1437);
  EXPECT_EQ(state->worker, "oqk7ao1uomckye");
}

TEST(RunPodJobs, OutputMayBeAnyJson) {
  for (const std::string_view output : {"[1]", "\"text\"", "7", "false", "{}"}) {
    const auto state =
        runpod_jobs().read_status(R"({"status":"completed","output":)" + std::string(output) + "}");
    ASSERT_TRUE(state) << output;
    EXPECT_EQ(state->output_json, output);
  }
}

TEST(RunPodJobs, StatesThatAreNoEndAreNone) {
  EXPECT_EQ(runpod_jobs().read_status(R"({"id":"j","status":"IN_QUEUE"})")->phase, Phase::Queued);
  EXPECT_EQ(runpod_jobs().read_status(R"({"id":"j","status":"in_queue"})")->phase, Phase::Queued);
  EXPECT_EQ(runpod_jobs().read_status(R"({"status":"IN_PROGRESS","output":{"at":1}})")->phase,
            Phase::Running);
  EXPECT_EQ(runpod_jobs().read_status(R"({"id":"j","status":"FROZEN"})")->phase, Phase::Running);
}

TEST(RunPodJobs, CompletedWithoutOutputIsAFailureThatMayPass) {
  for (const std::string_view body :
       {R"({"status":"COMPLETED"})", R"({"status":"COMPLETED","output":null})"}) {
    const auto state = runpod_jobs().read_status(body);
    ASSERT_TRUE(state);
    ASSERT_EQ(state->phase, Phase::Failed);
    EXPECT_EQ(state->failure->code, "upstream_empty_result");
    EXPECT_EQ(state->failure->kind, ErrorKind::UpstreamFailed);
    EXPECT_FALSE(state->failure->permanent);
  }
}

TEST(RunPodJobs, EndsWithoutAResultSayWhy) {
  const auto late = runpod_jobs().read_status(R"({"status":"TIMED_OUT"})");
  ASSERT_EQ(late->phase, Phase::Failed);
  EXPECT_EQ(late->failure->kind, ErrorKind::Timeout);
  const auto gone = runpod_jobs().read_status(R"({"status":"CANCELLED"})");
  ASSERT_EQ(gone->phase, Phase::Failed);
  EXPECT_TRUE(gone->failure->permanent);
  EXPECT_EQ(gone->failure->code, "upstream_cancelled");
}

TEST(RunPodJobs, WhatIsNoJobIsNoResult) {
  for (const std::string_view body :
       {"", "[]", "{}", R"({"output":{"a":1}})", R"({"error":"x"})", "<html>",
        R"({"status":"COMPLETED","output":{"a":)", R"({"status":"COMPLETED","output":{"a"}})"}) {
    const auto state = runpod_jobs().read_status(body);
    ASSERT_FALSE(state) << body;
    EXPECT_EQ(state.error().kind, ErrorKind::UpstreamFailed);
  }
}

Error failure_of(const std::string& json_text) {
  const auto state =
      runpod_jobs().read_status(R"({"id":"j","status":"FAILED","error":)" + json_text + "}");
  EXPECT_TRUE(state);
  EXPECT_EQ(state->phase, Phase::Failed);
  return state->failure.value_or(Error());
}

TEST(RunPodJobs, ARefusalOfTheModelServerBehindTheWorkerIsReadAsSuch) {
  const Error error = failure_of(
      R"("{'message': 'vLLM returned HTTP 400: {\"error\":{\"message\":\"This model\\'s maximum)"
      R"( context length is 4096 tokens\",\"type\":\"BadRequestError\"}}', 'type':)"
      R"( 'worker_error', 'code': None}")");
  EXPECT_EQ(error.kind, ErrorKind::InvalidRequest);
  EXPECT_EQ(error.code, "context_length_exceeded");
  EXPECT_EQ(error.message, "This model's maximum context length is 4096 tokens");
}

TEST(RunPodJobs, ItsServerErrorsAreFailuresThatMayPass) {
  const Error error = failure_of(
      R"("{'message': 'vLLM returned HTTP 500: boom', 'type': 'worker_error', 'code': None}")");
  EXPECT_EQ(error.kind, ErrorKind::UpstreamFailed);
  EXPECT_FALSE(error.permanent);
}

TEST(RunPodJobs, TracebacksAndHostsReachNobody) {
  const Error uncaught =
      failure_of(R"("{\"error_type\":\"<class 'ValueError'>\",\"error_message\":\"bad page\",)"
                 R"(\"error_traceback\":\"File secret.py\",\"hostname\":\"host-7\"}")");
  EXPECT_EQ(uncaught.kind, ErrorKind::UpstreamFailed);
  EXPECT_THAT(uncaught.message, Not(HasSubstr("bad page")));
  EXPECT_THAT(uncaught.detail, HasSubstr("ValueError"));
  EXPECT_THAT(uncaught.detail, HasSubstr("bad page"));
  EXPECT_THAT(uncaught.detail + uncaught.message, Not(HasSubstr("secret.py")));
  EXPECT_THAT(uncaught.detail + uncaught.message, Not(HasSubstr("host-7")));
  const Error raised = failure_of(R"("handler: no \ntraceback: File secret.py")");
  EXPECT_THAT(raised.detail, HasSubstr("handler: no"));
  EXPECT_THAT(raised.detail + raised.message, Not(HasSubstr("secret.py")));
}

TEST(RunPodJobs, AnErrorThatIsNoTextIsOneToo) {
  EXPECT_EQ(failure_of(R"({"code":7})").kind, ErrorKind::UpstreamFailed);
  EXPECT_EQ(failure_of("null").kind, ErrorKind::UpstreamFailed);
}

TEST(RunPodJobs, OnlyAnAnswerAboutTheJobLosesIt) {
  for (const int status : {408, 429, 500, 502, 503, 504}) {
    EXPECT_FALSE(runpod_jobs().lost(status, "", "")) << status;
  }
  const auto expired = runpod_jobs().lost(404, "", R"({"error":"job not found"})");
  ASSERT_TRUE(expired);
  EXPECT_EQ(expired->code, "upstream_job_lost");
  EXPECT_FALSE(expired->permanent);
  for (const int status : {401, 402, 403}) {
    EXPECT_TRUE(runpod_jobs().lost(status, "", "").value().permanent) << status;
  }
}

TEST(RunPodJobs, OutputIsPutTogetherFromItsParts) {
  const auto read = [](std::string_view body) { return runpod_queue_jobs().read_stream(body); };
  const auto slices = read(R"({"status":"IN_PROGRESS","stream":[{"output":"data: {\"a"},)"
                           R"({"output":"\":1}\n\n","metrics":{"stream_index":2}},{"x":1}]})");
  ASSERT_TRUE(slices);
  EXPECT_EQ(slices->bytes, "data: {\"a\":1}\n\n");
  EXPECT_FALSE(slices->ended);
  EXPECT_EQ(
      read(R"({"status":"IN_PROGRESS","stream":[{"output":{"a":1}},{"output":null}]})")->bytes,
      "data: {\"a\":1}\n\n")
      << "what is no text is one event";
  for (const char* status : {"COMPLETED", "failed", "TIMED_OUT", "CANCELLED"}) {
    EXPECT_TRUE(read(R"({"stream":[],"status":")" + std::string(status) + "\"}")->ended) << status;
  }
  EXPECT_FALSE(read(R"({"status":"SOMETHING_NEW"})")->ended);
  for (const char* none : {"", "[]", "{}", R"({"stream":[]})", "<html>"}) {
    EXPECT_FALSE(read(none)) << none;
  }
}

TEST(RunPodJobs, AChatsOutputIsItsBody) {
  const auto read = [](std::string_view output) {
    return runpod_queue_jobs().read_chat_output(output);
  };
  EXPECT_EQ(read(R"([{"n":12345678901234567890}])"), R"({"n":12345678901234567890})");
  EXPECT_EQ(read(R"({"n":1.50})"), R"({"n":1.50})");
  EXPECT_EQ(read(R"(["data: {\"a\"",":1}\n\n"])"), "data: {\"a\":1}\n\n");
  for (const char* none : {"", "[]", "7", "\"text\"", "null"}) {
    EXPECT_FALSE(read(none)) << none;
  }
}

}  // namespace
}  // namespace headgate::providers
