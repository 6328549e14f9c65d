#include "base/event_loop.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "base/blocking_pool.h"
#include "base/cancel.h"
#include "base/signal.h"
#include "base/task_group.h"

namespace headgate {
namespace {

using namespace std::chrono_literals;

TEST(EventLoop, RunsWhatOtherThreadsPost) {
  EventLoop loop;
  int count = 0;
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) {
      loop.post([&] { ++count; });
    }
    loop.stop();
  });
  loop.run();
  other.join();
  EXPECT_EQ(count, 1000);
}

Task<int> add_on_pool(BlockingPool& pool, int a, int b) {
  auto sum = co_await pool.run([=] { return a + b; });
  co_return sum.value();
}

TEST(BlockingPool, ResumesTheCoroutineWithTheValue) {
  EventLoop loop;
  BlockingPool pool("test", 2, 8);
  EXPECT_EQ(run_on(loop, add_on_pool(pool, 2, 3)), 5);
}

Task<Result<int>> throw_on_pool(BlockingPool& pool) {
  co_return co_await pool.run([]() -> int { throw std::runtime_error("disk on fire"); });
}

TEST(BlockingPool, TurnsAnExceptionIntoInternal) {
  EventLoop loop;
  BlockingPool pool("test", 1, 8);
  const auto result = run_on(loop, throw_on_pool(pool));
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, ErrorKind::Internal);
  EXPECT_NE(result.error().detail.find("disk on fire"), std::string::npos);
}

TEST(BlockingPool, RefusesWhenTheLineIsFull) {
  std::atomic<bool> release{false};
  std::atomic<bool> started{false};
  BlockingPool pool("test", 1, 1);
  ASSERT_TRUE(pool.post([&] {
    started = true;
    while (!release) {
      std::this_thread::yield();
    }
  }));
  while (!started) {
    std::this_thread::yield();
  }
  EXPECT_TRUE(pool.post([] {}));
  EXPECT_FALSE(pool.post([] {}));
  release = true;
}

Task<bool> wait_briefly(Signal& signal, std::chrono::milliseconds limit) {
  co_return co_await signal.wait_until(std::chrono::steady_clock::now() + limit);
}

TEST(Signal, TimesOutAndRemembersAnEarlyNotify) {
  EventLoop loop;
  Signal signal;
  EXPECT_FALSE(run_on(loop, wait_briefly(signal, 20ms)));
  signal.notify();
  EXPECT_TRUE(run_on(loop, wait_briefly(signal, 20ms)));
  EXPECT_FALSE(run_on(loop, wait_briefly(signal, 20ms)));
}

Task<void> count_after(int& count, std::chrono::milliseconds delay) {
  co_await sleep_for(delay);
  ++count;
}

Task<bool> run_group(int& count, std::chrono::milliseconds delay, std::chrono::milliseconds limit) {
  TaskGroup group;
  group.spawn(count_after(count, delay));
  group.spawn(count_after(count, delay));
  const bool all = co_await group.close(std::chrono::steady_clock::now() + limit);
  if (!all) {
    co_await group.close(std::chrono::steady_clock::now() + 10s);
  }
  co_return all;
}

TEST(TaskGroup, CloseWaitsForEverythingItStarted) {
  EventLoop loop;
  int count = 0;
  EXPECT_TRUE(run_on(loop, run_group(count, 20ms, 5s)));
  EXPECT_EQ(count, 2);
  EXPECT_FALSE(run_on(loop, run_group(count, 300ms, 20ms)));
  EXPECT_EQ(count, 4);
}

TEST(CancelSource, RunsEachHookOnceAndLateOnesAtOnce) {
  CancelSource source;
  int count = 0;
  OnCancel first(source, [&] { ++count; });
  {
    const OnCancel gone(source, [&] { count += 100; });
  }
  source.cancel();
  source.cancel();
  EXPECT_EQ(count, 1);
  const OnCancel late(source, [&] { count += 10; });
  EXPECT_EQ(count, 11);
}

}  // namespace
}  // namespace headgate
