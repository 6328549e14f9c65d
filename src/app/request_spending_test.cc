#include "app/request_spending.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "base/event_loop.h"
#include "testing/fake_clock.h"
#include "testing/memory_usage.h"

namespace headgate::app {
namespace {

using HandedOver = model::Spending::HandedOver;
using End = model::Spending::End;
using Record = RequestSpending::Record;

/// The price is a dollar for a million tokens, so that tokens are millionths of a dollar.
class RequestSpendingTest : public ::testing::Test {
 protected:
  RequestSpendingTest() {
    config::Settings settings;
    auto& model = settings.models.emplace_back();
    model.name = "m";
    auto& target = model.targets.emplace_back();
    target.provider = "p";
    target.price_input = 1;
    target.price_output = 1;
    ledger_.set_prices(limits::PriceList(settings));
    who_.id = "key:a";
    who_.budget_day = 1'000'000;
  }

  /// A call that is expected to take 1000 tokens.
  std::unique_ptr<RequestSpending> begun(Record record) {
    context_.reset();
    context_.principal = std::make_shared<const model::Principal>(who_);
    context_.model = context_.target = "m";
    context_.provider = "p";
    auto spending = std::make_unique<RequestSpending>(ledger_, context_, RequestSpending::Of::Job);
    if (record == Record::OnDisk) {
      spending->hold(budgets_.reserve(who_, {.tokens = 1000, .micro_usd = 1000}).value(),
                     {.input = 500, .output = 500}, record);
    }
    EXPECT_TRUE(run_on(loop_, spending->begin()));
    context_.attempts = 1;
    return spending;
  }
  /// One that was answered, and took 30.
  std::unique_ptr<RequestSpending> called(Record record) {
    auto spending = begun(record);
    context_.input_tokens = 10;
    context_.output_tokens = 20;
    loop_.run_until_done(spending->settle(End::Complete));
    return spending;
  }
  /// What the transaction that ends a job does.
  void write(model::UsageBatch batch) {
    EXPECT_TRUE(run_on(loop_, store_.write(std::move(batch))));
  }
  /// On the loop, as the run of a job ends.
  void drop(std::unique_ptr<RequestSpending> spending) {
    loop_.run_until_done([](std::unique_ptr<RequestSpending> dying) -> Task<void> {
      dying.reset();
      co_return;
    }(std::move(spending)));
    EXPECT_TRUE(run_on(loop_, ledger_.flush()));
  }
  std::int64_t charged() const { return store_.of("key:a").micro_usd; }
  std::int64_t spent() { return budgets_.spent("key:a").day_micro_usd; }

  EventLoop loop_;
  testing::FakeClock clock_;
  testing::MemoryUsage store_;
  limits::Budgets budgets_{{}, clock_};
  limits::UsageLedger ledger_{store_, budgets_, clock_, 1};
  model::Principal who_;
  model::RequestContext context_;
};

TEST_F(RequestSpendingTest, WhatAJobUsedIsWrittenWithItsEndAndOnlyThere) {
  for (const Record record : {Record::OnDisk, Record::Counted}) {
    const std::int64_t before = charged();
    auto spending = called(record);
    EXPECT_EQ(context_.micro_usd, 30);
    EXPECT_EQ(charged(), before) << "settled, and yet on disk only with the end of the job";
    write(spending->hand_over());
    spending->handed_over(HandedOver::Written);
    EXPECT_EQ(charged(), before + 30);
    drop(std::move(spending));
    EXPECT_EQ(charged(), before + 30);
    EXPECT_EQ(spent(), before + 30);
    EXPECT_TRUE(store_.open.empty());
  }
}

TEST_F(RequestSpendingTest, WhatNoProviderToldIsMarkedInTheLedger) {
  const auto estimated = [this] { return store_.of("key:a").estimated; };
  for (const Record record : {Record::OnDisk, Record::Counted}) {
    std::int64_t before = estimated();
    drop(called(record));
    EXPECT_EQ(estimated(), before) << "the provider told it";

    auto spending = begun(record);
    context_.input_tokens = 10;
    context_.output_tokens = 20;
    context_.usage_estimated = true;
    loop_.run_until_done(spending->settle(End::Complete));
    drop(std::move(spending));
    EXPECT_EQ(estimated(), before + 1);
  }
  const std::int64_t before = estimated();
  auto cut = begun(Record::OnDisk);
  context_.input_tokens = 10;
  context_.output_tokens = 20;
  loop_.run_until_done(cut->settle(End::Cut));
  drop(std::move(cut));
  EXPECT_EQ(estimated(), before + 1) << "the 500 that were expected count, not the 20 so far";
}

TEST_F(RequestSpendingTest, WhatAnEndThatWasRefusedDidNotWriteIsWrittenOnceByItself) {
  for (const Record record : {Record::OnDisk, Record::Counted}) {
    const std::int64_t before = charged();
    auto spending = called(record);
    spending->hand_over();
    spending->handed_over(HandedOver::Refused);
    drop(std::move(spending));
    EXPECT_EQ(charged(), before + 30) << "the call was answered, and the provider wants its money";
    EXPECT_EQ(spent(), before + 30);
    EXPECT_TRUE(store_.open.empty());
  }
}

TEST_F(RequestSpendingTest, AnEndInDoubtCountsOnceWhetherItIsOnDiskOrNot) {
  auto lost = called(Record::OnDisk);
  lost->hand_over();
  drop(std::move(lost));
  EXPECT_EQ(charged(), 30);
  for (const Record record : {Record::OnDisk, Record::Counted}) {
    const std::int64_t before = charged();
    auto kept = called(record);
    write(kept->hand_over());
    drop(std::move(kept));
    EXPECT_EQ(charged(), before + 30);
  }
  EXPECT_TRUE(store_.open.empty());
}

TEST_F(RequestSpendingTest, WithoutABudgetAnEndOfWhichNobodyKnowsIsNeverCountedTwice) {
  auto unknown = called(Record::Counted);
  unknown->hand_over();
  drop(std::move(unknown));
  EXPECT_EQ(charged(), 0) << "no limit depends on it, and it may be on disk";
  auto told = called(Record::Counted);
  told->hand_over();
  told->handed_over(HandedOver::Refused);
  told->hand_over();  // an end that is tried once more
  told->handed_over(HandedOver::Refused);
  drop(std::move(told));
  EXPECT_EQ(charged(), 30);
}

TEST_F(RequestSpendingTest, OneThatDiesAfterItsLoopDoesNoHarm) {
  for (const Record record : {Record::OnDisk, Record::Counted}) {
    auto late = called(record);
    late->hand_over();
    late->handed_over(HandedOver::Refused);
    late.reset();  // on no loop
  }
  EXPECT_TRUE(run_on(loop_, ledger_.flush()));
  EXPECT_EQ(charged(), 30) << "what a budget depends on is written all the same";
}

TEST_F(RequestSpendingTest, AJobThatGoesOnPaysForItsAttempt) {
  for (const Record record : {Record::OnDisk, Record::Counted}) {
    const std::int64_t before = charged();
    auto spending = called(record);
    loop_.run_until_done(spending->write());
    drop(std::move(spending));
    EXPECT_EQ(charged(), before + 30);
    EXPECT_TRUE(store_.open.empty());
  }
}

TEST_F(RequestSpendingTest, WhatNobodySettlesIsChargedAsEstimated) {
  drop(begun(Record::OnDisk));
  EXPECT_EQ(charged(), 1000);
  EXPECT_EQ(spent(), 1000);
  EXPECT_TRUE(store_.open.empty());
}

TEST_F(RequestSpendingTest, KeepsThePricesItBeganWith) {
  auto spending = begun(Record::OnDisk);
  ledger_.set_prices(limits::PriceList());  // a reload has dropped the model
  context_.input_tokens = 10;
  context_.output_tokens = 20;
  loop_.run_until_done(spending->settle(End::Complete));
  EXPECT_EQ(context_.micro_usd, 30);
  drop(std::move(spending));
}

}  // namespace
}  // namespace headgate::app
