#include "routing/key_pool.h"

#include <thread>

#include <gtest/gtest.h>

#include "routing/health.h"

namespace headgate::routing {
namespace {

using namespace std::chrono_literals;
constexpr SteadyTime kStart = SteadyTime(1000h);

std::shared_ptr<KeyPool> pool_of(Health& health, std::vector<std::string> keys,
                                 std::uint64_t per_minute) {
  return health.keys("p", keys, per_minute);
}

TEST(KeyPool, KeysTakeTurns) {
  Health health;
  const auto pool = pool_of(health, {"k1", "k2", "k3"}, 0);
  std::vector<int> uses(3);
  for (int i = 0; i < 300; ++i) {
    ++uses[*pool->take(kStart)];
  }
  EXPECT_EQ(uses, (std::vector{100, 100, 100}));
}

TEST(KeyPool, AKeyThatIsLimitedRestsAlone) {
  Health health;
  const auto pool = pool_of(health, {"k1", "k2"}, 0);
  pool->at(0).rate_limited(20s, kStart);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(pool->take(kStart + 19s), 1U);
  }
  pool->at(1).rate_limited(40s, kStart);
  EXPECT_FALSE(pool->take(kStart + 19s));
  const KeyPool::Look look = pool->look(kStart + 19s);
  EXPECT_EQ(look.load, KeyPool::Load::Full);
  EXPECT_TRUE(look.limited);
  EXPECT_FALSE(look.refused);
  EXPECT_EQ(look.free_at, kStart + 20s);
  EXPECT_EQ(pool->take(kStart + 20s), 0U);
}

TEST(KeyPool, WithoutATimeARestDoublesWithEachInARow) {
  KeyState key;
  key.rate_limited({}, kStart);
  key.rate_limited({}, kStart);  // was under way already
  EXPECT_EQ(key.rests_until(), kStart + 1s);
  key.rate_limited({}, kStart + 1s);
  EXPECT_EQ(key.rests_until(), kStart + 3s);
  key.accepted();
  key.rate_limited({}, kStart + 3s);
  EXPECT_EQ(key.rests_until(), kStart + 4s);
}

TEST(KeyPool, ALongerRestIsNotCutShort) {
  KeyState key;
  key.rate_limited(1h, kStart);
  key.rate_limited(1s, kStart);
  EXPECT_EQ(key.rests_until(), kStart + 1h);
}

TEST(KeyPool, ARefusedKeyRestsForSecondsAndThenForMinutes) {
  KeyState key;
  key.refused(kStart);
  key.refused(kStart + 1s);  // was under way already
  EXPECT_EQ(key.rests_until(), kStart + 5s);
  EXPECT_TRUE(key.is_refused());
  key.refused(kStart + 5s);
  EXPECT_EQ(key.rests_until(), kStart + 15s);
  SteadyTime now = kStart + 15s;
  for (int i = 0; i < 20; ++i) {
    key.refused(now);
    EXPECT_LE(key.rests_until() - now, 5min);
    now = key.rests_until();
  }
  EXPECT_EQ(key.rests_until(), now);
  key.wake();
  EXPECT_FALSE(key.rests(now));
}

TEST(KeyPool, NeverPassesTheDeclaredRateInAnyMinute) {
  KeyState key;
  std::vector<SteadyTime> taken;
  for (SteadyTime now = kStart; now < kStart + 10min; now += 170ms) {
    if (key.take(60, now)) {
      taken.push_back(now);
    }
  }
  ASSERT_GT(taken.size(), 550U);
  for (std::size_t i = 60; i < taken.size(); ++i) {
    EXPECT_GT(taken[i] - taken[i - 60], 60s);
  }
}

TEST(KeyPool, IsBusyFrom80PercentAndFullAt100) {
  Health health;
  const auto pool = pool_of(health, {"k1"}, 10);
  const auto take = [&](int times) {
    for (int i = 0; i < times; ++i) {
      EXPECT_TRUE(pool->take(kStart));
    }
  };
  take(7);
  EXPECT_EQ(pool->look(kStart).load, KeyPool::Load::Free);
  take(1);
  EXPECT_EQ(pool->look(kStart).load, KeyPool::Load::Busy);
  take(2);
  const KeyPool::Look look = pool->look(kStart);
  EXPECT_EQ(look.load, KeyPool::Load::Full);
  EXPECT_FALSE(look.limited || look.refused);
  EXPECT_FALSE(pool->take(kStart + 60s));
  EXPECT_EQ(look.free_at, kStart + 61s);
  EXPECT_TRUE(pool->take(look.free_at));
}

TEST(KeyPool, ARateOfOneAMinuteIsOne) {
  Health health;
  const auto pool = pool_of(health, {"k1", "k2"}, 1);
  EXPECT_TRUE(pool->take(kStart));
  EXPECT_TRUE(pool->take(kStart));
  EXPECT_FALSE(pool->take(kStart));
}

TEST(KeyPool, PrefersKeysWithRoomLeft) {
  Health health;
  const auto pool = pool_of(health, {"k1", "k2"}, 10);
  for (int i = 0; i < 9; ++i) {
    ASSERT_TRUE(pool->at(0).take(10, kStart));
  }
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(pool->take(kStart), 1U);
  }
  EXPECT_EQ(pool->look(kStart).load, KeyPool::Load::Busy);
  int more = 0;
  while (pool->take(kStart)) {
    ++more;
  }
  EXPECT_EQ(more, 3);
}

TEST(KeyPool, KnowsWhetherAnotherKeyIsReady) {
  Health health;
  const auto pool = pool_of(health, {"k1", "k2"}, 0);
  EXPECT_TRUE(pool->has_other(0, kStart));
  pool->at(1).refused(kStart);
  EXPECT_FALSE(pool->has_other(0, kStart));
  EXPECT_TRUE(pool->has_other(1, kStart));
}

TEST(KeyPool, RestsOutliveAReloadAndFollowTheKey) {
  Health health;
  auto before = pool_of(health, {"k1", "k2"}, 0);
  before->at(1).rate_limited(1h, kStart);
  const auto after = pool_of(health, {"k2", "k3"}, 5);
  before.reset();
  EXPECT_TRUE(after->at(0).rests(kStart));
  EXPECT_FALSE(after->at(1).rests(kStart));
}

TEST(KeyPool, TheRateIsExactUnderThreads) {
  Health health;
  const auto pool = pool_of(health, {"k1", "k2"}, 500);
  std::atomic<int> taken{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 1000; ++i) {
          taken += pool->take(kStart) ? 1 : 0;
        }
      });
    }
  }
  EXPECT_EQ(taken, 1000);
}

}  // namespace
}  // namespace headgate::routing
