#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/chat.h"
#include "providers/provider.h"
#include "providers/remote_jobs.h"

namespace headgate::providers {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const TargetName kTarget = {.model = "org/m", .json_model = R"("org/m")", .endpoint = "ep1x"};

const Provider& queue() { return *provider_for("runpod_queue"); }

std::string body_of(const WireRequest& wire) {
  std::string body;
  for (std::size_t i = 0; i < wire.pieces; ++i) {
    body.append(wire.body[i]);
  }
  return body;
}

TEST(RunPodQueue, ARequestIsAJobWithOpenAisBodyInIt) {
  model::InferenceRequest request;
  request.kind = model::Kind::Chat;
  request.body = R"({"model":"m","seed":12345678901234567890})";
  request.model_value = {.begin = 9, .end = 12};
  const auto wire = queue().encode(request, kTarget);
  ASSERT_TRUE(wire);
  EXPECT_EQ(wire->path, "/ep1x/run");
  EXPECT_THAT(body_of(*wire),
              StartsWith(R"({"input":{"openai_route":"/v1/chat/completions","openai_input":)"
                         R"({"model":"org/m","seed":12345678901234567890}},"policy":)"));
}

TEST(RunPodQueue, AnotherDialectsChatIsOneToo) {
  model::ChatRequest chat;
  chat.messages.emplace_back().content.emplace_back().text = "hi";
  const auto wire = queue().encode_chat(chat, model::Delivery::Stream, kTarget);
  ASSERT_TRUE(wire);
  EXPECT_EQ(wire->path, "/ep1x/run");
  EXPECT_THAT(body_of(*wire), HasSubstr(R"("stream":true)"));
}

TEST(RunPodQueue, OnlyItsChatsGoThroughTheQueue) {
  EXPECT_TRUE(queue().remote_jobs()->carries_chats());
  EXPECT_FALSE(provider_for("runpod")->remote_jobs()->carries_chats());
  const auto wire = queue().remote_jobs()->encode_stream("j-1", kTarget);
  EXPECT_EQ(wire.method, "GET");
  EXPECT_THAT(wire.path, EndsWith("/ep1x/stream/j-1"));
}

}  // namespace
}  // namespace headgate::providers
