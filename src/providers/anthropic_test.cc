#include <string>

#include <gtest/gtest.h>

#include "providers/provider.h"

namespace headgate::providers {
namespace {

const Provider& anthropic() { return *provider_for("anthropic"); }

model::InferenceRequest request_of(const std::string& body) {
  model::InferenceRequest request;
  request.dialect = model::Dialect::Anthropic;
  request.body = body;
  const std::size_t at = body.find("\"public\"");
  request.model_value = {at, at + 8};
  return request;
}

const TargetName kTarget{.model = "claude-x", .json_model = "\"claude-x\""};

TEST(Anthropic, OnlyTheModelsNameOfAMessagesRequestIsReplaced) {
  const std::string body = R"({"max_tokens":9, "model":"public","x":[1, 2.50]} )";
  const auto wire = anthropic().encode(request_of(body), kTarget);
  ASSERT_TRUE(wire);
  EXPECT_EQ(wire->path, "/v1/messages");
  std::string sent;
  for (std::size_t i = 0; i < wire->pieces; ++i) {
    sent.append(wire->body[i]);
  }
  EXPECT_EQ(sent, R"({"max_tokens":9, "model":"claude-x","x":[1, 2.50]} )");
  EXPECT_EQ(wire->fields,
            "Content-Type: application/json\r\nAccept-Encoding: identity\r\n"
            "anthropic-version: 2023-06-01\r\n");
}

TEST(Anthropic, TheClientsOwnVersionAndBetasAreKept) {
  const std::string body = R"({"model":"public"})";
  model::InferenceRequest request = request_of(body);
  request.fields = "anthropic-version: 2026-10-21\r\nanthropic-beta: a,b\r\n";
  const auto wire = anthropic().encode(request, kTarget);
  EXPECT_EQ(wire->fields,
            "Content-Type: application/json\r\nAccept-Encoding: identity\r\n"
            "anthropic-version: 2026-10-21\r\nanthropic-beta: a,b\r\n");
  request.fields = "anthropic-beta: a,b\r\n";
  const auto unversioned = anthropic().encode(request, kTarget);
  EXPECT_EQ(unversioned->fields,
            "Content-Type: application/json\r\nAccept-Encoding: identity\r\n"
            "anthropic-version: 2023-06-01\r\nanthropic-beta: a,b\r\n");
}

TEST(Anthropic, CountsTheInputOfAMessagesRequest) {
  const std::string body = R"({"model":"public","messages":[]})";
  const auto wire = anthropic().encode_own_count(request_of(body), kTarget);
  ASSERT_TRUE(wire);
  EXPECT_EQ(wire->path, "/v1/messages/count_tokens");
  EXPECT_EQ(wire->body[1], "\"claude-x\"");
  EXPECT_EQ(anthropic().decode_count(R"({"input_tokens":2095})"), 2095);
  for (const char* answer : {"{}", R"({"input_tokens":"7"})", R"({"input_tokens":-1})", "no"}) {
    ASSERT_FALSE(anthropic().decode_count(answer)) << answer;
    EXPECT_EQ(anthropic().decode_count(answer).error().kind, ErrorKind::UpstreamFailed);
  }
  EXPECT_FALSE(provider_for("openai")->encode_own_count(request_of(body), kTarget));
}

TEST(Anthropic, OnlyChatsOfItsOwnDialectPass) {
  EXPECT_TRUE(anthropic().passes(model::Dialect::Anthropic, model::Kind::Chat));
  EXPECT_FALSE(anthropic().passes(model::Dialect::OpenAi, model::Kind::Chat));
  EXPECT_FALSE(anthropic().passes(model::Dialect::Responses, model::Kind::Chat));
  EXPECT_FALSE(anthropic().passes(model::Dialect::Anthropic, model::Kind::Embedding));
  const std::string body = R"({"model":"public"})";
  model::InferenceRequest request = request_of(body);
  request.kind = model::Kind::Embedding;
  const auto refused = anthropic().encode(request, kTarget);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().param, "model");
}

TEST(Anthropic, TheKeyHasAFieldOfItsOwnAndNoKeyIsNoField) {
  EXPECT_EQ(anthropic().credential_fields("sk-ant-1"), "x-api-key: sk-ant-1\r\n");
  EXPECT_EQ(anthropic().credential_fields(""), "");
}

TEST(Anthropic, UsageIsReadFromTheEndOfAnAnswer) {
  const Usage usage = anthropic().usage_of(
      R"(ext":"\"usage\":{\"input_tokens\":1}"}],"stop_reason":"end_turn","usage":{"input_tokens": 12,)"
      R"("cache_creation_input_tokens":1,"cache_read_input_tokens":2,)"
      R"("cache_creation":{"ephemeral_5m_input_tokens":1},"output_tokens":6,)"
      R"("output_tokens_details":{"thinking_tokens":4}}})");
  EXPECT_EQ(usage.input_tokens, 15);
  EXPECT_EQ(usage.cached_tokens, 2);
  EXPECT_EQ(usage.cache_write_tokens, 1);
  EXPECT_EQ(usage.output_tokens, 6);
  EXPECT_EQ(usage.reasoning_tokens, 4);
  for (const char* tail :
       {"", "{}", "\"usage\"", "\"usage\":null}", "\"usage\":{", "\"usage\":7}"}) {
    EXPECT_EQ(anthropic().usage_of(tail).input_tokens, -1) << tail;
  }
}

}  // namespace
}  // namespace headgate::providers
