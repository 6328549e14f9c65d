#include "app/overload_watch.h"

#include <array>
#include <future>
#include <thread>

#include <gtest/gtest.h>

namespace headgate::app {
namespace {

using namespace std::chrono_literals;
using Level = OverloadWatch::Level;
using model::Priority;

config::OverloadSettings never() {
  config::OverloadSettings settings;
  settings.low_lag = settings.normal_lag = 0ms;
  settings.low_memory = settings.normal_memory = 0;
  settings.hold = 0ms;
  return settings;
}

/// A watch over one loop that runs, and the levels it came to.
struct OverloadWatchTest : ::testing::Test {
  ~OverloadWatchTest() override {
    loop.stop();
    thread.join();
  }
  /// Waits until the level has changed `count` times.
  Level level_after(std::size_t count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return levels.size() >= count; });
    return levels[count - 1];
  }
  void start(OverloadWatch& watch) {
    watch.start([this](Level level) {
      const std::lock_guard lock(mutex);
      levels.push_back(level);
      changed.notify_all();
    });
  }

  SystemClock clock;
  EventLoop loop;
  std::array<EventLoop*, 1> loops{&loop};
  std::thread thread{[this] { loop.run(); }};
  std::mutex mutex;  // guards the next field
  std::vector<Level> levels;
  std::condition_variable changed;
};

TEST_F(OverloadWatchTest, RefusesLowWhileALoopIsStuckAndLetsItInAgain) {
  config::OverloadSettings settings = never();
  settings.low_lag = 50ms;
  OverloadWatch watch(loops, clock, settings);
  std::promise<void> release;
  loop.post([&release] { release.get_future().wait(); });
  start(watch);
  EXPECT_EQ(level_after(1), Level::Low);
  const auto refused = watch.refuse(Priority::Low);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->kind, ErrorKind::Overloaded);
  EXPECT_EQ(refused->code, "overloaded");
  EXPECT_TRUE(refused->retry_after);
  EXPECT_FALSE(watch.refuse(Priority::Normal));
  EXPECT_FALSE(watch.refuse(Priority::High));
  EXPECT_FALSE(watch.memory_is_short());
  release.set_value();
  EXPECT_EQ(level_after(2), Level::None);
}

TEST_F(OverloadWatchTest, RefusesNormalWhenMemoryIsShortUntilThereIsMore) {
  config::OverloadSettings settings = never();
  settings.memory = 1 << 20;
  settings.low_memory = settings.normal_memory = 0.5;
  OverloadWatch watch(loops, clock, settings);
  start(watch);
  EXPECT_EQ(level_after(1), Level::Normal);
  EXPECT_TRUE(watch.memory_is_short());
  EXPECT_TRUE(watch.refuse(Priority::Normal));
  EXPECT_TRUE(watch.refuse(Priority::Batch));
  EXPECT_FALSE(watch.refuse(Priority::High));
  settings.memory = std::uint64_t{1} << 50U;
  watch.set(settings);
  EXPECT_EQ(level_after(2), Level::Low);
  EXPECT_EQ(level_after(3), Level::None);
}

}  // namespace
}  // namespace headgate::app
