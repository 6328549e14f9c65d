#include "providers/openai_error.h"

#include <string>

#include <gtest/gtest.h>

namespace headgate::providers {
namespace {

using namespace std::chrono_literals;

constexpr const char* kBody =
    R"({"error":{"message":"'temperature' is too hot","type":"invalid_request_error","param":"temperature","code":"bad_value"}})";

TEST(OpenAiError, StatusesMeanWhatOurCallerMustKnow) {
  struct Case {
    int status;
    ErrorKind kind;
  };
  for (const auto& [status, kind] :
       {Case{400, ErrorKind::InvalidRequest}, Case{409, ErrorKind::InvalidRequest},
        Case{413, ErrorKind::TooLarge}, Case{415, ErrorKind::Unsupported},
        Case{422, ErrorKind::Unprocessable}, Case{429, ErrorKind::RateLimited},
        Case{401, ErrorKind::UpstreamFailed}, Case{402, ErrorKind::UpstreamFailed},
        Case{403, ErrorKind::UpstreamFailed}, Case{404, ErrorKind::UpstreamFailed},
        Case{408, ErrorKind::UpstreamFailed}, Case{500, ErrorKind::UpstreamFailed},
        Case{502, ErrorKind::UpstreamFailed}, Case{503, ErrorKind::Overloaded},
        Case{504, ErrorKind::UpstreamFailed}, Case{529, ErrorKind::UpstreamFailed},
        Case{302, ErrorKind::UpstreamFailed}}) {
    const Error error = decode_openai_error(status, "", kBody);
    EXPECT_EQ(error.kind, kind) << status;
    EXPECT_EQ(error.origin, Origin::Upstream) << status;
    EXPECT_FALSE(error.message.empty()) << status;
  }
}

TEST(OpenAiError, OurCallersOwnMistakesAreToldInTheVendorsWords) {
  const Error error = decode_openai_error(400, "", kBody);
  EXPECT_EQ(error.message, "'temperature' is too hot");
  EXPECT_EQ(error.param, "temperature");
  EXPECT_EQ(error.code, "bad_value");
  const Error vllm = decode_openai_error(
      400, "", R"({"object":"error","message":"too long","type":"BadRequestError","code":400})");
  EXPECT_EQ(vllm.message, "too long");
  EXPECT_EQ(vllm.code, "");
}

TEST(OpenAiError, WhatConcernsTheGatewaysAccountIsNotTold) {
  for (const int status : {401, 402, 403, 404, 408, 429, 500, 503}) {
    const Error error =
        decode_openai_error(status, "", R"({"error":{"message":"key sk-secret of org-1"}})");
    EXPECT_EQ(error.message.find("sk-secret"), std::string::npos) << status;
  }
}

TEST(OpenAiError, BodiesThatAreNoErrorObjectsAreSurvived) {
  for (const std::string body : {"", "<html>502</html>", "{", "[]", "null", R"({"error":"text"})",
                                 R"({"error":{"message":7}})", R"({"error":{"mess)"}) {
    const Error error = decode_openai_error(400, "", body);
    EXPECT_EQ(error.kind, ErrorKind::InvalidRequest) << body;
    EXPECT_FALSE(error.message.empty()) << body;
  }
  const std::string endless =
      R"({"error":{"message":")" + std::string(50'000, 'x') + "\\n\\u0000" + R"("}})";
  EXPECT_LE(decode_openai_error(400, "", endless).message.size(), 1000U);
}

TEST(OpenAiError, ARequestThatDoesNotFitTheWindowHasOneCodeWhateverTheWording) {
  for (
      const std::string body : {
          R"({"error":{"message":"Your input is too long.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}})",
          R"({"error":{"message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens","type":"BadRequestError","param":null,"code":400}})",
          R"({"object":"error","message":"The decoder prompt is longer than the maximum model length of 8192.","type":"BadRequestError","param":null,"code":400})",
          R"({"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error","n_prompt_tokens":900,"n_ctx":512}})",
          R"({"error":"prompt too long; exceeded max context length by 4 tokens"})",
          R"({"detail":"This model's maximum context length is 4096 tokens."})",
          R"({"error":{"message":"This model's maximum context length is 4096 tok)",
      }) {
    const Error error = decode_openai_error(400, "", body);
    EXPECT_EQ(error.kind, ErrorKind::InvalidRequest) << body;
    EXPECT_EQ(error.code, "context_length_exceeded") << body;
    EXPECT_EQ(decode_openai_error(500, "", body).code, "") << "a failure is no refusal";
  }
  EXPECT_EQ(decode_openai_error(400, "", kBody).code, "bad_value");
}

TEST(OpenAiError, ARequestRefusedForItsContentHasACodeThatSaysSo) {
  const Error azure = decode_openai_error(
      400, "",
      R"({"error":{"message":"The response was filtered by the content management policy.","type":null,"param":"prompt","code":"content_filter","status":400}})");
  EXPECT_EQ(azure.code, "content_filter");
  for (
      const std::string body : {
          R"({"error":{"message":"Rejected.","code":"content_policy_violation"}})",
          R"({"error":{"message":"Your request was rejected by our safety system.","code":"moderation_blocked"}})",
          R"({"error":{"message":"Invalid prompt: it may violate our usage policy.","code":"invalid_prompt"}})",
      }) {
    EXPECT_EQ(decode_openai_error(400, "", body).code, "content_policy_violation") << body;
    const Error forbidden = decode_openai_error(403, "", body);
    EXPECT_EQ(forbidden.kind, ErrorKind::Forbidden) << "not our credentials are at fault";
    EXPECT_EQ(forbidden.code, "content_policy_violation") << body;
    EXPECT_FALSE(forbidden.permanent);
  }
}

TEST(OpenAiError, AnErrorInsideAnAnswerIsTheCallersOnlyIfItSaysSo) {
  EXPECT_EQ(decode_openai_error_event(R"({"error":{"message":"m","code":"content_filter"}})").kind,
            ErrorKind::InvalidRequest);
  const Error failed = decode_openai_error_event(R"({"error":"CUDA out of memory"})");
  EXPECT_EQ(failed.kind, ErrorKind::UpstreamFailed);
  EXPECT_EQ(failed.message, "The model server reported an error while answering.");
  EXPECT_EQ(failed.detail, "error event: CUDA out of memory");
}

TEST(OpenAiError, AnAccountThatIsUsedUpIsNotARateLimit) {
  const Error error = decode_openai_error(
      429, "20",
      R"({"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}})");
  EXPECT_EQ(error.kind, ErrorKind::UpstreamFailed);
  EXPECT_TRUE(error.permanent) << "waiting does not fill it";
  EXPECT_EQ(error.code, "");
  EXPECT_FALSE(error.retry_after);
}

TEST(OpenAiError, RetryAfterIsTakenInSecondsOrAsADate) {
  EXPECT_EQ(decode_openai_error(429, "7", kBody).retry_after, 7s);
  EXPECT_EQ(decode_openai_error(429, "0.25", kBody).retry_after, 250ms);
  EXPECT_EQ(parse_retry_after("0"), 0ms);
  EXPECT_EQ(parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), 0ms) << "it has passed";
  for (const char* junk : {"", "-1", "soon", "1e99", "nan", "inf", "7 s", "99999999"}) {
    EXPECT_FALSE(parse_retry_after(junk)) << junk;
  }
  EXPECT_EQ(decode_openai_error(503, "", kBody).retry_after, 1s);
}

}  // namespace
}  // namespace headgate::providers
