#include "dispatch/usage_estimate.h"

#include <string>

#include <gtest/gtest.h>

namespace headgate::dispatch {
namespace {

using model::Kind;

TEST(UsageEstimate, OnlyWhatAnAnswerIsBilledWithIsMissed) {
  const model::Usage nothing;
  EXPECT_TRUE(is_incomplete(nothing, Kind::Chat));
  EXPECT_TRUE(is_incomplete(nothing, Kind::Completion));
  EXPECT_TRUE(is_incomplete(nothing, Kind::Embedding));
  EXPECT_FALSE(is_incomplete(nothing, Kind::Ocr)) << "documents are not counted in tokens";
  EXPECT_TRUE(is_incomplete({.input_tokens = 1}, Kind::Chat));
  EXPECT_FALSE(is_incomplete({.input_tokens = 1}, Kind::Embedding));
  EXPECT_FALSE(is_incomplete({.input_tokens = 0, .output_tokens = 0}, Kind::Chat));
}

TEST(UsageEstimate, WhatTheProviderToldStays) {
  const std::string body(400, 'x');
  model::InferenceRequest request;
  request.body = body;

  const model::Usage both = estimated_usage({.cached_tokens = 3}, request, 81);
  EXPECT_EQ(both.input_tokens, 100);
  EXPECT_EQ(both.output_tokens, 21) << "four bytes a token, rounded up";
  EXPECT_EQ(both.cached_tokens, 3);

  const model::Usage output = estimated_usage({.input_tokens = 7}, request, 8);
  EXPECT_EQ(output.input_tokens, 7);
  EXPECT_EQ(output.output_tokens, 2);

  request.kind = Kind::Embedding;
  const model::Usage embedding = estimated_usage({}, request, 8);
  EXPECT_EQ(embedding.input_tokens, 100);
  EXPECT_EQ(embedding.output_tokens, -1) << "it has none";
}

TEST(UsageEstimate, OfAWholeAnswerOnlyWhatTheModelSaidCounts) {
  EXPECT_EQ(said_in(R"({"id":"a long id that nobody said","choices":[)"
                    R"({"message":{"role":"assistant","content":"12345678"}},)"
                    R"({"message":{"content":null,"tool_calls":[{"id":"1"}]}}]})"),
            10U + 12U);
  EXPECT_EQ(said_in(R"({"choices":[{"text":"1234"}]})"), 6U);
  EXPECT_EQ(said_in(R"({"content":[{"type":"text","text":"1234"},)"
                    R"({"type":"tool_use","name":"f","input":{"a":1}}]})"),
            6U + 3U + 7U);
  EXPECT_EQ(said_in(R"({"data":[{"embedding":[0.5]}]})"), 0U);
  EXPECT_EQ(said_in(""), 0U);
}

TEST(UsageEstimate, OfANeutralAnswerTextsAndCallsCount) {
  model::ChatAnswer answer;
  model::Choice& choice = answer.choices.emplace_back();
  choice.content.emplace_back().text = "1234";
  choice.tool_calls.push_back({.id = "not said", .name = "f", .arguments = "{}", .signature = {}});
  EXPECT_EQ(said_in(answer), 7U);
}

}  // namespace
}  // namespace headgate::dispatch
