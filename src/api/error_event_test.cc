#include "api/error_event.h"

#include <gtest/gtest.h>

#include "queue/retry.h"

namespace headgate::api {
namespace {

/// An event as the relay writes it.
std::optional<Error> told_of(ErrorKind kind) {
  return error_in(R"({"error":{"message":"m","type":")" + std::string(wire_type(kind)) +
                  R"(","param":null,"code":")" + std::string(default_code(kind)) +
                  R"(","request_id":"r"}})");
}

TEST(ErrorEvent, BringsEveryKindBackOverTheWire) {
  for (const ErrorKind kind :
       {ErrorKind::InvalidRequest, ErrorKind::Unauthenticated, ErrorKind::BudgetSpent,
        ErrorKind::Forbidden, ErrorKind::NotFound, ErrorKind::RequestTimeout, ErrorKind::Conflict,
        ErrorKind::TooLarge, ErrorKind::Unsupported, ErrorKind::Unprocessable,
        ErrorKind::RateLimited, ErrorKind::UpstreamFailed, ErrorKind::Overloaded,
        ErrorKind::Timeout}) {
    const auto error = told_of(kind);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind, kind) << default_code(kind);
    EXPECT_EQ(error->message, "m");
  }
}

TEST(ErrorEvent, WhatTheCallerMustChangeIsNotTriedAgain) {
  for (
      const char* data :
      {R"({"error":{"message":"too long","type":"invalid_request_error","code":"context_length"}})",
       R"({"error":{"message":"no","type":"BadRequestError","param":null,"code":400}})",
       R"({"error":{"message":"no","code":422}})", R"({ "error": {"type":"not_found_error"}})",
       R"({"object":"x","error":{"message":"no","type":"permission_error"}})"}) {
    const auto error = error_in(data);
    ASSERT_TRUE(error) << data;
    EXPECT_FALSE(queue::may_succeed_later(*error)) << data;
  }
}

TEST(ErrorEvent, WhatMaySucceedLaterIsTriedAgain) {
  for (const char* data :
       {R"({"error":{"message":"m","type":"server_error","code":500}})",
        R"({"error":{"message":"m","type":"rate_limit_error","code":429}})",
        R"({"error":{"message":"m","code":408}})", R"({"error":{"message":"m","code":503}})",
        R"({"error":{"type":"something new"}})", R"({"error":"text"})"}) {
    const auto error = error_in(data);
    ASSERT_TRUE(error) << data;
    EXPECT_TRUE(queue::may_succeed_later(*error)) << data;
    EXPECT_FALSE(error->message.empty());
  }
}

TEST(ErrorEvent, LeavesOtherEventsAlone) {
  for (const char* data :
       {R"({"choices":[{"delta":{"content":"an \"error\" in a text"}}]})", R"({"error":null})",
        R"({"choices":[],"error":null})", "no \"error\" JSON", ""}) {
    EXPECT_FALSE(error_in(data)) << data;
  }
}

}  // namespace
}  // namespace headgate::api
