#include "queue/wait_times.h"

#include <gtest/gtest.h>

namespace headgate::queue {
namespace {

using namespace std::chrono_literals;

TEST(WaitTimes, OfNobodyAreZero) {
  const WaitTimes times;
  EXPECT_EQ(times.count(), 0U);
  EXPECT_EQ(times.mean_seconds(), 0);
  EXPECT_EQ(times.quantile_seconds(0.95), 0);
}

TEST(WaitTimes, TellTheMeanAndTheBucketOfAQuantile) {
  WaitTimes times;
  for (int i = 0; i < 90; ++i) {
    times.add(0ns);
  }
  for (int i = 0; i < 10; ++i) {
    times.add(20s);
  }
  EXPECT_EQ(times.count(), 100U);
  EXPECT_DOUBLE_EQ(times.mean_seconds(), 2);
  EXPECT_LE(times.quantile_seconds(0.9), 0.001);
  EXPECT_DOUBLE_EQ(times.quantile_seconds(0.95), 20) << "half way through the bucket of 10 to 30";
  EXPECT_DOUBLE_EQ(times.quantile_seconds(1), 30);
}

TEST(WaitTimes, ABoundBelongsToItsBucketAndWhatIsBeyondAllToTheLast) {
  WaitTimes times;
  times.add(1ms);
  times.add(24h);
  times.add(-1s);
  EXPECT_EQ(times.counts().front(), 2U);
  EXPECT_EQ(times.counts().back(), 1U);
  EXPECT_EQ(times.quantile_seconds(1), WaitTimes::kBounds.back());
}

TEST(WaitTimes, AddUp) {
  WaitTimes some;
  WaitTimes more;
  some.add(2s);
  more.add(4s);
  some += more;
  EXPECT_EQ(some.count(), 2U);
  EXPECT_DOUBLE_EQ(some.sum_seconds(), 6);
}

}  // namespace
}  // namespace headgate::queue
