#include "app/loop_lag.h"

#include <array>

#include <gtest/gtest.h>

#include "testing/fake_clock.h"

namespace headgate::app {
namespace {

using namespace std::chrono_literals;

struct LoopLagTest : ::testing::Test {
  testing::FakeClock clock;
  EventLoop first{0};
  EventLoop second{1};
  std::array<EventLoop*, 2> loops{&first, &second};
  LoopLag lag{loops, clock};

  /// Lets a loop take what was posted to it.
  static void turn(EventLoop& loop) {
    loop.stop();
    loop.run();
  }
};

TEST_F(LoopLagTest, IsHowLongAMessageWaitedForItsLoop) {
  EXPECT_EQ(lag.measure(), 0ms) << "nothing was sent before";
  clock.advance(3ms);
  turn(first);
  clock.advance(4ms);
  turn(second);
  clock.advance(93ms);
  EXPECT_EQ(lag.measure(), 7ms);
  EXPECT_EQ(lag.last(0), 3ms);
  EXPECT_EQ(lag.last(1), 7ms);
}

TEST_F(LoopLagTest, OfAStuckLoopGrowsUntilItMovesAgain) {
  lag.measure();
  turn(first);
  clock.advance(100ms);
  EXPECT_EQ(lag.measure(), 100ms);
  turn(first);
  clock.advance(100ms);
  EXPECT_EQ(lag.measure(), 200ms);
  clock.advance(20ms);
  turn(first);
  turn(second);
  clock.advance(80ms);
  EXPECT_EQ(lag.measure(), 220ms) << "it answered after 220 ms";
  turn(first);
  turn(second);
  EXPECT_EQ(lag.measure(), 0ms);
}

}  // namespace
}  // namespace headgate::app
