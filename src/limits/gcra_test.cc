#include "limits/gcra.h"

#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace headgate::limits {
namespace {

using namespace std::chrono_literals;

constexpr SteadyTime kStart{1000s};

TEST(Gcra, LetsABurstThroughAndThenTheRate) {
  GcraCell cell(GcraRate::of(60, 1min, 3));
  EXPECT_EQ(cell.take(kStart).remaining, 2U);
  EXPECT_EQ(cell.take(kStart).remaining, 1U);
  EXPECT_EQ(cell.take(kStart).remaining, 0U);

  const GcraVerdict refused = cell.take(kStart + 400ms);

  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.retry_after, 600ms);
  EXPECT_EQ(refused.reset_after, 2600ms);
  EXPECT_FALSE(cell.take(kStart + 1s - 1ns).allowed);
  EXPECT_TRUE(cell.take(kStart + 1s).allowed);
  EXPECT_FALSE(cell.take(kStart + 1s).allowed);
}

TEST(Gcra, ForgivesNoMoreThanTheBurstAfterALongPause) {
  GcraCell cell(GcraRate::of(10, 1min, 0));
  int passed = 0;
  for (const SteadyTime now : {kStart, kStart + 24h}) {
    for (int i = 0; i < 20; ++i) {
      passed += cell.take(now).allowed ? 1 : 0;
    }
  }
  EXPECT_EQ(passed, 20);
}

TEST(Gcra, ExactlyTheAllowedNumberPassesHoweverManyThreadsAsk) {
  GcraCell cell(GcraRate::of(1000, 1h, 700));
  std::atomic<int> passed{0};
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        passed += cell.take(kStart).allowed ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(passed, 700);
}

TEST(Gcra, NeverLetsMoreThanBurstPlusRateThroughAnyWindow) {
  std::mt19937_64 random(20260115);
  for (int round = 0; round < 20; ++round) {
    const std::uint64_t count = 1 + random() % 50;
    const std::uint64_t burst = 1 + random() % 50;
    GcraCell cell(GcraRate::of(count, 10s, burst));
    std::vector<SteadyTime> passed;
    SteadyTime now = kStart;
    for (int i = 0; i < 2000; ++i) {
      now += std::chrono::milliseconds(random() % 300);
      if (cell.take(now).allowed) {
        passed.push_back(now);
      }
    }
    for (std::size_t first = 0, last = 0; last < passed.size(); ++last) {
      while (passed[last] - passed[first] >= 10s) {
        ++first;
      }
      ASSERT_LE(last - first + 1, count + burst) << "seed round " << round;
    }
  }
}

TEST(Gcra, AStateLeftByASlowerRateIsUsedUpAndNoMore) {
  const std::int64_t state = std::chrono::nanoseconds((kStart + 1h).time_since_epoch()).count();
  const GcraVerdict verdict = gcra_decide(GcraRate::of(60, 1min, 10), state, kStart);
  EXPECT_FALSE(verdict.allowed);
  EXPECT_EQ(verdict.retry_after, 1s);
}

TEST(Gcra, SurvivesAbsurdRates) {
  GcraCell huge(GcraRate::of(UINT64_MAX / 2, 1ms, UINT64_MAX));
  EXPECT_TRUE(huge.take(kStart).allowed);
  GcraCell slow(GcraRate::of(1, 8760h, UINT64_MAX));
  EXPECT_TRUE(slow.take(kStart).allowed);
}

}  // namespace
}  // namespace headgate::limits
