#include "limits/estimate.h"

#include <string>

#include <gtest/gtest.h>

namespace headgate::limits {
namespace {

TEST(Estimate, TakesAQuarterOfTheBytesAndWhatTheAnswerMayHave) {
  const std::string body(401, 'x');
  const TokenUse plain = estimate_tokens({.body = body});
  EXPECT_EQ(plain.input, 101);
  EXPECT_EQ(plain.output, kUsualOutputTokens);
  EXPECT_EQ(estimate_tokens({.body = body, .max_tokens = 7, .choices = 3}).output, 21);
  EXPECT_EQ(estimate_tokens({.body = body, .max_tokens = 0}).output, kUsualOutputTokens);
  EXPECT_EQ(estimate_tokens({.kind = model::Kind::Embedding, .body = body}).output, 0);
  EXPECT_EQ(estimate_tokens({.kind = model::Kind::Ocr, .body = body}).output, 0);
  EXPECT_EQ(estimate_tokens({.body = {}}).input, 0);
}

TEST(Estimate, WhatIsMadeOrHeardIsCountedAsSuch) {
  const std::string body(1000, 'x');
  const TokenUse images = estimate_tokens({.kind = model::Kind::Image, .body = body, .choices = 3});
  EXPECT_EQ(images.images, 3);
  EXPECT_EQ(images.output, 3 * kUsualOutputTokens);
  const TokenUse speech =
      estimate_tokens({.kind = model::Kind::Speech, .body = body, .characters = 900});
  EXPECT_EQ(speech.characters, 900);
  EXPECT_EQ(speech.images, 0);
  const std::string minute(60'000 * kSoundBytes, 'x');
  const TokenUse sound = estimate_tokens({.kind = model::Kind::Transcription, .body = minute});
  EXPECT_EQ(sound.audio_ms, 60'000);
  EXPECT_EQ(sound.input, 600) << "not a quarter of its bytes";
  EXPECT_EQ(estimate_tokens({.kind = model::Kind::Rerank, .body = body}).output, 0);
}

TEST(Estimate, OfABrokenAnswerWhatIsUnknownCountsAsEstimated) {
  model::RequestContext context;
  context.attempts = 1;
  const TokenUse estimate{.images = 2, .characters = 7, .audio_ms = 900};
  using End = model::Spending::End;
  EXPECT_EQ(tokens_used(context, estimate, End::Cut).images, 2);
  EXPECT_FALSE(tokens_used(context, estimate, End::Refused).any());
  context.images = 1;
  EXPECT_EQ(tokens_used(context, estimate, End::Complete).images, 1);
  EXPECT_EQ(tokens_used(context, estimate, End::Complete).audio_ms, 0);
}

TEST(Estimate, AnImageCountsAsAnImageNotAsItsBytes) {
  const std::string image = R"({"url":"data:image/png;base64,)" + std::string(4 << 20, 'A') + "\"}";
  const std::int64_t one = estimate_tokens({.body = image}).input;
  EXPECT_GE(one, kImageTokens);
  EXPECT_LT(one, kImageTokens + 20);
  const std::int64_t two = estimate_tokens({.body = image + image}).input;
  EXPECT_GE(two, 2 * kImageTokens);
  EXPECT_LT(two, 2 * kImageTokens + 40);
  for (const char* member : {"\"data\":\"", "\"data\": \""}) {
    const std::string source = member + std::string(4 << 20, 'A') + "\"}";
    EXPECT_LT(estimate_tokens({.body = image + source + image}).input, 3 * kImageTokens + 60);
    EXPECT_GE(estimate_tokens({.body = image + source + image}).input, 3 * kImageTokens);
  }
  const std::string small = R"({"url":"data:image/png;base64,)" + std::string(400, 'A') + "\"}";
  EXPECT_LT(estimate_tokens({.body = small}).input, 120);
  std::string prompt = "data:text/plain;base64,";
  for (int i = 0; i < 10'000; ++i) {
    prompt += "many words ";
  }
  EXPECT_GT(estimate_tokens({.body = prompt}).input, 27'000);
  const std::string cut = "data:image/png;base64," + std::string(1 << 20, 'A');
  EXPECT_LT(estimate_tokens({.body = cut}).input, kImageTokens + 20);
}

TEST(Estimate, AbsurdRequestsAreBounded) {
  const TokenUse most =
      estimate_tokens({.body = "{}", .max_tokens = INT64_MAX, .choices = INT64_MAX});
  EXPECT_EQ(most.output, kMostTokens);
  for (const std::int64_t unlimited : {INT64_MIN, INT64_C(-1), INT64_C(0)}) {
    EXPECT_EQ(estimate_tokens({.body = "{}", .max_tokens = unlimited, .choices = -1}).output,
              kUsualOutputTokens)
        << unlimited;
  }
}

TEST(TokensUsed, AreThoseReportedElseThoseEstimated) {
  using End = model::Spending::End;
  constexpr TokenUse kEstimate{.input = 50, .output = 70};
  const auto used = [&](std::uint32_t attempts, std::int64_t input, std::int64_t output, End end) {
    model::RequestContext context;
    context.attempts = attempts;
    context.input_tokens = input;
    context.output_tokens = output;
    const TokenUse tokens = tokens_used(context, kEstimate, end);
    return std::to_string(tokens.input) + " " + std::to_string(tokens.output);
  };
  EXPECT_EQ(used(1, 10, 20, End::Complete), "10 20");
  EXPECT_EQ(used(1, 10, -1, End::Complete), "10 0") << "embeddings report no output";
  EXPECT_EQ(used(1, -1, -1, End::Complete), "50 70");
  EXPECT_EQ(used(1, -1, -1, End::Cut), "50 70");
  EXPECT_EQ(used(1, 10, 1, End::Cut), "10 70") << "the beginning reported, the end unknown";
  EXPECT_EQ(used(1, 10, 90, End::Cut), "10 90");
  EXPECT_EQ(used(1, -1, -1, End::Refused), "0 0");
  EXPECT_EQ(used(1, 10, 20, End::Refused), "10 20");
  EXPECT_EQ(used(0, -1, -1, End::Cut), "0 0") << "nothing was called";
}

}  // namespace
}  // namespace headgate::limits
