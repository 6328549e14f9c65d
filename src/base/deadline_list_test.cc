#include "base/deadline_list.h"

#include <functional>
#include <utility>

#include <gtest/gtest.h>

namespace headgate {
namespace {

using namespace std::chrono_literals;

class Probe final : public Deadline {
 public:
  explicit Probe(std::function<void()> action = {}) : action_(std::move(action)) {}
  void on_deadline() override {
    ++fired;
    if (action_) {
      action_();
    }
  }
  int fired = 0;

 private:
  std::function<void()> action_;
};

TEST(DeadlineList, FiresOnceAndNeverEarly) {
  const SteadyTime start{};
  DeadlineList list(start);
  Probe probe;
  list.arm(probe, start + 100ms);

  list.advance(start + 99ms);
  EXPECT_EQ(probe.fired, 0);
  list.advance(start + 100ms + DeadlineList::kTick);
  EXPECT_EQ(probe.fired, 1);
  list.advance(start + 10s);
  EXPECT_EQ(probe.fired, 1);
  EXPECT_TRUE(list.empty());
}

TEST(DeadlineList, KeepsDeadlinesOfLaterTurnsOfTheWheel) {
  const SteadyTime start{};
  DeadlineList list(start);
  Probe probe;
  list.arm(probe, start + 1h);
  for (auto at = start; at < start + 1h; at += 1s) {
    list.advance(at);
  }
  EXPECT_EQ(probe.fired, 0);
  list.advance(start + 1h + DeadlineList::kTick);
  EXPECT_EQ(probe.fired, 1);
}

TEST(DeadlineList, FiresEverythingAfterALongPause) {
  const SteadyTime start{};
  DeadlineList list(start);
  std::array<Probe, 40> probes;
  for (std::size_t i = 0; i < probes.size(); ++i) {
    list.arm(probes[i], start + 1s * static_cast<int>(i));
  }
  list.advance(start + 24h);
  for (const Probe& probe : probes) {
    EXPECT_EQ(probe.fired, 1);
  }
}

TEST(DeadlineList, ACallbackMayDisarmOthersDueInTheSameTick) {
  const SteadyTime start{};
  DeadlineList list(start);
  Probe second;
  Probe first([&] { second.disarm(); });
  list.arm(second, start + 50ms);
  list.arm(first, start + 50ms);
  list.advance(start + 1s);
  EXPECT_EQ(first.fired + second.fired, second.fired == 0 ? 1 : 2);
  EXPECT_TRUE(list.empty());
}

TEST(DeadlineList, ArmingAgainMovesTheDeadline) {
  const SteadyTime start{};
  DeadlineList list(start);
  Probe probe;
  list.arm(probe, start + 50ms);
  list.arm(probe, start + 500ms);
  list.advance(start + 400ms);
  EXPECT_EQ(probe.fired, 0);
  list.advance(start + 600ms);
  EXPECT_EQ(probe.fired, 1);
}

}  // namespace
}  // namespace headgate
