#include "limits/usage_ledger.h"

#include <gtest/gtest.h>

#include "base/event_loop.h"
#include "testing/fake_clock.h"
#include "testing/memory_usage.h"

namespace headgate::limits {
namespace {

class UsageLedgerTest : public ::testing::Test {
 protected:
  UsageLedgerTest() {
    config::Settings settings;
    auto& model = settings.models.emplace_back();
    model.name = "m";
    auto& target = model.targets.emplace_back();
    target.provider = "p";
    target.price_input = 1;
    target.price_output = 2;
    ledger_.set_prices(PriceList(settings));
    who_.id = "key:a";
    who_.budget_day = 1'000'000;
  }
  Charge charge(const std::string& id, std::int64_t micro_usd) {
    Charge made{.reservation = budgets_.reserve(who_, {.micro_usd = micro_usd}).value(),
                .written = {.id = id, .estimate = record(micro_usd)}};
    EXPECT_TRUE(run_on(loop_, ledger_.open(made)));
    return made;
  }
  stores::UsageRecord record(std::int64_t micro_usd) const {
    return {.day = utc_day(clock_.wall()),
            .principal = "key:a",
            .model = "m",
            .requests = 1,
            .input_tokens = 1,
            .output_tokens = 2,
            .micro_usd = micro_usd};
  }
  void settle(Charge charge, std::int64_t micro_usd) {
    loop_.run_until_done(ledger_.settle(std::move(charge), {1, 2}, record(micro_usd)));
  }
  /// Counts requests as a loop does.
  void count(const std::string& principal, int times, const std::string& model = "m") {
    loop_.run_until_done(
        [](UsageLedger& ledger, std::string who, int n, std::string what) -> Task<void> {
          for (int i = 0; i < n; ++i) {
            ledger.count({.principal = who,
                          .model = what,
                          .provider = "p",
                          .target = what,
                          .tokens = {.input = 100, .output = 10}});
          }
          co_return;
        }(ledger_, principal, times, model));
  }
  Result<void> flush() { return run_on(loop_, ledger_.flush()); }
  std::int64_t spent() { return budgets_.spent("key:a").day_micro_usd; }

  EventLoop loop_;
  testing::FakeClock clock_;
  testing::MemoryUsage store_;
  Budgets budgets_{{}, clock_};
  UsageLedger ledger_{store_, budgets_, clock_, 1};
  model::Principal who_;
};

TEST_F(UsageLedgerTest, AChargeIsOnDiskBeforeTheCallAndAfterIt) {
  Charge made = charge("r1", 5'000);
  EXPECT_EQ(store_.open.at("r1").micro_usd, 5'000);
  settle(std::move(made), 300);
  EXPECT_TRUE(store_.open.empty());
  EXPECT_EQ(store_.of("key:a").micro_usd, 300);
  EXPECT_EQ(spent(), 300);
}

TEST_F(UsageLedgerTest, WithoutADiskNothingIsOpened) {
  store_.broken = true;
  {
    Charge made{.reservation = budgets_.reserve(who_, {.micro_usd = 7}).value(),
                .written = {.id = "r1", .estimate = record(7)}};
    EXPECT_EQ(run_on(loop_, ledger_.open(made)).error().kind, ErrorKind::Overloaded);
  }
  EXPECT_EQ(spent(), 0);
}

TEST_F(UsageLedgerTest, ASettlementThatCannotBeWrittenIsTriedAgain) {
  Charge made = charge("r1", 5'000);
  store_.broken = true;
  settle(std::move(made), 300);
  EXPECT_EQ(spent(), 300) << "the budget knows at once";
  EXPECT_FALSE(flush());
  EXPECT_EQ(store_.open.size(), 1U);
  store_.broken = false;
  EXPECT_TRUE(flush());
  EXPECT_TRUE(store_.open.empty());
  EXPECT_EQ(store_.of("key:a").micro_usd, 300);
  EXPECT_TRUE(flush());
  EXPECT_EQ(store_.of("key:a").micro_usd, 300);
}

TEST_F(UsageLedgerTest, WhoCannotWaitIsSettledByTheNextFlush) {
  ledger_.settle_later(charge("r1", 5'000), {1, 2}, record(40));
  EXPECT_EQ(spent(), 40);
  EXPECT_EQ(store_.open.size(), 1U);
  EXPECT_TRUE(flush());
  EXPECT_TRUE(store_.open.empty());
  EXPECT_EQ(store_.of("key:a").micro_usd, 40);
}

TEST_F(UsageLedgerTest, CountsInMemoryAndWritesOnce) {
  count("key:a", 3);
  count("key:b", 1);
  count("key:b", 1, "free");
  EXPECT_EQ(store_.writes, 0);
  EXPECT_TRUE(flush());
  EXPECT_EQ(store_.writes, 1);
  const stores::UsageRecord sum = store_.of("key:a");
  EXPECT_EQ(sum.requests, 3);
  EXPECT_EQ(sum.input_tokens, 300);
  EXPECT_EQ(sum.output_tokens, 30);
  EXPECT_EQ(sum.micro_usd, 360);
  EXPECT_EQ(store_.of("key:b").requests, 2);
  EXPECT_EQ(store_.of("key:b").micro_usd, 120);
  EXPECT_EQ(spent(), 360) << "a budget given later counts it";
  EXPECT_TRUE(flush());
  EXPECT_EQ(store_.writes, 1) << "nothing new";
  count("key:a", 1);
  EXPECT_TRUE(flush());
  EXPECT_EQ(store_.of("key:a").requests, 4);
}

TEST_F(UsageLedgerTest, CountsSurviveADiskThatFails) {
  count("key:a", 3);
  store_.broken = true;
  EXPECT_FALSE(flush());
  count("key:a", 2);
  EXPECT_FALSE(flush());
  store_.broken = false;
  EXPECT_TRUE(flush());
  EXPECT_EQ(store_.of("key:a").requests, 5);
  EXPECT_EQ(store_.of("key:a").micro_usd, 600);
  EXPECT_EQ(spent(), 600);
}

TEST_F(UsageLedgerTest, InventedModelNamesDoNotGrowWithoutBound) {
  for (int i = 0; i < 10'050; ++i) {
    count("key:a", 1, "invented-" + std::to_string(i));
  }
  EXPECT_TRUE(flush());
  EXPECT_EQ(store_.of("key:a").requests, 10'050);
  EXPECT_EQ(store_.used.size(), 10'001U);
}

TEST_F(UsageLedgerTest, WhatAnUpstreamReportsIsBounded) {
  loop_.run_until_done([](UsageLedger& ledger) -> Task<void> {
    ledger.count({.principal = "key:a",
                  .model = "m",
                  .provider = "p",
                  .target = "m",
                  .tokens = {.input = INT64_MAX, .output = -1}});
    co_return;
  }(ledger_));
  EXPECT_TRUE(flush());
  EXPECT_EQ(store_.of("key:a").input_tokens, kMostTokens);
  EXPECT_EQ(store_.of("key:a").output_tokens, 0);
}

}  // namespace
}  // namespace headgate::limits
