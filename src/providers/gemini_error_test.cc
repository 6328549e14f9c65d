#include "providers/gemini_error.h"

#include <string>

#include <gtest/gtest.h>

namespace headgate::providers {
namespace {

using namespace std::chrono_literals;

std::string body_of(int code, const std::string& status, const std::string& message,
                    const std::string& details = "") {
  return R"({"error":{"code":)" + std::to_string(code) + R"(,"message":")" + message +
         R"(","status":")" + status + R"(","details":[)" + details + "]}}";
}

TEST(GeminiError, StatusesMeanWhatOurCallerMustKnow) {
  struct Case {
    int status;
    const char* name;
    ErrorKind kind;
    bool permanent;
  };
  for (const auto& [status, name, kind, permanent] :
       {Case{400, "INVALID_ARGUMENT", ErrorKind::InvalidRequest, false},
        Case{400, "OUT_OF_RANGE", ErrorKind::InvalidRequest, false},
        Case{400, "FAILED_PRECONDITION", ErrorKind::UpstreamFailed, true},
        Case{401, "UNAUTHENTICATED", ErrorKind::UpstreamFailed, true},
        Case{402, "", ErrorKind::UpstreamFailed, true},
        Case{403, "PERMISSION_DENIED", ErrorKind::UpstreamFailed, true},
        Case{404, "NOT_FOUND", ErrorKind::NotFound, true},
        Case{408, "", ErrorKind::UpstreamFailed, false}, Case{413, "", ErrorKind::TooLarge, false},
        Case{429, "RESOURCE_EXHAUSTED", ErrorKind::RateLimited, false},
        Case{499, "CANCELLED", ErrorKind::UpstreamFailed, false},
        Case{500, "INTERNAL", ErrorKind::UpstreamFailed, false},
        Case{502, "", ErrorKind::UpstreamFailed, false},
        Case{503, "UNAVAILABLE", ErrorKind::Overloaded, false},
        Case{504, "DEADLINE_EXCEEDED", ErrorKind::Timeout, false},
        Case{302, "", ErrorKind::UpstreamFailed, false}}) {
    const Error error = decode_gemini_error(status, "", body_of(status, name, "words"));
    EXPECT_EQ(error.kind, kind) << status << name;
    EXPECT_EQ(error.permanent, permanent) << status << name;
    EXPECT_EQ(error.origin, Origin::Upstream) << status;
    EXPECT_FALSE(error.message.empty()) << status;
    EXPECT_EQ(error.message == "words", kind == ErrorKind::InvalidRequest) << status << name;
  }
  EXPECT_EQ(decode_gemini_error(404, "", "").code, "model_not_found");
}

TEST(GeminiError, ARefusedKeyIsOurFaultAndNeverNamed) {
  const std::string reason =
      R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"})";
  for (const std::string& body :
       {body_of(400, "INVALID_ARGUMENT", "Bad key AIzaSecret", reason),
        body_of(400, "INVALID_ARGUMENT", "API key not valid. AIzaSecret"),
        body_of(400, "INVALID_ARGUMENT", "API key expired. AIzaSecret"),
        body_of(403, "PERMISSION_DENIED", "Consumer 'api_key:AIzaSecret' has been suspended."),
        "[" + body_of(400, "INVALID_ARGUMENT", "AIzaSecret", reason) + "]"}) {
    const int status = body.find("\"code\":403") == std::string::npos ? 400 : 403;
    const Error error = decode_gemini_error(status, "", body);
    EXPECT_EQ(error.kind, ErrorKind::UpstreamFailed) << body;
    EXPECT_TRUE(error.permanent) << body;
    EXPECT_EQ((error.message + error.detail).find("AIza"), std::string::npos) << body;
  }
}

TEST(GeminiError, WordsOfTheCallersBlameNoKey) {
  const Error echo = decode_gemini_error(
      400, "", body_of(400, "INVALID_ARGUMENT", "Invalid value at 'x', 'API key not valid'"));
  EXPECT_EQ(echo.kind, ErrorKind::InvalidRequest);
  EXPECT_EQ(echo.code, "");
  const Error file = decode_gemini_error(
      403, "", body_of(403, "PERMISSION_DENIED", "You do not have permission to access the File"));
  EXPECT_EQ(file.code, "") << "forbidden, but the key is well";
}

TEST(GeminiError, RetryInfoIsHonouredExactlyAndBeforeTheHeader) {
  const auto wait = [](const std::string& delay, std::string_view header, int status = 429) {
    return decode_gemini_error(
               status, header,
               "[" +
                   body_of(status, "X", "Quota",
                           R"({"@type":"type.googleapis.com/google.rpc.QuotaFailure"},7,)"
                           R"({"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":")" +
                               delay + R"("})") +
                   "]")
        .retry_after;
  };
  EXPECT_EQ(wait("37s", ""), 37s);
  EXPECT_EQ(wait("37s", "5"), 37s);
  EXPECT_EQ(wait("0.847655010s", ""), 848ms) << "never earlier than asked";
  EXPECT_EQ(wait("36000s", ""), 10h);
  EXPECT_EQ(wait("1.5s", "", 503), 1500ms);
  for (const char* junk : {"", "s", "37", "-1s", "soon"}) {
    EXPECT_EQ(wait(junk, "5"), 5s) << junk;
    EXPECT_EQ(wait(junk, ""), std::nullopt) << junk;
  }
  EXPECT_EQ(decode_gemini_error(503, "", "").retry_after, 1s);
}

TEST(GeminiError, ATooLongInputIsTheCallersToShorten) {
  for (const auto& [status, message] :
       {std::pair{500, "An internal error: input context too long"},
        std::pair{500, "The input context is too long."},
        std::pair{400,
                  "The input token count (1200000) exceeds the maximum number of tokens "
                  "allowed (1048576)."}}) {
    const Error error = decode_gemini_error(status, "", body_of(status, "INTERNAL", message));
    EXPECT_EQ(error.kind, ErrorKind::InvalidRequest) << message;
    EXPECT_EQ(error.code, "context_length_exceeded") << message;
    EXPECT_EQ(error.message, message);
  }
}

TEST(GeminiError, VendorTextIsForTheLogUnlessItIsAboutTheRequest) {
  for (const int status : {404, 413, 429, 499, 500, 503, 504}) {
    const Error error = decode_gemini_error(status, "", body_of(status, "X", "project 4711"));
    EXPECT_EQ(error.message.find("4711"), std::string::npos) << status;
    EXPECT_NE(error.detail.find("4711"), std::string::npos) << status;
  }
}

TEST(GeminiError, BodiesThatAreNoErrorObjectsAreSurvived) {
  for (const std::string body :
       {"", "<html>502</html>", "{", "[]", "[[]]", "[7]", "null", R"({"error":"text"})",
        R"({"error":{"message":7,"details":{}}})", R"({"error":{"details":[{"@type":7},null]}})"}) {
    const Error error = decode_gemini_error(400, "", body);
    EXPECT_EQ(error.kind, ErrorKind::InvalidRequest) << body;
    EXPECT_FALSE(error.message.empty()) << body;
  }
  EXPECT_LE(
      decode_gemini_error(400, "", body_of(400, "X", std::string(50'000, 'x'))).message.size(),
      1000U);
}

}  // namespace
}  // namespace headgate::providers
