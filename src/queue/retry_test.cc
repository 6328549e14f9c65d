#include "queue/retry.h"

#include <gtest/gtest.h>

namespace headgate::queue {
namespace {

using namespace std::chrono_literals;

config::JobRetrySettings settings(std::string jitter) {
  return {.initial = 5000ms, .factor = 2, .max = 60000ms, .jitter = std::move(jitter)};
}

TEST(JobRetry, TriesAgainOnlyWhatMaySucceedLater) {
  for (const ErrorKind kind : {ErrorKind::RateLimited, ErrorKind::UpstreamFailed,
                               ErrorKind::Timeout, ErrorKind::Overloaded, ErrorKind::Internal}) {
    Error error;
    error.kind = kind;
    EXPECT_TRUE(may_succeed_later(error)) << wire_type(kind);
    error.permanent = true;
    EXPECT_FALSE(may_succeed_later(error)) << wire_type(kind);
  }
  for (const ErrorKind kind :
       {ErrorKind::InvalidRequest, ErrorKind::NotFound, ErrorKind::Forbidden, ErrorKind::TooLarge,
        ErrorKind::BudgetSpent, ErrorKind::Unprocessable}) {
    Error error;
    error.kind = kind;
    EXPECT_FALSE(may_succeed_later(error)) << wire_type(kind);
  }
}

TEST(JobRetry, WaitsTwiceAsLongEachTimeUpToTheLimit) {
  const Error error = upstream_failed("");
  const auto none = settings("none");
  EXPECT_EQ(retry_delay(none, 1, error, 0.1), 5s);
  EXPECT_EQ(retry_delay(none, 2, error, 0.1), 10s);
  EXPECT_EQ(retry_delay(none, 4, error, 0.1), 40s);
  EXPECT_EQ(retry_delay(none, 5, error, 0.1), 60s);
  EXPECT_EQ(retry_delay(none, 1000, error, 0.1), 60s);
}

TEST(JobRetry, FullJitterTakesAnyPartOfTheWait) {
  const Error error = upstream_failed("");
  EXPECT_EQ(retry_delay(settings("full"), 2, error, 0.0), 0s);
  EXPECT_EQ(retry_delay(settings("full"), 2, error, 0.5), 5s);
  EXPECT_EQ(retry_delay(settings("full"), 2, error, 1.0), 10s);
}

TEST(JobRetry, WaitsAtLeastAsLongAsTheModelServerAsked) {
  Error error = upstream_failed("");
  error.retry_after = 30s;
  EXPECT_EQ(retry_delay(settings("full"), 1, error, 0.5), 30s);
  error.retry_after = 1s;
  EXPECT_EQ(retry_delay(settings("none"), 1, error, 0.5), 5s);
  error.retry_after = 1h;
  EXPECT_EQ(retry_delay(settings("none"), 1, error, 0.5), 1h) << "a window of an hour";
  error.retry_after = 1000h;
  EXPECT_EQ(retry_delay(settings("none"), 1, error, 0.5), 24h);
}

}  // namespace
}  // namespace headgate::queue
