#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "providers/provider.h"

namespace headgate::providers {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

const TargetName kTarget = {
    .model = "meta/llama", .json_model = R"("meta/llama")", .endpoint = "ep1x"};

const Provider& runpod() { return *provider_for("runpod"); }

std::string body_of(const WireRequest& wire) {
  std::string body;
  for (std::size_t i = 0; i < wire.pieces; ++i) {
    body.append(wire.body[i]);
  }
  return body;
}

TEST(RunPod, AChatGoesToTheOpenAiRouteOfTheEndpointAsItCame) {
  const std::string body = R"({"model":"m","messages":[{"role":"user","content":"hi"}],"x":[1]})";
  model::InferenceRequest request;
  request.body = body;
  request.model_value = {.begin = 9, .end = 12};
  const auto wire = runpod().encode(request, kTarget);
  ASSERT_TRUE(wire);
  EXPECT_EQ(wire->method, "POST");
  EXPECT_EQ(wire->path, "/ep1x/openai/v1/chat/completions");
  EXPECT_EQ(body_of(*wire),
            R"({"model":"meta/llama","messages":[{"role":"user","content":"hi"}],"x":[1]})");
}

TEST(RunPod, CompletionsAndEmbeddingsHaveRoutesOfTheirOwn) {
  model::InferenceRequest request;
  request.body = R"({"model":"m"})";
  request.model_value = {.begin = 9, .end = 12};
  request.kind = model::Kind::Completion;
  EXPECT_EQ(runpod().encode(request, kTarget)->path, "/ep1x/openai/v1/completions");
  request.kind = model::Kind::Embedding;
  EXPECT_EQ(runpod().encode(request, kTarget)->path, "/ep1x/openai/v1/embeddings");
}

TEST(RunPod, AChatOfAnotherDialectGoesThereToo) {
  model::ChatRequest request;
  request.messages.emplace_back().content.emplace_back().text = "hi";
  const auto wire = runpod().encode_chat(request, model::Delivery::Whole, kTarget);
  ASSERT_TRUE(wire);
  EXPECT_EQ(wire->path, "/ep1x/openai/v1/chat/completions");
  EXPECT_NE(body_of(*wire).find(R"("model":"meta/llama")"), std::string::npos);
}

TEST(RunPod, TheKeyIsABearerToken) {
  EXPECT_EQ(runpod().credential_fields("rp-key"), "Authorization: Bearer rp-key\r\n");
}

TEST(RunPod, AnEndpointCannotLeaveItsPlaceInThePath) {
  const TargetName odd = {.model = "m", .json_model = R"("m")", .endpoint = "a/../b?c#d e\r\n"};
  EXPECT_EQ(runpod().encode_health(odd).path, "/a%2F..%2Fb%3Fc%23d%20e%0D%0A/health");
}

TEST(RunPod, HealthNamesTheWorkers) {
  EXPECT_EQ(runpod().encode_health(kTarget).method, "GET");
  EXPECT_EQ(runpod().encode_health(kTarget).path, "/ep1x/health");
  const Vitals vitals = runpod().read_health(
      200,
      R"({"jobs":{"completed":1,"failed":5,"inProgress":0,"inQueue":2,"retried":0},
          "workers":{"idle":1,"initializing":0,"ready":1,"running":0,"throttled":0,"unhealthy":0}})");
  EXPECT_EQ(vitals.state, Vitals::State::Well);
  EXPECT_THAT(vitals.workers,
              ElementsAre(Pair("idle", 1), Pair("initializing", 0), Pair("ready", 1),
                          Pair("running", 0), Pair("throttled", 0), Pair("unhealthy", 0)));
  EXPECT_THAT(vitals.trouble, IsEmpty());
}

TEST(RunPod, AnEndpointScaledToZeroIsIdle) {
  const Vitals vitals = runpod().read_health(204, "");
  EXPECT_EQ(vitals.state, Vitals::State::Idle);
  EXPECT_THAT(vitals.workers, ElementsAre(Pair("idle", 0), Pair("running", 0)));
  EXPECT_EQ(runpod().read_health(200, R"({"jobs":{},"workers":{"idle":0,"running":0}})").state,
            Vitals::State::Idle);
}

struct WithoutWorkers {
  std::string_view counts;
  Vitals::State state;
  std::string_view trouble;
};

TEST(RunPod, WhyNoWorkerTakesJobsIsTold) {
  for (const WithoutWorkers& one : {
           WithoutWorkers{R"("initializing":1)", Vitals::State::Well,
                          "A worker starts; requests wait for it."},
           WithoutWorkers{R"("throttled":2)", Vitals::State::Well, "Its workers wait for a GPU."},
           WithoutWorkers{R"("unhealthy":1,"initializing":1)", Vitals::State::Ill,
                          "Its workers crash."},
           WithoutWorkers{R"("idle":0)", Vitals::State::Well, "Jobs wait and no worker runs."},
       }) {
    const Vitals vitals = runpod().read_health(
        200, R"({"jobs":{"inQueue":1},"workers":{)" + std::string(one.counts) + "}}");
    EXPECT_EQ(vitals.state, one.state) << one.counts;
    EXPECT_EQ(vitals.trouble, one.trouble);
  }
}

TEST(RunPod, AnEndpointThatCannotBeAskedIsIll) {
  for (const int status : {401, 403, 404, 500, 503}) {
    const Vitals vitals = runpod().read_health(status, "{}");
    EXPECT_EQ(vitals.state, Vitals::State::Ill) << status;
    EXPECT_FALSE(vitals.trouble.empty());
  }
  EXPECT_EQ(runpod().read_health(200, "<html>").state, Vitals::State::Ill);
  EXPECT_EQ(runpod().read_health(200, R"({"workers":7})").state, Vitals::State::Ill);
}

}  // namespace
}  // namespace headgate::providers
