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
