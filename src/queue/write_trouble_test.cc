#include "queue/write_trouble.h"

#include <gtest/gtest.h>

namespace headgate::queue {
namespace {

using namespace std::chrono_literals;

const Error kFull = overloaded("The disk is full.", 1s);
const Error kDamaged = internal_error("database disk image is malformed");

TEST(WritePause, GrowsUpToABoundWhileTheTroubleLasts) {
  EXPECT_EQ(write_pause(500ms, 1, kDamaged), 500ms);
  EXPECT_EQ(write_pause(500ms, 2, kDamaged), 1s);
  EXPECT_EQ(write_pause(500ms, 6, kDamaged), 16s);
  EXPECT_EQ(write_pause(500ms, 7, kDamaged), 30s);
  EXPECT_EQ(write_pause(500ms, 1'000'000'000, kDamaged), 30s);
}

TEST(WritePause, StaysShortWhileTheTroubleMayPass) {
  EXPECT_EQ(write_pause(500ms, 1, kFull), 500ms);
  EXPECT_EQ(write_pause(500ms, 1'000'000, kFull), 500ms);
}

TEST(WriteTrouble, IsReportedOnceAMinuteHoweverManyWait) {
  WriteTrouble trouble;
  WriteTrouble::Waiter first(trouble);
  WriteTrouble::Waiter second(trouble);
  const SteadyTime start{1h};
  EXPECT_EQ(first.failed(kDamaged, start), 1U);
  EXPECT_EQ(second.failed(kDamaged, start + 1s), std::nullopt);
  EXPECT_EQ(first.failed(kDamaged, start + 59s), std::nullopt);
  EXPECT_EQ(second.failed(kDamaged, start + 60s), 2U);
  EXPECT_EQ(first.failed(kDamaged, start + 61s), std::nullopt);
  EXPECT_EQ(trouble.failures(), 5U);
}

TEST(WriteTrouble, CountsWhoWaitsUntilItIsOver) {
  WriteTrouble trouble;
  {
    WriteTrouble::Waiter waiter(trouble);
    EXPECT_EQ(trouble.lasting(), 0U) << "nothing has failed";
    EXPECT_EQ(waiter.failed(kFull, SteadyTime{}), std::nullopt);
    EXPECT_EQ(trouble.lasting(), 0U) << "the store's own check tells of that";
    waiter.failed(kDamaged, SteadyTime{});
    waiter.failed(kDamaged, SteadyTime{});
    EXPECT_EQ(trouble.lasting(), 1U);
    waiter.failed(kFull, SteadyTime{});
    EXPECT_EQ(trouble.lasting(), 0U);
    waiter.failed(kDamaged, SteadyTime{});
    EXPECT_EQ(trouble.lasting(), 1U);
  }
  EXPECT_EQ(trouble.lasting(), 0U);
}

}  // namespace
}  // namespace headgate::queue
