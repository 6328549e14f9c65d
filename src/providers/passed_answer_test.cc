#include "providers/passed_answer.h"

#include <string>

#include <gtest/gtest.h>

namespace headgate::providers {
namespace {

using model::Kind;

constexpr std::string_view kChat =
    R"({"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"}}]})";
constexpr std::string_view kMessage =
    R"({"type":"message","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn"})";

TEST(PassedAnswer, AnAnswerOfItsKindIsOne) {
  EXPECT_TRUE(check_openai_answer(Kind::Chat, kChat));
  EXPECT_TRUE(check_openai_answer(Kind::Chat, R"({"error":null,"choices":[{}]})"));
  EXPECT_TRUE(check_openai_answer(Kind::Completion, R"({"choices":[{"text":"Hi"}]})"));
  EXPECT_TRUE(check_openai_answer(Kind::Embedding, R"({"data":[{"embedding":[1]}]})"));
  EXPECT_TRUE(check_anthropic_message(kMessage));
  EXPECT_TRUE(check_anthropic_message(R"({"type":"message","content":[]})")) << "nothing to say";
}

TEST(PassedAnswer, NoPartOfAnAnswerIsOne) {
  for (std::size_t size = 0; size < kChat.size(); ++size) {
    EXPECT_FALSE(check_openai_answer(Kind::Chat, kChat.substr(0, size))) << size;
  }
  for (std::size_t size = 0; size < kMessage.size(); ++size) {
    EXPECT_FALSE(check_anthropic_message(kMessage.substr(0, size))) << size;
  }
}

TEST(PassedAnswer, WhatIsNoAnswerOfItsKindIsTheServersFault) {
  for (const std::string_view body :
       {"[]", "null", "\"text\"", "{}", R"({"choices":{}})", R"({"choices":[]})",
        R"({"data":[{}]})", "\xff\xfe", "<html></html>"}) {
    const auto checked = check_openai_answer(Kind::Chat, body);
    ASSERT_FALSE(checked) << body;
    EXPECT_EQ(checked.error().kind, ErrorKind::UpstreamFailed) << body;
    EXPECT_FALSE(check_anthropic_message(body)) << body;
  }
  EXPECT_FALSE(check_openai_answer(Kind::Embedding, kChat));
}

TEST(PassedAnswer, AnErrorInItsPlaceMeansWhatItSays) {
  auto checked = check_openai_answer(Kind::Chat, R"({"error":{"message":"secret trouble"}})");
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().kind, ErrorKind::UpstreamFailed);
  EXPECT_EQ(checked.error().message.find("secret"), std::string::npos);
  checked = check_openai_answer(Kind::Chat, R"({"error":{"message":"m","code":400}})");
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().kind, ErrorKind::InvalidRequest);
  checked = check_anthropic_message(
      R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})");
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().kind, ErrorKind::Overloaded);
}

TEST(PassedAnswer, OfOtherKindsAnyJsonIsOneButAnError) {
  EXPECT_TRUE(check_openai_answer(Kind::Ocr, R"({"results":[]})"));
  EXPECT_TRUE(check_openai_answer(Kind::Ocr, R"([{"index":0,"score":1}])"));
  EXPECT_FALSE(check_openai_answer(Kind::Ocr, R"({"results":[)"));
  EXPECT_FALSE(check_openai_answer(Kind::Ocr, R"({"error":{"message":"m"}})"));
}

}  // namespace
}  // namespace headgate::providers
