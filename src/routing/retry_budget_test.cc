#include "routing/retry_budget.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace headgate::routing {
namespace {

using namespace std::chrono_literals;
constexpr SteadyTime kStart = SteadyTime(1000h);

int take_all(RetryBudget& budget, double ratio, double per_second, SteadyTime now) {
  int taken = 0;
  while (taken < 1'000'000 && budget.take(ratio, per_second, now)) {
    ++taken;
  }
  return taken;
}

TEST(RetryBudget, AllowsAShareOfTheRequestsAndAFewBesides) {
  RetryBudget budget;
  for (int i = 0; i < 1000; ++i) {
    budget.request(kStart);
  }
  EXPECT_EQ(take_all(budget, 0.2, 10, kStart), 300);
  EXPECT_EQ(budget.counts(kStart).refused, 1U);
}

TEST(RetryBudget, ForgetsAfterTenSeconds) {
  RetryBudget budget;
  for (int i = 0; i < 1000; ++i) {
    budget.request(kStart);
  }
  EXPECT_EQ(take_all(budget, 0.2, 0, kStart + 9s), 200);
  EXPECT_EQ(take_all(budget, 0.2, 1, kStart + 10s), 0) << "200 retries count, the requests no more";
  EXPECT_EQ(take_all(budget, 0.2, 1, kStart + 19s), 10);
}

TEST(RetryBudget, NoneIsNone) {
  RetryBudget budget;
  budget.request(kStart);
  EXPECT_FALSE(budget.take(0, 0, kStart));
}

TEST(RetryBudget, IsExactUnderThreads) {
  RetryBudget budget;
  std::atomic<int> taken{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 1000; ++i) {
          budget.request(kStart);
        }
        for (int i = 0; i < 1000; ++i) {
          taken += budget.take(0.2, 0, kStart) ? 1 : 0;
        }
      });
    }
  }
  EXPECT_LE(taken, 800);
  EXPECT_EQ(taken + take_all(budget, 0.2, 0, kStart), 800);
}

}  // namespace
}  // namespace headgate::routing
