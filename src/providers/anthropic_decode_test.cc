#include <string>

#include <gtest/gtest.h>

#include "providers/anthropic_wire.h"

namespace headgate::providers {
namespace {

using model::Finish;
using model::Part;

std::string message(const std::string& content, const std::string& end) {
  return R"({"id":"msg_01","type":"message","role":"assistant","model":"claude-x","content":[)" +
         content + "]," + end + R"(,"usage":{"input_tokens":12,"cache_creation_input_tokens":3,)" +
         R"("cache_read_input_tokens":5,"output_tokens":6,)" +
         R"("output_tokens_details":{"thinking_tokens":2},"server_tool_use":null}})";
}

TEST(AnthropicDecode, AMessageIsOneChoiceWithItsBlocksInOrder) {
  const auto answer = decode_anthropic_chat(message(
      R"({"type":"thinking","thinking":"hm","signature":"c2ln"},)"
      R"({"type":"redacted_thinking","data":"ZW5j"},)"
      R"({"type":"text","text":"Caf\u00e9","citations":null},{"type":"web_search_tool_result"},)"
      R"({"type":"tool_use","id":"toolu_1","name":"f","input":{"id": 12345678901234567}})",
      R"("stop_reason":"tool_use","stop_sequence":null)"));
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_EQ(answer->id, "msg_01");
  EXPECT_EQ(answer->model, "claude-x");
  ASSERT_EQ(answer->choices.size(), 1U);
  const model::Choice& choice = answer->choices[0];
  ASSERT_EQ(choice.content.size(), 3U);
  EXPECT_EQ(choice.content[0].type, Part::Type::Reasoning);
  EXPECT_EQ(choice.content[0].text, "hm");
  EXPECT_EQ(choice.content[0].signature, "c2ln");
  EXPECT_FALSE(choice.content[0].redacted);
  EXPECT_TRUE(choice.content[1].redacted);
  EXPECT_EQ(choice.content[1].signature, "ZW5j");
  EXPECT_EQ(choice.content[2].text, "Caf\xC3\xA9");
  ASSERT_EQ(choice.tool_calls.size(), 1U);
  EXPECT_EQ(choice.tool_calls[0].id, "toolu_1");
  EXPECT_EQ(choice.tool_calls[0].name, "f");
  EXPECT_EQ(choice.tool_calls[0].arguments, R"({"id": 12345678901234567})");
  EXPECT_EQ(choice.finish, Finish::ToolCalls);
}

TEST(AnthropicDecode, CachedTokensAreCountedIntoTheInput) {
  const auto answer = decode_anthropic_chat(message("", R"("stop_reason":"end_turn")"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->usage.input_tokens, 20);
  EXPECT_EQ(answer->usage.cached_tokens, 5);
  EXPECT_EQ(answer->usage.cache_write_tokens, 3);
  EXPECT_EQ(answer->usage.output_tokens, 6);
  EXPECT_EQ(answer->usage.reasoning_tokens, 2);
  const auto untold = decode_anthropic_chat(
      R"({"content":[],"stop_reason":"end_turn","usage":{"output_tokens":1,"cache_read_input_tokens":null}})");
  EXPECT_EQ(untold->usage.input_tokens, -1);
  EXPECT_EQ(untold->usage.cached_tokens, -1);
}

TEST(AnthropicDecode, EachStopReasonHasItsFinish) {
  EXPECT_EQ(read_anthropic_finish("end_turn"), Finish::Stop);
  EXPECT_EQ(read_anthropic_finish("pause_turn"), Finish::Stop);
  EXPECT_EQ(read_anthropic_finish("one of next year"), Finish::Stop);
  EXPECT_EQ(read_anthropic_finish("max_tokens"), Finish::Length);
  EXPECT_EQ(read_anthropic_finish("model_context_window_exceeded"), Finish::Length);
  EXPECT_EQ(read_anthropic_finish("tool_use"), Finish::ToolCalls);
  EXPECT_EQ(read_anthropic_finish("refusal"), Finish::ContentFilter);
  const auto stopped =
      decode_anthropic_chat(message("", R"("stop_reason":"stop_sequence","stop_sequence":"END")"));
  EXPECT_EQ(stopped->choices[0].finish, Finish::StopSequence);
  EXPECT_EQ(stopped->choices[0].stop_sequence, "END");
}

TEST(AnthropicDecode, ARefusalIsToldWithItsExplanation) {
  const auto answer = decode_anthropic_chat(message(
      "",
      R"("stop_reason":"refusal","stop_details":{"type":"refusal","category":"bio","explanation":"No."})"));
  ASSERT_EQ(answer->choices[0].content.size(), 1U);
  EXPECT_EQ(answer->choices[0].content[0].type, Part::Type::Refusal);
  EXPECT_EQ(answer->choices[0].content[0].text, "No.");
}

TEST(AnthropicDecode, WhatIsNoMessageIsNoAnswer) {
  for (const std::string body :
       {"", "{", "[]", "null", R"({"content":"text","stop_reason":"end_turn"})",
        R"({"content":[]})", R"({"content":[],"stop_reason":null})", "<html>"}) {
    const auto answer = decode_anthropic_chat(body);
    ASSERT_FALSE(answer) << body;
    EXPECT_EQ(answer.error().kind, ErrorKind::UpstreamFailed) << body;
  }
}

TEST(AnthropicDecode, AnErrorInPlaceOfAMessageIsWhatItsTypeSays) {
  const auto kind_of = [](const std::string& type) {
    return decode_anthropic_chat(R"({"type":"error","error":{"type":")" + type +
                                 R"(","message":"m"},"request_id":"req_1"})")
        .error()
        .kind;
  };
  EXPECT_EQ(kind_of("overloaded_error"), ErrorKind::Overloaded);
  EXPECT_EQ(kind_of("invalid_request_error"), ErrorKind::InvalidRequest);
  EXPECT_EQ(kind_of("something new"), ErrorKind::UpstreamFailed);
}

TEST(AnthropicDecode, AnyCutOfAMessageIsSurvived) {
  const std::string whole =
      message(R"({"type":"text","text":"Hi"})", R"("stop_reason":"end_turn")");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(decode_anthropic_chat(whole.substr(0, size))) << size;
  }
  EXPECT_TRUE(decode_anthropic_chat(whole));
}

}  // namespace
}  // namespace headgate::providers
