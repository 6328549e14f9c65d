#include "api/caller_deadline.h"

#include <chrono>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace headgate::api {
namespace {

using namespace std::chrono_literals;
using model::Delivery;

constexpr SteadyTime kStart = SteadyTime(1h);

/// A request that began at `kStart`.
struct CallerDeadline : ::testing::Test {
  CallerDeadline() { context.started = kStart; }
  SteadyTime after_sdk(const std::vector<edge::Field>& fields, Delivery delivery) {
    edge::Request http;
    http.fields = fields;
    context.deadline = SteadyTime::max();
    take_sdk_timeout(http, delivery, context);
    return context.deadline;
  }
  model::RequestContext context;
};

TEST_F(CallerDeadline, IsSecondsOrHasAUnit) {
  const std::pair<std::string_view, std::chrono::milliseconds> cases[] = {
      {"30", 30s}, {"0.25", 250ms}, {"500ms", 500ms}, {"2m", 2min}, {"0.0001", 1ms}};
  for (const auto& [text, time] : cases) {
    context.deadline = SteadyTime::max();
    ASSERT_TRUE(take_request_timeout(text, context)) << text;
    EXPECT_EQ(context.deadline, kStart + time) << text;
  }
}

TEST_F(CallerDeadline, OneThatIsNoTimeIsRefused) {
  for (const char* text :
       {"", "0", "-1", "soon", "nan", "inf", "1e3", "10 s", "5x", "0ms", "1,5"}) {
    const auto taken = take_request_timeout(text, context);
    ASSERT_FALSE(taken) << text;
    EXPECT_EQ(taken.error().kind, ErrorKind::InvalidRequest);
    EXPECT_EQ(taken.error().param, "X-Request-Timeout");
  }
  EXPECT_EQ(context.deadline, SteadyTime::max());
}

TEST_F(CallerDeadline, OnlyShortens) {
  context.deadline = kStart + 5s;
  ASSERT_TRUE(take_request_timeout("30", context));
  ASSERT_TRUE(take_request_timeout("99999999999999999999", context));
  EXPECT_EQ(context.deadline, kStart + 5s);
  ASSERT_TRUE(take_request_timeout("2", context));
  EXPECT_EQ(context.deadline, kStart + 2s);
}

TEST_F(CallerDeadline, AnSdksLimitsAWholeAnswer) {
  EXPECT_EQ(after_sdk({{"X-Stainless-Timeout", "600"}}, Delivery::Whole), kStart + 600s);
  EXPECT_EQ(after_sdk({{"x-stainless-read-timeout", "1.5"}}, Delivery::Whole), kStart + 1500ms);
  EXPECT_EQ(after_sdk({{"X-Stainless-Timeout", "600"}}, Delivery::Stream), SteadyTime::max());
}

TEST_F(CallerDeadline, AnSdksThatNobodyUnderstandsCountsForNothing) {
  for (const std::string_view text : {"None", "", "-5", "NaN", "read=600", "0"}) {
    EXPECT_EQ(after_sdk({{"X-Stainless-Timeout", text}}, Delivery::Whole), SteadyTime::max())
        << text;
  }
}

}  // namespace
}  // namespace headgate::api
