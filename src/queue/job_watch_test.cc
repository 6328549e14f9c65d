#include "queue/job_watch.h"

#include <chrono>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

#include "base/event_loop.h"

namespace headgate::queue {
namespace {

using namespace std::chrono_literals;

SteadyTime in(std::chrono::milliseconds wait) { return std::chrono::steady_clock::now() + wait; }

TEST(JobWatch, WakesAllWhoWatchTheJob) {
  EventLoop loop;
  JobWatch watch;
  loop.run_until_done([](JobWatch& on) -> Task<void> {
    const auto first = on.watch(7);
    const auto second = on.watch(7);
    on.notify(7);
    const bool woken = co_await first->wait_until(in(20s));
    EXPECT_TRUE(woken);
    const bool too = co_await second->wait_until(in(20s));
    EXPECT_TRUE(too);
    const bool again = co_await first->wait_until(in(1ms));
    EXPECT_FALSE(again) << "nothing happened since";
  }(watch));
}

TEST(JobWatch, LeavesWatchersOfOtherJobsAlone) {
  EventLoop loop;
  JobWatch watch;
  loop.run_until_done([](JobWatch& on) -> Task<void> {
    const auto watcher = on.watch(7);
    on.notify(7 + 16);  // in the same shard
    on.notify(8);
    const bool woken = co_await watcher->wait_until(in(1ms));
    EXPECT_FALSE(woken);
  }(watch));
}

TEST(JobWatch, ForgetsWhoHasLeft) {
  EventLoop loop;
  JobWatch watch;
  loop.run_until_done([](JobWatch& on) -> Task<void> {
    auto gone = on.watch(7);
    const auto stays = on.watch(7);
    on.notify(7);  // a message to a watcher that dies before it arrives
    gone.reset();
    on.notify(7);
    const bool woken = co_await stays->wait_until(in(20s));
    EXPECT_TRUE(woken);
  }(watch));
}

TEST(JobWatch, WakesFromAnyThread) {
  EventLoop loop;
  JobWatch watch;
  loop.run_until_done([](JobWatch& on) -> Task<void> {
    const auto watcher = on.watch(7);
    std::jthread other([&on] { on.notify(7); });
    const bool woken = co_await watcher->wait_until(in(20s));
    EXPECT_TRUE(woken);
  }(watch));
}

TEST(JobWatch, AWaitCanBeEnded) {
  EventLoop loop;
  JobWatch watch;
  loop.run_until_done([](JobWatch& on) -> Task<void> {
    const auto watcher = on.watch(7);
    watcher->wake();
    const bool woken = co_await watcher->wait_until(in(20s));
    EXPECT_TRUE(woken);
  }(watch));
}

struct JobWatchTest : ::testing::Test {
  Task<void> wait(model::JobSeq seq, std::optional<bool>& woken) {
    const auto watcher = watch.watch(seq);
    woken = co_await watcher->wait_until(SteadyTime::max());
  }

  JobWatch watch;
  EventLoop loop;
};

TEST_F(JobWatchTest, WakesEverybodyWhenTheGatewayStops) {
  std::optional<bool> first;
  std::optional<bool> second;
  EXPECT_FALSE(watch.closed());
  loop.spawn(wait(1, first));
  loop.post([this] { watch.close(); });
  loop.run_until_done(wait(2, second));
  loop.post([this] { loop.stop(); });
  loop.run();
  EXPECT_EQ(first, true);
  EXPECT_EQ(second, true);
  EXPECT_TRUE(watch.closed());
}

}  // namespace
}  // namespace headgate::queue
