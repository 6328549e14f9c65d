#include <string>

#include <gtest/gtest.h>

#include "providers/provider.h"

namespace headgate::providers {
namespace {

using model::ChatAnswer;
using model::Finish;
using model::Part;

Result<ChatAnswer> decoded(std::string_view body) {
  return provider_for("gemini")->decode_chat(body);
}

/// The one choice that ends with `reason` after `parts`.
Result<ChatAnswer> ended(std::string_view reason, std::string_view parts) {
  return decoded(R"({"candidates":[{"content":{"role":"model","parts":[)" + std::string(parts) +
                 R"(]},"finishReason":")" + std::string(reason) + R"("}]})");
}

TEST(GeminiAnswer, ThoughtsTextSignaturesAndUsageAreKept) {
  const auto answer = decoded(
      R"({"candidates":[{"content":{"role":"model","parts":[{"text":"Plan","thought":true},)"
      R"({"text":"It is a cat.","thoughtSignature":"Cg"}]},"finishReason":"STOP","index":0,)"
      R"("safetyRatings":[{"category":"HARM_CATEGORY_HARASSMENT","probability":"NEGLIGIBLE"}]}],)"
      R"("usageMetadata":{"promptTokenCount":270,"cachedContentTokenCount":7,)"
      R"("candidatesTokenCount":6,"thoughtsTokenCount":31,"toolUsePromptTokenCount":3,)"
      R"("totalTokenCount":310},"modelVersion":"gemini-x","responseId":"abc"})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->id, "abc");
  EXPECT_EQ(answer->model, "gemini-x");
  ASSERT_EQ(answer->choices.size(), 1U);
  const model::Choice& choice = answer->choices[0];
  ASSERT_EQ(choice.content.size(), 2U);
  EXPECT_EQ(choice.content[0].type, Part::Type::Reasoning);
  EXPECT_EQ(choice.content[0].text, "Plan");
  EXPECT_EQ(choice.content[1].type, Part::Type::Text);
  EXPECT_EQ(choice.content[1].text, "It is a cat.");
  EXPECT_EQ(choice.content[1].signature, "Cg");
  EXPECT_EQ(choice.finish, Finish::Stop);
  EXPECT_EQ(answer->usage.input_tokens, 273);
  EXPECT_EQ(answer->usage.output_tokens, 37);
  EXPECT_EQ(answer->usage.cached_tokens, 7);
  EXPECT_EQ(answer->usage.cache_write_tokens, -1);
  EXPECT_EQ(answer->usage.reasoning_tokens, 31);
}

TEST(GeminiAnswer, CountsLeftOutAreZeroAndNoUsageIsUnknown) {
  auto answer = decoded(R"({"candidates":[{"finishReason":"MAX_TOKENS","content":{}}],)"
                        R"("usageMetadata":{"promptTokenCount":5,"totalTokenCount":5}})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->choices[0].finish, Finish::Length);
  EXPECT_TRUE(answer->choices[0].content.empty());
  EXPECT_EQ(answer->usage.output_tokens, 0);
  EXPECT_EQ(answer->usage.cached_tokens, 0);
  answer = ended("STOP", R"({"text":"x"})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->usage.input_tokens, -1);
  EXPECT_EQ(answer->usage.output_tokens, -1);
}

TEST(GeminiAnswer, FunctionCallsKeepTheirIdOrGetOneAndTheirArgumentsByteForByte) {
  const auto answer = decoded(
      R"({"responseId":"a/b-C_9","candidates":[{"content":{"parts":[{"text":"Let me see."},)"
      R"({"functionCall":{"args":{"n": 12345678901234567890, "x":1.10,"s":"\u00e9}"},)"
      R"("name":"lookup"},"thoughtSignature":"S1"},)"
      R"({"functionCall":{"id":"given","name":"now"}},{"functionCall":{"name":"now"}}]},)"
      R"("finishReason":"STOP"}]})");
  ASSERT_TRUE(answer);
  const model::Choice& choice = answer->choices[0];
  EXPECT_EQ(choice.finish, Finish::ToolCalls);
  ASSERT_EQ(choice.content.size(), 1U);
  ASSERT_EQ(choice.tool_calls.size(), 3U);
  EXPECT_EQ(choice.tool_calls[0].id, "call_ab-C_9_0");
  EXPECT_EQ(choice.tool_calls[0].name, "lookup");
  EXPECT_EQ(choice.tool_calls[0].arguments,
            R"({"n": 12345678901234567890, "x":1.10,"s":"\u00e9}"})");
  EXPECT_EQ(choice.tool_calls[0].signature, "S1");
  EXPECT_EQ(choice.tool_calls[1].id, "given");
  EXPECT_EQ(choice.tool_calls[1].arguments, "{}");
  EXPECT_EQ(choice.tool_calls[1].signature, "");
  EXPECT_EQ(choice.tool_calls[2].id, "call_ab-C_9_2");
}

TEST(GeminiAnswer, DerivedIdsAreUniqueOverAllChoicesAndShort) {
  const std::string call = R"({"content":{"parts":[{"functionCall":{"name":"f"}}]},)";
  auto answer = decoded(R"({"candidates":[)" + call + R"("finishReason":"STOP"},)" + call +
                        R"("index":1,"finishReason":"STOP"}]})");
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->choices.size(), 2U);
  EXPECT_EQ(answer->choices[0].tool_calls[0].id, "call_0");
  EXPECT_EQ(answer->choices[1].tool_calls[0].id, "call_1");
  answer = decoded(R"({"responseId":")" + std::string(100, 'x') + R"(","candidates":[)" + call +
                   R"("finishReason":"STOP"}]})");
  EXPECT_LE(answer->choices[0].tool_calls[0].id.size(), 40U);
}

TEST(GeminiAnswer, EveryFinishReasonHasItsMeaning) {
  const auto finish = [](std::string_view reason) {
    const auto answer = ended(reason, R"({"text":"x"})");
    EXPECT_TRUE(answer) << reason;
    return answer ? answer->choices[0].finish : Finish::None;
  };
  for (const char* reason : {"STOP", "LANGUAGE", "OTHER", "NO_IMAGE", "IMAGE_OTHER", "NEWLY_MADE",
                             "FINISH_REASON_UNSPECIFIED", "MALFORMED_FUNCTION_CALL",
                             "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"}) {
    EXPECT_EQ(finish(reason), Finish::Stop) << reason;
  }
  for (const char* reason : {"MAX_TOKENS", "CONTINUATION"}) {
    EXPECT_EQ(finish(reason), Finish::Length) << reason;
  }
  for (const char* reason : {"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII",
                             "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"}) {
    EXPECT_EQ(finish(reason), Finish::ContentFilter) << reason;
  }
  EXPECT_EQ(ended("MAX_TOKENS", R"({"functionCall":{"name":"f"}})")->choices[0].finish,
            Finish::Length);
}

TEST(GeminiAnswer, ABrokenFunctionCallWithNothingToShowIsTheVendorsFailure) {
  for (const char* reason :
       {"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"}) {
    for (const char* parts : {"", R"({"text":"Hmm","thought":true})", R"({"text":""})"}) {
      const auto answer = ended(reason, parts);
      ASSERT_FALSE(answer) << reason << parts;
      EXPECT_EQ(answer.error().kind, ErrorKind::UpstreamFailed);
      EXPECT_FALSE(answer.error().permanent);
    }
  }
}

TEST(GeminiAnswer, ABlockedPromptIsAFilteredAnswer) {
  const auto answer = decoded(R"({"promptFeedback":{"blockReason":"SAFETY","safetyRatings":[]},)"
                              R"("usageMetadata":{"promptTokenCount":4,"totalTokenCount":4}})");
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->choices.size(), 1U);
  EXPECT_EQ(answer->choices[0].finish, Finish::ContentFilter);
  EXPECT_TRUE(answer->choices[0].content.empty());
  EXPECT_EQ(answer->usage.input_tokens, 4);
}

TEST(GeminiAnswer, ImagesAreParts) {
  const auto answer =
      ended("STOP", R"({"text":"Here"},{"inlineData":{"mimeType":"image/png","data":"AAAA"}})");
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->choices[0].content.size(), 2U);
  EXPECT_EQ(answer->choices[0].content[1].type, Part::Type::Image);
  EXPECT_EQ(answer->choices[0].content[1].media_type, "image/png");
  EXPECT_EQ(answer->choices[0].content[1].data, "AAAA");
}

TEST(GeminiAnswer, LogprobsAreToldInOpenAisForm) {
  const auto answer = decoded(
      R"({"candidates":[{"content":{"parts":[{"text":"é!"}]},"finishReason":"STOP",)"
      R"("logprobsResult":{"topCandidates":[{"candidates":[{"token":"é","tokenId":1,)"
      R"("logProbability":-0.5},{"token":"e","logProbability":-1.25}]},{}],)"
      R"("chosenCandidates":[{"token":"é","tokenId":1,"logProbability":-0.5},{"token":"!"}]}}]})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->choices[0].logprobs,
            R"({"content":[{"token":"é","logprob":-0.5,"bytes":[195,169],"top_logprobs":[)"
            R"({"token":"é","logprob":-0.5,"bytes":[195,169]},)"
            R"({"token":"e","logprob":-1.25,"bytes":[101]}]},)"
            R"({"token":"!","logprob":0,"bytes":[33],"top_logprobs":[]}],"refusal":null})");
}

TEST(GeminiAnswer, PartsWithSignaturesAreNotMerged) {
  const auto answer =
      ended("STOP", R"({"text":"a"},{"text":"b"},{"text":"c","thoughtSignature":"S"},)"
                    R"({"text":"d"},{"text":"","thoughtSignature":"T"})");
  ASSERT_TRUE(answer);
  const auto& content = answer->choices[0].content;
  ASSERT_EQ(content.size(), 3U);
  EXPECT_EQ(content[0].text, "ab");
  EXPECT_EQ(content[1].text, "c");
  EXPECT_EQ(content[1].signature, "S");
  EXPECT_EQ(content[2].text, "d");
  EXPECT_EQ(content[2].signature, "T") << "a signature alone is of the text before it";
}

TEST(GeminiAnswer, WhatIsNoAnswerIsTheVendorsFailure) {
  for (const char* body :
       {"", "<html>", "null", "7", "[]", "{}", R"({"candidates":[]})", R"({"candidates":{}})",
        R"({"candidates":[7]})", R"({"candidates":[{"content":{"parts":[{"text":"cut"}]}}]})",
        R"({"candidates":[{"index":99,"finishReason":"STOP"}]})",
        R"({"candidates":[{"finishReason":"STOP"},{"index":1}]})",
        R"({"candidates":[{"finishReason":"STOP")"}) {
    const auto answer = decoded(body);
    ASSERT_FALSE(answer) << body;
    EXPECT_EQ(answer.error().kind, ErrorKind::UpstreamFailed) << body;
  }
}

TEST(GeminiAnswer, AnErrorInsideOfAnAnswerIsToldAsOne) {
  const auto answer = decoded(
      R"([{"error":{"code":503,"message":"The model is overloaded","status":"UNAVAILABLE"}}])");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::Overloaded);
  EXPECT_EQ(decoded(R"({"error":{}})").error().kind, ErrorKind::UpstreamFailed);
}

TEST(GeminiAnswer, AnArrayOfResponsesIsOneAnswer) {
  const auto answer =
      decoded(R"([{"candidates":[{"content":{"parts":[{"text":"It "}]}}]},)"
              R"({"candidates":[{"content":{"parts":[{"text":"is"},{"functionCall":{"name":"f",)"
              R"("args":{"a":1.0}}}]},"finishReason":"STOP"}]}])");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->choices[0].content[0].text, "It is");
  EXPECT_EQ(answer->choices[0].tool_calls[0].arguments, R"({"a":1.0})");
}

}  // namespace
}  // namespace headgate::providers
