#include "limits/budgets.h"

#include <atomic>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/fake_clock.h"

namespace headgate::limits {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr std::int64_t kUsd = 1'000'000;

class BudgetsTest : public ::testing::Test {
 protected:
  static model::Principal principal(std::string id, std::string tier = "open") {
    model::Principal made;
    made.id = std::move(id);
    made.tier = std::move(tier);
    return made;
  }
  static model::Principal with_budgets(std::optional<std::int64_t> day,
                                       std::optional<std::int64_t> month) {
    model::Principal made = principal("key:a");
    made.budget_day = day;
    made.budget_month = month;
    return made;
  }
  Reservation take(const model::Principal& who, Estimate estimate) {
    auto reservation = budgets_.reserve(who, estimate);
    EXPECT_TRUE(reservation) << reservation.error().message;
    return reservation ? std::move(*reservation) : Reservation();
  }
  std::int64_t spent_today(const std::string& who = "key:a") {
    return budgets_.spent(who).day_micro_usd;
  }
  std::uint64_t tokens_left() {
    return budgets_.token_status(principal("key:a", "tokens")).remaining;
  }

  testing::FakeClock clock_;  // 2026-01-15T17:16:40Z
  Budgets budgets_{{{"open", {}},
                    {"tokens", {.tokens_per_minute = 6000}},
                    {"money", {.budget_day = 2, .budget_month = 10}}},
                   clock_};
};

TEST_F(BudgetsTest, WhatIsReservedCountsUntilItIsSettled) {
  const auto who = with_budgets(kUsd, std::nullopt);
  Reservation first = take(who, {.micro_usd = 600'000});
  EXPECT_FALSE(budgets_.reserve(who, {.micro_usd = 400'001}));
  first.settle(0, 100'000);
  EXPECT_EQ(spent_today(), 100'000);
  Reservation second = take(who, {.micro_usd = 900'000});
  EXPECT_FALSE(budgets_.reserve(who, {.micro_usd = 1}));
  second.settle(0, 950'000);
  EXPECT_EQ(spent_today(), 1'050'000) << "really used, so really owed";
}

TEST_F(BudgetsTest, AReservationIsSettledOnceGivenBackOrKept) {
  const auto who = with_budgets(kUsd, std::nullopt);
  {
    Reservation nothing_called = take(who, {.micro_usd = 500'000});
    EXPECT_EQ(spent_today(), 500'000);
  }
  EXPECT_EQ(spent_today(), 0);
  {
    Reservation cut = take(who, {.micro_usd = 300'000});
    cut.keep();
  }
  EXPECT_EQ(spent_today(), 300'000);
  {
    Reservation settled = take(who, {.micro_usd = 200'000});
    settled.keep();
    settled.settle(0, 50'000);
    settled.settle(0, 70'000);
    Reservation moved = std::move(settled);
  }
  EXPECT_EQ(spent_today(), 350'000);
}

TEST_F(BudgetsTest, ARefusalSaysWhatIsSpentAndWhenItEnds) {
  const auto who = with_budgets(kUsd, std::nullopt);
  Reservation first = take(who, {.micro_usd = 990'000});

  auto refused = budgets_.reserve(who, {.micro_usd = 12'500});

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::BudgetSpent);
  EXPECT_EQ(http_status(refused.error().kind), 402);
  EXPECT_EQ(wire_code(refused.error()), "insufficient_quota");
  EXPECT_FALSE(refused.error().retry_after);
  EXPECT_EQ(refused.error().details_json,
            R"({"limit":"budget_day","budget_usd":1.00,"spent_usd":0.99,"request_usd":0.0125,)"
            R"("resets_at":"2026-01-16T00:00:00Z"})");
  EXPECT_THAT(refused.error().message, HasSubstr("1.00 USD a day"));
}

TEST_F(BudgetsTest, WhatIsFreeIsLetInWhateverWasSpent) {
  const auto who = with_budgets(0, 0);
  EXPECT_TRUE(budgets_.reserve(who, {.tokens = 1'000'000, .micro_usd = 0}));
  EXPECT_FALSE(budgets_.reserve(who, {.micro_usd = 1}));
}

TEST_F(BudgetsTest, DaysAndMonthsBeginInUtc) {
  const auto who = with_budgets(kUsd, 2 * kUsd);
  take(who, {.micro_usd = kUsd}).keep();
  clock_.advance(6h + 43min + 19s);  // 2026-01-15T23:59:59Z
  EXPECT_FALSE(budgets_.reserve(who, {.micro_usd = kUsd}));
  clock_.advance(1s);
  take(who, {.micro_usd = kUsd}).keep();
  clock_.advance(24h);
  auto refused = budgets_.reserve(who, {.micro_usd = 1});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().details_json, HasSubstr(R"("limit":"budget_month")"));
  EXPECT_THAT(refused.error().details_json, HasSubstr("2026-02-01"));
  clock_.advance(15 * 24h);
  EXPECT_TRUE(budgets_.reserve(who, {.micro_usd = kUsd}));
}

TEST_F(BudgetsTest, AReservationCountsForTheDayItWasMadeOn) {
  const auto who = with_budgets(kUsd, 10 * kUsd);
  Reservation late = take(who, {.micro_usd = 800'000});
  const UtcDay made_on = late.day();
  clock_.advance(24h);
  EXPECT_EQ(spent_today(), 0);
  late.settle(0, 300'000);
  EXPECT_EQ(late.day(), made_on);
  EXPECT_EQ(spent_today(), 0);
  EXPECT_EQ(budgets_.spent("key:a").month_micro_usd, 300'000);
  clock_.advance(31 * 24h);
  EXPECT_EQ(budgets_.spent("key:a").month_micro_usd, 0);
}

TEST_F(BudgetsTest, AClockThatGoesBackOpensNoDayAgain) {
  const auto who = with_budgets(kUsd, std::nullopt);
  clock_.advance(24h);
  take(who, {.micro_usd = kUsd}).keep();
  clock_.advance(-24h);
  EXPECT_FALSE(budgets_.reserve(who, {.micro_usd = 1}));
}

TEST_F(BudgetsTest, AKeysOwnBudgetReplacesThatOfItsTier) {
  auto who = principal("key:a", "money");
  EXPECT_TRUE(budgets_.limit_money(who));
  EXPECT_FALSE(budgets_.reserve(who, {.micro_usd = 2 * kUsd + 1}));
  who.budget_day = 5 * kUsd;
  EXPECT_TRUE(budgets_.reserve(who, {.micro_usd = 5 * kUsd}));
  EXPECT_FALSE(budgets_.reserve(who, {.micro_usd = 5 * kUsd + 1}));
  EXPECT_FALSE(budgets_.limit(principal("key:b")));
  EXPECT_FALSE(budgets_.limit_money(principal("key:b", "tokens")));
  EXPECT_TRUE(budgets_.limit(principal("key:b", "tokens")));
}

TEST_F(BudgetsTest, ABudgetGivenLaterCountsWhatWasSpentBefore) {
  const UtcDay today = utc_day(clock_.wall());
  budgets_.load(std::vector<stores::PrincipalSpend>{{"key:a", 100'000, 700'000}}, today);
  budgets_.add_spend("key:a", today, 50'000);
  budgets_.add_spend("key:a", today - 1, 50'000);
  budgets_.add_spend("key:a", today - 15, 9 * kUsd);  // last month
  EXPECT_FALSE(budgets_.reserve(with_budgets(150'000, std::nullopt), {.micro_usd = 1}));
  EXPECT_FALSE(budgets_.reserve(with_budgets(std::nullopt, 800'000), {.micro_usd = 1}));
  EXPECT_TRUE(budgets_.reserve(with_budgets(150'001, 800'001), {.micro_usd = 1}));
}

TEST_F(BudgetsTest, TokensComeBackAtTheirRate) {
  const auto who = principal("key:a", "tokens");  // 100 a second
  EXPECT_EQ(tokens_left(), 6000U);
  take(who, {.tokens = 4500}).keep();
  EXPECT_EQ(tokens_left(), 1500U);
  auto refused = budgets_.reserve(who, {.tokens = 2000});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::RateLimited);
  EXPECT_EQ(refused.error().retry_after, 5s);
  EXPECT_EQ(refused.error().details_json,
            R"({"limit":"tokens_per_minute","value":6000,"requested":2000,"tier":"tokens"})");
  clock_.advance(5s);
  EXPECT_TRUE(budgets_.reserve(who, {.tokens = 2000}));
  clock_.advance(1h);
  EXPECT_EQ(tokens_left(), 6000U) << "no more than a minute's";
}

TEST_F(BudgetsTest, ARequestBeyondAWholeMinuteIsNeverWorthWaitingFor) {
  auto refused = budgets_.reserve(principal("key:a", "tokens"), {.tokens = 6001});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::RateLimited);
  EXPECT_FALSE(refused.error().retry_after);
  EXPECT_THAT(refused.error().message, HasSubstr("max_tokens"));
  EXPECT_FALSE(budgets_.reserve(principal("key:a", "tokens"), {.tokens = INT64_MAX}));
}

TEST_F(BudgetsTest, TokensAreSettledByWhatWasUsed) {
  const auto who = principal("key:a", "tokens");
  Reservation reservation = take(who, {.tokens = 6000});
  reservation.settle(1000, 0);
  EXPECT_EQ(tokens_left(), 5000U);
  Reservation small = take(who, {.tokens = 1000});
  small.settle(5500, 0);
  EXPECT_EQ(tokens_left(), 0U);
  auto refused = budgets_.reserve(who, {.tokens = 100});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().retry_after, 6s) << "500 are owed";
  clock_.advance(6s);
  take(who, {.tokens = 100}).settle(INT64_MAX, INT64_MAX);
  clock_.advance(1h + 1min);
  EXPECT_EQ(tokens_left(), 6000U) << "no debt is longer than an hour";
}

TEST_F(BudgetsTest, SettlingLateGivesNothingBackTwice) {
  const auto who = principal("key:a", "tokens");
  Reservation slow = take(who, {.tokens = 6000});
  clock_.advance(40s);  // 4000 have come back by themselves
  take(who, {.tokens = 4000}).keep();
  EXPECT_EQ(tokens_left(), 0U);
  slow.settle(1000, 0);
  EXPECT_EQ(tokens_left(), 2000U) << "only what was still taken of it";
}

TEST_F(BudgetsTest, ARefusalByOneLimitTakesNothingFromTheOthers) {
  auto who = principal("key:a", "tokens");
  who.budget_day = kUsd;
  EXPECT_FALSE(budgets_.reserve(who, {.tokens = 1000, .micro_usd = 2 * kUsd}));
  EXPECT_EQ(tokens_left(), 6000U);
  EXPECT_FALSE(budgets_.reserve(who, {.tokens = 7000, .micro_usd = 1}));
  EXPECT_EQ(spent_today(), 0);
}

TEST_F(BudgetsTest, ExactlyTheAllowedPassHoweverManyThreadsAsk) {
  const auto who = with_budgets(700, std::nullopt);
  std::atomic<int> passed{0};
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        auto reservation = budgets_.reserve(who, {.micro_usd = 1});
        if (reservation) {
          reservation->keep();
          ++passed;
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(passed, 700);
  EXPECT_EQ(spent_today(), 700);
}

TEST_F(BudgetsTest, SumsStayExactWhileThreadsReserveSettleAndGiveBack) {
  const auto who = with_budgets(1'000, std::nullopt);
  std::atomic<std::int64_t> really{0};
  std::atomic<bool> exceeded{false};
  std::vector<std::thread> threads;
  threads.reserve(6);
  for (unsigned t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(20260115 + t);
      for (int i = 0; i < 400; ++i) {
        const std::int64_t asked = 1 + random() % 100;
        auto reservation = budgets_.reserve(who, {.micro_usd = asked});
        if (spent_today() > 1'000) {
          exceeded = true;
        }
        if (reservation && random() % 2 == 0) {
          const std::int64_t used = static_cast<std::int64_t>(random()) % (asked + 1);
          reservation->settle(0, used);
          really += used;
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_FALSE(exceeded) << "estimates that are kept to never exceed a budget";
  EXPECT_EQ(spent_today(), really);
}

TEST_F(BudgetsTest, NewTiersCountAtOnce) {
  const auto who = principal("key:a", "open");
  EXPECT_TRUE(budgets_.reserve(who, {.micro_usd = 100 * kUsd}));
  budgets_.set_tiers({{"open", {.budget_day = 1}}});
  EXPECT_TRUE(budgets_.limit(who));
  EXPECT_FALSE(budgets_.reserve(who, {.micro_usd = 100 * kUsd}));
  budgets_.set_tiers({});
  EXPECT_FALSE(budgets_.limit(who));
}

}  // namespace
}  // namespace headgate::limits
