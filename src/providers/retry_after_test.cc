#include "providers/retry_after.h"

#include <string>

#include <gtest/gtest.h>

namespace headgate::providers {
namespace {

using namespace std::chrono_literals;

/// Sun, 06 Nov 1994 08:49:07.250 GMT
const WallTime kNow = WallTime(std::chrono::milliseconds(784111747250));

TEST(RetryAfter, SecondsAreTakenWithTheirFraction) {
  EXPECT_EQ(parse_retry_after("0", kNow), 0ms);
  EXPECT_EQ(parse_retry_after("120", kNow), 2min);
  EXPECT_EQ(parse_retry_after(" 7\t", kNow), 7s);
  EXPECT_EQ(parse_retry_after("0.8476", kNow), 848ms) << "never earlier than asked";
  EXPECT_EQ(parse_retry_after("86400", kNow), 24h);
  for (const char* junk : {"", "-1", "soon", "1e99", "nan", "inf", "7 s", "86401", "0x10"}) {
    EXPECT_EQ(parse_retry_after(junk, kNow), std::nullopt) << junk;
  }
}

TEST(RetryAfter, ADateIsReadInAllItsForms) {
  for (const char* date : {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                           "Sun Nov  6 08:49:37 1994"}) {
    EXPECT_EQ(parse_retry_after(date, kNow), 29750ms) << date;
  }
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:00 GMT", kNow), 0ms) << "it has passed";
  EXPECT_EQ(parse_retry_after("Mon, 07 Nov 1994 08:49:08 GMT", kNow), std::nullopt)
      << "more than a day";
  for (const char* junk : {"Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 GMT!",
                           "06 Nov 1994 08:49:37 GMT", "Sun, 06 Abc 1994 08:49:37 GMT"}) {
    EXPECT_EQ(parse_retry_after(junk, kNow), std::nullopt) << junk;
  }
}

TEST(RetryAfter, MillisecondsGoBeforeSecondsAndSurviveExactly) {
  EXPECT_EQ(retry_after_of("250", "1"), "0.250");
  EXPECT_EQ(retry_after_of("7", ""), "0.007");
  EXPECT_EQ(retry_after_of("1500.5", ""), "1.501");
  for (const char* junk : {"", "x", "-5", "1e99", "86400001"}) {
    EXPECT_EQ(retry_after_of(junk, "3"), "3") << junk;
  }
  for (int wanted = 0; wanted < 100'000; wanted += 7) {
    ASSERT_EQ(parse_retry_after(retry_after_of(std::to_string(wanted), ""), kNow),
              std::chrono::milliseconds(wanted));
  }
}

}  // namespace
}  // namespace headgate::providers
