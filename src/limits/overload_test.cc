#include "limits/overload.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

namespace headgate::limits {
namespace {

using namespace std::chrono_literals;
using model::Priority;
using Level = Overload::Level;

config::OverloadSettings settings() {
  config::OverloadSettings at;
  at.low_lag = 200ms;
  at.normal_lag = 800ms;
  at.low_memory = 0.8;
  at.normal_memory = 0.9;
  at.hold = 3s;
  return at;
}

/// An Overload that is told of both figures ten times a second, in simulated time.
struct OverloadTest : ::testing::Test {
  Overload overload{settings()};
  SteadyTime now{1000s};

  void run(std::chrono::milliseconds time, std::chrono::milliseconds lag, double memory = 0.1) {
    for (const SteadyTime end = now + time; now < end;) {
      now += 100ms;
      overload.measure_lag(lag, now);
      overload.measure_memory(memory, now);
    }
  }
};

TEST_F(OverloadTest, NobodyIsRefusedWhileAllIsWell) {
  run(10s, 150ms, 0.79);
  EXPECT_EQ(overload.level(), Level::None);
}

TEST_F(OverloadTest, AStandingLagShedsLowFirstThenNormal) {
  run(300ms, 250ms);
  EXPECT_EQ(overload.level(), Level::Low);
  EXPECT_EQ(overload.reason(), Overload::Reason::Lag);
  run(300ms, 900ms);
  EXPECT_EQ(overload.level(), Level::Normal);
}

TEST_F(OverloadTest, AHiccupOfTheLoopTurnsNobodyAway) {
  for (int i = 0; i < 20; ++i) {
    run(200ms, 5s);
    run(100ms, 1ms);
    EXPECT_EQ(overload.level(), Level::None);
  }
}

TEST_F(OverloadTest, MemoryCountsAtOnce) {
  run(100ms, 0ms, 0.95);
  EXPECT_EQ(overload.level(), Level::Normal);
  EXPECT_EQ(overload.reason(), Overload::Reason::Memory);
}

TEST_F(OverloadTest, ItRecoversStepByStepAfterTheHold) {
  run(300ms, 900ms);
  run(3s, 10ms);
  EXPECT_EQ(overload.level(), Level::Normal) << "calm for a moment less than three seconds";
  run(100ms, 10ms);
  EXPECT_EQ(overload.level(), Level::Low);
  run(2900ms, 10ms);
  EXPECT_EQ(overload.level(), Level::Low);
  run(100ms, 10ms);
  EXPECT_EQ(overload.level(), Level::None);
}

TEST_F(OverloadTest, AFigureCloseBelowItsThresholdKeepsTheLevel) {
  run(100ms, 0ms, 0.81);
  ASSERT_EQ(overload.level(), Level::Low);
  run(60s, 0ms, 0.79);
  EXPECT_EQ(overload.level(), Level::Low);
  run(3100ms, 0ms, 0.75);
  EXPECT_EQ(overload.level(), Level::None);
}

TEST_F(OverloadTest, FallingFromNormalStopsAtLowWhileThatIsStillReached) {
  run(300ms, 900ms);
  run(20s, 250ms);
  EXPECT_EQ(overload.level(), Level::Low);
}

TEST_F(OverloadTest, AnyRoughMomentStartsTheHoldAnew) {
  run(300ms, 250ms);
  for (int i = 0; i < 10; ++i) {
    run(2900ms, 10ms);
    run(100ms, 150ms);
    ASSERT_EQ(overload.level(), Level::Low);
  }
}

TEST_F(OverloadTest, AThresholdOfZeroIsNone) {
  config::OverloadSettings none;
  none.low_lag = none.normal_lag = 0ms;
  none.low_memory = none.normal_memory = 0;
  overload.set(none);
  run(5s, 60s, 5);
  EXPECT_EQ(overload.level(), Level::None);
}

TEST_F(OverloadTest, ALevelWhoseThresholdIsTakenAwayEnds) {
  run(300ms, 900ms, 0.95);
  ASSERT_EQ(overload.level(), Level::Normal);
  config::OverloadSettings none = settings();
  none.low_lag = none.normal_lag = 0ms;
  none.low_memory = none.normal_memory = 0;
  overload.set(none);
  run(7s, 900ms, 0.95);
  EXPECT_EQ(overload.level(), Level::None);
}

TEST_F(OverloadTest, HighIsNeverRefused) {
  for (const Level level : {Level::None, Level::Low, Level::Normal}) {
    EXPECT_FALSE(sheds(level, Priority::High));
    EXPECT_EQ(sheds(level, Priority::Normal), level == Level::Normal);
    EXPECT_EQ(sheds(level, Priority::Low), level != Level::None);
    EXPECT_EQ(sheds(level, Priority::Batch), level != Level::None);
  }
}

TEST_F(OverloadTest, ItDoesNotFlapWhateverIsMeasured) {
  std::mt19937 random(20260115);
  std::uniform_int_distribution<int> lag(0, 1500);
  std::uniform_real_distribution<double> memory(0.5, 1.0);
  Level before = Level::None;
  std::optional<SteadyTime> rose;
  for (int i = 0; i < 1'000'000; ++i) {
    now += 100ms;
    overload.measure_lag(std::chrono::milliseconds(i % 1000 < 500 ? lag(random) : 0), now);
    overload.measure_memory(i % 3000 < 1500 ? memory(random) : 0.1, now);
    const Level level = overload.level();
    if (level < before) {
      ASSERT_TRUE(rose);
      ASSERT_GE(now - *rose, 3s) << "a level lasts for the hold at least";
      ASSERT_EQ(static_cast<int>(before) - static_cast<int>(level), 1);
    }
    if (level != before) {
      rose = now;
    }
    before = level;
  }
}

}  // namespace
}  // namespace headgate::limits
