#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "providers/anthropic_wire.h"

namespace headgate::providers {
namespace {

using namespace std::chrono_literals;

std::string body_of(const std::string& type, const std::string& message,
                    const std::string& code = "") {
  return R"({"type":"error","error":{"type":")" + type + R"(","message":")" + message + "\"" +
         (code.empty() ? "" : R"(,"details":{"error_code":")" + code + R"("})") +
         R"(},"request_id":"req_011C"})";
}

TEST(AnthropicError, StatusesMeanWhatOurCallerMustKnow) {
  struct Case {
    int status;
    ErrorKind kind;
    bool permanent;
  };
  for (const auto& [status, kind, permanent] :
       {Case{400, ErrorKind::InvalidRequest, false}, Case{401, ErrorKind::UpstreamFailed, true},
        Case{402, ErrorKind::UpstreamFailed, true}, Case{403, ErrorKind::UpstreamFailed, true},
        Case{404, ErrorKind::UpstreamFailed, true}, Case{408, ErrorKind::UpstreamFailed, false},
        Case{409, ErrorKind::UpstreamFailed, false}, Case{413, ErrorKind::TooLarge, false},
        Case{429, ErrorKind::RateLimited, false}, Case{500, ErrorKind::UpstreamFailed, false},
        Case{502, ErrorKind::UpstreamFailed, false}, Case{503, ErrorKind::Overloaded, false},
        Case{504, ErrorKind::Timeout, false}, Case{529, ErrorKind::Overloaded, false},
        Case{302, ErrorKind::UpstreamFailed, false}}) {
    const Error error = decode_anthropic_error(status, "", body_of("t", "m"));
    EXPECT_EQ(error.kind, kind) << status;
    EXPECT_EQ(error.permanent, permanent) << status;
    EXPECT_EQ(error.origin, Origin::Upstream) << status;
    EXPECT_FALSE(error.message.empty()) << status;
    EXPECT_NE(error.detail.find("req_011C"), std::string::npos) << status;
  }
}

TEST(AnthropicError, OurCallersOwnMistakesAreToldInTheVendorsWords) {
  const Error error = decode_anthropic_error(
      400, "", body_of("invalid_request_error", "max_tokens: Field\\nrequired"));
  EXPECT_EQ(error.message, "max_tokens: Field required");
  EXPECT_EQ(error.code, "");
}

TEST(AnthropicError, WhatConcernsTheGatewaysAccountIsNotTold) {
  for (const int status : {401, 402, 403, 404, 408, 409, 429, 500, 503, 529}) {
    const Error error = decode_anthropic_error(status, "", body_of("t", "key sk-ant-secret"));
    EXPECT_EQ(error.message.find("sk-ant"), std::string::npos) << status;
  }
  for (const std::string& body :
       {body_of("invalid_request_error", "Your credit balance is too low to use the API."),
        body_of("invalid_request_error", "You have reached your specified API usage limits."),
        body_of("invalid_request_error", "sk-ant", "enforced_spend_limit_reached")}) {
    const Error error = decode_anthropic_error(400, "", body);
    EXPECT_EQ(error.kind, ErrorKind::UpstreamFailed) << body;
    EXPECT_TRUE(error.permanent) << body;
    EXPECT_EQ(error.message, "The account of the gateway at the model server is used up.");
  }
}

TEST(AnthropicError, ARequestBeyondTheWindowOrThePolicyHasItsCode) {
  const auto code_of = [](const std::string& message) {
    return decode_anthropic_error(400, "", body_of("invalid_request_error", message)).code;
  };
  EXPECT_EQ(code_of("prompt is too long: 210000 tokens > 200000 maximum"),
            "context_length_exceeded");
  EXPECT_EQ(code_of("input length and `max_tokens` exceed context limit: 199000 + 4096 > 200000"),
            "context_length_exceeded");
  EXPECT_EQ(code_of("Output blocked by content filtering policy"), "content_policy_violation");
}

TEST(AnthropicError, RetryAfterIsTakenWhereWaitingHelps) {
  const std::string limited = body_of("rate_limit_error", "m");
  EXPECT_EQ(decode_anthropic_error(429, "7", limited).retry_after, 7s);
  EXPECT_FALSE(decode_anthropic_error(429, "", limited).retry_after);
  EXPECT_EQ(decode_anthropic_error(529, "", limited).retry_after, 1s);
  EXPECT_EQ(decode_anthropic_error(529, "3", limited).retry_after, 3s);
  EXPECT_FALSE(
      decode_anthropic_error(429, "7", body_of("rate_limit_error", "m", "ramp_limit_exceeded"))
          .retry_after);
  const Error spent = decode_anthropic_error(
      429, "7", body_of("rate_limit_error", "m", "contract_spend_limit_reached"));
  EXPECT_EQ(spent.kind, ErrorKind::UpstreamFailed);
  EXPECT_TRUE(spent.permanent);
}

TEST(AnthropicError, ATooLargeRequestIsToldWithoutABody) {
  const Error error = decode_anthropic_error(413, "", "");
  EXPECT_EQ(error.kind, ErrorKind::TooLarge);
  EXPECT_EQ(wire_code(error), "request_too_large");
}

TEST(AnthropicError, BodiesThatAreNoErrorObjectsAreSurvived) {
  const std::string whole = body_of("invalid_request_error", "m\\u00e9", "c");
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const Error error = decode_anthropic_error(400, "", whole.substr(0, size));
    EXPECT_EQ(error.kind, ErrorKind::InvalidRequest) << size;
    EXPECT_FALSE(error.message.empty()) << size;
  }
  for (const std::string body : {"<html>", "[]", "null", R"({"error":"text"})", "\xFF"}) {
    EXPECT_EQ(decode_anthropic_error(400, "", body).message,
              "The model server refused the request as invalid.");
  }
  EXPECT_LE(decode_anthropic_error(400, "", body_of("t", std::string(50'000, 'x'))).message.size(),
            1000U);
}

TEST(AnthropicError, AnErrorInAStreamMeansWhatItsTypeSays) {
  const auto kind_of = [](const std::string& type) {
    return decode_anthropic_error_event(body_of(type, "m")).kind;
  };
  EXPECT_EQ(kind_of("overloaded_error"), ErrorKind::Overloaded);
  EXPECT_EQ(kind_of("rate_limit_error"), ErrorKind::RateLimited);
  EXPECT_EQ(kind_of("timeout_error"), ErrorKind::Timeout);
  EXPECT_EQ(kind_of("request_too_large"), ErrorKind::TooLarge);
  EXPECT_EQ(kind_of("api_error"), ErrorKind::UpstreamFailed);
  EXPECT_EQ(kind_of("new_error"), ErrorKind::UpstreamFailed);
}

}  // namespace
}  // namespace headgate::providers
