#include "providers/openai_stream.h"

#include <string>

#include <gtest/gtest.h>

namespace headgate::providers {
namespace {

constexpr const char* kRole =
    "data: "
    "{\"choices\":[{\"delta\":{\"role\":\"assistant\"},\"finish_reason\":null}],\"usage\":null}"
    "\n\n";
constexpr const char* kText =
    "data: {\"choices\":[{\"delta\":{\"content\":\"Hi, \\\"usage\\\" "
    "\"},\"finish_reason\":null}],\"usage\":null}\n\n";
constexpr const char* kFinish =
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n";
constexpr const char* kUsage =
    "data: "
    "{\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,\"total_tokens\":13}}"
    "\n\n";
constexpr const char* kDone = "data: [DONE]\n\n";

struct Outcome {
  std::string out;
  std::string error;
  Usage usage;
};

Outcome relay(UsageEvent shown, const std::string& stream, std::size_t size = 1 << 20) {
  auto follower = make_openai_stream(shown);
  Outcome outcome;
  const auto take = [&](Result<std::string_view> piece) {
    if (piece) {
      outcome.out.append(*piece);
    } else if (outcome.error.empty()) {
      outcome.error = piece.error().message + "|" + piece.error().detail;
    }
    return piece.has_value();
  };
  bool good = true;
  for (std::size_t at = 0; good && at < stream.size(); at += size) {
    good = take(follower->feed(std::string_view(stream).substr(at, size)));
  }
  if (good) {
    take(follower->finish());
  }
  outcome.usage = follower->usage();
  return outcome;
}

const std::string kWhole = std::string(kRole) + kText + kFinish + kUsage + kDone;

TEST(OpenAiStream, HidesTheUsageThatTheClientDidNotAskFor) {
  const Outcome outcome = relay(UsageEvent::Hidden, kWhole);
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.out,
            "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"},\"finish_reason\":null}]}\n\n"
            "data: {\"choices\":[{\"delta\":{\"content\":\"Hi, \\\"usage\\\" "
            "\"},\"finish_reason\":null}]}\n\n"
            "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
            "data: [DONE]\n\n");
  EXPECT_EQ(outcome.usage.input_tokens, 9);
  EXPECT_EQ(outcome.usage.output_tokens, 4);
}

TEST(OpenAiStream, PassesEveryByteToAClientThatAskedForUsage) {
  const Outcome outcome = relay(UsageEvent::Shown, kWhole);
  EXPECT_EQ(outcome.out, kWhole);
  EXPECT_EQ(outcome.usage.output_tokens, 4);
}

TEST(OpenAiStream, GivesTheSameBytesHoweverTheStreamIsCut) {
  for (const UsageEvent shown : {UsageEvent::Hidden, UsageEvent::Shown}) {
    const std::string expected = relay(shown, kWhole).out;
    for (std::size_t size = 1; size <= kWhole.size(); ++size) {
      EXPECT_EQ(relay(shown, kWhole, size).out, expected) << size;
    }
  }
}

TEST(OpenAiStream, AnAnswerThatWasCutIsNeverPassedOffAsWhole) {
  for (const std::string& stream :
       {std::string(), std::string(kRole), std::string(kRole) + kText, kWhole.substr(0, 150)}) {
    const Outcome outcome = relay(UsageEvent::Hidden, stream);
    EXPECT_NE(outcome.error, "") << stream;
    EXPECT_EQ(outcome.out.find("[DONE]"), std::string::npos) << stream;
  }
  EXPECT_NE(relay(UsageEvent::Hidden, kDone).error, "") << "an end without an answer";
}

TEST(OpenAiStream, AMissingEndMarkAfterTheFinishReasonIsSupplied) {
  const Outcome outcome = relay(UsageEvent::Hidden, std::string(kRole) + kText + kFinish);
  EXPECT_EQ(outcome.error, "");
  EXPECT_TRUE(outcome.out.ends_with(kDone));
}

TEST(OpenAiStream, EachChoiceMustBeAtItsEnd) {
  const auto of_choice = [](int index, const std::string& rest) {
    return "data: {\"choices\":[{\"index\":" + std::to_string(index) + "," + rest + "}]}\n\n";
  };
  const std::string text = R"("delta":{"content":"Hi"},"finish_reason":null)";
  const std::string end = R"("delta":{},"finish_reason":"stop")";
  const std::string one = of_choice(0, text) + of_choice(1, text) + of_choice(0, end);
  EXPECT_NE(relay(UsageEvent::Hidden, one).error, "") << "the other was cut";
  EXPECT_EQ(relay(UsageEvent::Hidden, one + of_choice(1, end)).error, "");
}

TEST(OpenAiStream, AnAnswerThatTheServerGaveUpIsNotWhole) {
  for (const std::string& reason : {std::string("abort"), std::string("error")}) {
    const std::string gave_up =
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"" + reason + "\"}]}\n\n";
    const Outcome outcome = relay(UsageEvent::Hidden, std::string(kRole) + kText + gave_up + kDone);
    EXPECT_NE(outcome.error, "");
    EXPECT_EQ(outcome.out.find(reason), std::string::npos) << "the client does not see it end";
  }
}

TEST(OpenAiStream, OnlyTheEndMarkEndsIt) {
  auto stream = make_openai_stream(UsageEvent::Shown);
  ASSERT_TRUE(stream->feed(std::string(kRole) + kText + kFinish + kUsage));
  EXPECT_FALSE(stream->ended()) << "usage could have been missing";
  ASSERT_TRUE(stream->feed(kDone));
  EXPECT_TRUE(stream->ended());
}

TEST(OpenAiStream, WhatFollowsTheEndMarkIsDropped) {
  const Outcome outcome = relay(UsageEvent::Shown, kWhole + kDone + kText);
  EXPECT_EQ(outcome.out, kWhole);
}

TEST(OpenAiStream, NothingFollowsAnErrorEventHoweverTheStreamIsCut) {
  const std::string stream = std::string(kRole) + kText +
                             "data: {\"error\":{\"message\":\"key sk-1 is broke\"}}\n\n" + kText +
                             kFinish + kDone;
  for (std::size_t size = 1; size <= stream.size(); ++size) {
    const Outcome outcome = relay(UsageEvent::Shown, stream, size);
    EXPECT_EQ(outcome.out, std::string(kRole) + kText) << size;
    const std::string message = outcome.error.substr(0, outcome.error.find('|'));
    EXPECT_EQ(message, "The model server reported an error while answering.") << size;
    EXPECT_NE(outcome.error.find("sk-1"), std::string::npos) << "for the log";
  }
}

TEST(OpenAiStream, AnErrorEventThatBlamesTheCallerIsTheCallers) {
  const auto kind_of = [](const std::string& error) {
    auto follower = make_openai_stream(UsageEvent::Shown);
    const auto piece = follower->feed("data: {\"error\":" + error + "}\n\n");
    return piece ? ErrorKind::Internal : piece.error().kind;
  };
  EXPECT_EQ(kind_of(R"({"message":"too long","type":"BadRequestError","code":400})"),
            ErrorKind::InvalidRequest);
  EXPECT_EQ(kind_of(R"({"message":"no","type":"invalid_request_error","code":"x"})"),
            ErrorKind::InvalidRequest);
  EXPECT_EQ(kind_of(R"({"message":"slow","code":429})"), ErrorKind::RateLimited);
  EXPECT_EQ(kind_of(R"({"message":"oh","type":"server_error","code":500})"),
            ErrorKind::UpstreamFailed);
}

TEST(OpenAiStream, CachedAndReasoningTokensAreReadAlike) {
  const std::string usage =
      R"("usage":{"prompt_tokens":90,"completion_tokens":40,"total_tokens":130,)"
      R"("prompt_tokens_details":{"cached_tokens":64,"cache_write_tokens":3},)"
      R"("completion_tokens_details":{"reasoning_tokens":25}})";
  const Outcome outcome =
      relay(UsageEvent::Hidden,
            std::string(kText) + kFinish + "data: {\"choices\":[]," + usage + "}\n\n" + kDone);
  const Usage whole = provider_for("openai")->usage_of("{\"choices\":[]," + usage + "}");
  for (const Usage& read : {outcome.usage, whole}) {
    EXPECT_EQ(read.input_tokens, 90);
    EXPECT_EQ(read.output_tokens, 40);
    EXPECT_EQ(read.cached_tokens, 64);
    EXPECT_EQ(read.cache_write_tokens, 3);
    EXPECT_EQ(read.reasoning_tokens, 25);
  }
  const Usage silent = provider_for("openai")->usage_of(
      R"("usage":{"prompt_tokens":9,"completion_tokens":4,"prompt_tokens_details":null}})");
  EXPECT_EQ(silent.output_tokens, 4);
  EXPECT_EQ(silent.cached_tokens, -1) << "not told is not none";
}

TEST(OpenAiStream, MalformedEventsAndCommentsAreSkipped) {
  const std::string noise = ": ping\n\ndata: {not json\n\ndata: 7\n\n\n\n";
  const Outcome outcome = relay(UsageEvent::Shown, std::string(kRole) + noise + kFinish + kDone);
  EXPECT_EQ(outcome.out, std::string(kRole) + kFinish + kDone);
}

}  // namespace
}  // namespace headgate::providers
