#pragma once

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/job_stores.h"
#include "testing/temp_folder.h"
#include "testing/usage_stores.h"

// What every UsageStore must do. Included by one test file of each engine.
namespace headgate::testing {

using stores::UsageGroup;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class UsageStoreContract : public ::testing::TestWithParam<MakeUsageStore> {
 protected:
  static constexpr UtcDay kToday = 20'468;  // 2026-01-15

  void open(const std::string& id, const stores::UsageRecord& estimate) {
    const auto opened = run(made_.store->open_reservation({.id = id, .estimate = estimate}));
    ASSERT_TRUE(opened) << opened.error().detail;
  }
  void settle(const std::string& id, const stores::UsageRecord& used) {
    const auto settled = run(made_.store->settle({.id = id, .used = used}));
    ASSERT_TRUE(settled) << settled.error().detail;
  }
  void add(std::vector<stores::UsageRecord> records) {
    const auto added = run(made_.store->write({.settlements = {}, .records = std::move(records)}));
    ASSERT_TRUE(added) << added.error().detail;
  }
  stores::UsagePage query(stores::UsageQuery query = {}) {
    auto page = run(made_.store->query(std::move(query)));
    EXPECT_TRUE(page) << page.error().detail;
    return page.value_or(stores::UsagePage());
  }
  /// "DAY PRINCIPAL MODEL REQUESTS MICRO_USD", the day counted from kToday.
  static std::vector<std::string> texts(const stores::UsagePage& page) {
    std::vector<std::string> texts;
    for (const stores::UsageRecord& row : page.rows) {
      const std::string day = row.day == 0 ? "-" : std::to_string(row.day - kToday);
      texts.push_back(day + " " + row.principal + " " + row.model + " " +
                      std::to_string(row.requests) + " " + std::to_string(row.micro_usd));
    }
    return texts;
  }
  std::vector<std::string> spent(UtcDay today) {
    std::vector<std::string> texts;
    for (const stores::PrincipalSpend& each : made_.store->spent(today).value()) {
      texts.push_back(each.principal + " " + std::to_string(each.day_micro_usd) + " " +
                      std::to_string(each.month_micro_usd));
    }
    return texts;
  }
  void restart() {
    made_ = {};
    made_ = GetParam().make(folder_.path());
  }

  TempFolder folder_;
  UsageStoreUnderTest made_ = GetParam().make(folder_.path());
};

TEST_P(UsageStoreContract, ASettledReservationCountsWhatWasUsedAndNoMore) {
  open("r1", some_usage(kToday, "key:a", "m", 500));
  EXPECT_THAT(texts(query()), IsEmpty()) << "only reserved";
  EXPECT_THAT(spent(kToday), ElementsAre("key:a 500 500"));

  settle("r1", some_usage(kToday, "key:a", "m", 120));

  EXPECT_THAT(texts(query()), ElementsAre("0 key:a m 1 120"));
  EXPECT_EQ(query().totals.input_tokens, 10);
  EXPECT_EQ(query().totals.output_tokens, 20);
  EXPECT_THAT(spent(kToday), ElementsAre("key:a 120 120"));
}

TEST_P(UsageStoreContract, CountsTheRequestsWhoseTokensWereEstimated) {
  stores::UsageRecord guessed = some_usage(kToday, "key:a", "m", 5);
  guessed.estimated = 1;
  open("r1", guessed);
  open("r2", guessed);
  settle("r1", some_usage(kToday, "key:a", "m", 3));
  add({guessed, some_usage(kToday, "key:a", "n", 1)});
  EXPECT_EQ(query().totals.estimated, 1);

  restart();
  EXPECT_EQ(made_.store->recover().value(), 1U);

  const stores::UsagePage page = query({.model = "m"});
  EXPECT_EQ(page.totals.requests, 3);
  EXPECT_EQ(page.totals.estimated, 2) << "with what a crash left at its estimate";
  ASSERT_EQ(page.rows.size(), 1U);
  EXPECT_EQ(page.rows.front().estimated, 2);
}

TEST_P(UsageStoreContract, SettlingTwiceChangesNothing) {
  open("r1", some_usage(kToday, "key:a", "m", 500));
  settle("r1", some_usage(kToday, "key:a", "m", 120));
  settle("r1", some_usage(kToday, "key:a", "m", 120));
  settle("never opened", some_usage(kToday, "key:a", "m", 120));
  EXPECT_THAT(texts(query()), ElementsAre("0 key:a m 1 120"));
}

TEST_P(UsageStoreContract, AReservationGivenBackLeavesNothing) {
  open("r1", some_usage(kToday, "key:a", "m", 500));
  settle("r1", {.day = kToday, .principal = "key:a", .model = "m"});
  EXPECT_THAT(texts(query()), IsEmpty());
  EXPECT_THAT(spent(kToday), IsEmpty());
}

TEST_P(UsageStoreContract, RefusesAReservationWithATakenId) {
  open("r1", some_usage(kToday, "key:a", "m", 500));
  const auto again = run(
      made_.store->open_reservation({.id = "r1", .estimate = some_usage(kToday, "key:b", "m", 7)}));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::Conflict);
  EXPECT_THAT(spent(kToday), ElementsAre("key:a 500 500"));
}

TEST_P(UsageStoreContract, ACrashChargesOpenReservationsOnceAtTheirEstimate) {
  add({some_usage(kToday, "key:a", "m", 1)});
  open("r1", some_usage(kToday, "key:a", "m", 500));
  open("r2", some_usage(kToday, "key:a", "m", 30));
  open("r3", some_usage(kToday - 1, "key:b", "n", 4));
  open("r4", some_usage(kToday, "key:a", "m", 9'000));
  settle("r4", some_usage(kToday, "key:a", "m", 9));

  restart();
  EXPECT_EQ(made_.store->recover().value(), 3U);
  EXPECT_THAT(texts(query()), ElementsAre("-1 key:b n 1 4", "0 key:a m 4 540"));
  EXPECT_THAT(spent(kToday), ElementsAre("key:a 540 540", "key:b 0 4"));

  restart();
  EXPECT_EQ(made_.store->recover().value(), 0U);
  settle("r1", some_usage(kToday, "key:a", "m", 120));
  EXPECT_THAT(texts(query()), ElementsAre("-1 key:b n 1 4", "0 key:a m 4 540"));
}

TEST_P(UsageStoreContract, AddsUpByDayPrincipalAndModel) {
  open("r1", some_usage(kToday, "key:a", "m", 500));
  ASSERT_TRUE(run(made_.store->write(
      {.settlements = {{.id = "r1", .used = some_usage(kToday, "key:a", "m", 3)}},
       .records = {some_usage(kToday, "key:a", "m", 4), some_usage(kToday, "key:b", "m", 5),
                   some_usage(kToday, "key:a", "n", 6),
                   some_usage(kToday - 1, "Robert'); DROP TABLE usage;--", "m", 7)}})));
  EXPECT_THAT(texts(query()), ElementsAre("-1 Robert'); DROP TABLE usage;-- m 1 7", "0 key:a m 2 7",
                                          "0 key:a n 1 6", "0 key:b m 1 5"));
}

TEST_P(UsageStoreContract, SpentIsOfTheDayAndOfTheCalendarMonth) {
  add({some_usage(kToday - 15, "key:a", "m", 1'000),  // in December
       some_usage(kToday - 14, "key:a", "m", 200), some_usage(kToday, "key:a", "m", 30),
       some_usage(kToday + 16, "key:a", "m", 4), some_usage(kToday + 17, "key:a", "m", 5'000)});
  EXPECT_THAT(spent(kToday), ElementsAre("key:a 30 234"));
  EXPECT_THAT(spent(kToday + 1), ElementsAre("key:a 0 234"));
  EXPECT_THAT(spent(kToday + 17), ElementsAre("key:a 5000 5000"));
}

TEST_P(UsageStoreContract, ReportsWhatIsAskedFor) {
  add({some_usage(kToday - 1, "key:a", "m", 1), some_usage(kToday, "key:a", "m", 2),
       some_usage(kToday, "key:a", "n", 3), some_usage(kToday, "key:b", "m", 4)});
  EXPECT_THAT(texts(query({.group = UsageGroup::Day})), ElementsAre("-1   1 1", "0   3 9"));
  EXPECT_THAT(texts(query({.group = UsageGroup::Model})), ElementsAre("-  m 3 7", "-  n 1 3"));
  EXPECT_THAT(texts(query({.group = UsageGroup::Principal})),
              ElementsAre("- key:a  3 6", "- key:b  1 4"));
  EXPECT_THAT(texts(query({.principal = "key:b"})), ElementsAre("0 key:b m 1 4"));
  EXPECT_THAT(texts(query({.model = "n"})), ElementsAre("0 key:a n 1 3"));
  EXPECT_THAT(texts(query({.to = kToday - 1})), ElementsAre("-1 key:a m 1 1"));
  EXPECT_EQ(query({.from = kToday}).rows.size(), 3U);
  EXPECT_THAT(texts(query({.from = kToday + 1})), IsEmpty());
}

TEST_P(UsageStoreContract, PagesShowEveryRowOnceAndTheTotalsOfAll) {
  std::vector<stores::UsageRecord> records;
  for (int i = 0; i < 7; ++i) {
    records.push_back(some_usage(kToday + i % 2, "key:" + std::to_string(i % 3), "m", 1));
  }
  add(records);
  for (const UsageGroup group :
       {UsageGroup::All, UsageGroup::Day, UsageGroup::Model, UsageGroup::Principal}) {
    const std::vector<std::string> all = texts(query({.group = group}));
    std::vector<std::string> seen;
    stores::UsageQuery ask{.group = group, .limit = 1};
    for (std::size_t pages = 0; pages <= all.size(); ++pages) {
      const stores::UsagePage page = query(ask);
      EXPECT_EQ(page.totals.micro_usd, 7);
      EXPECT_EQ(page.totals.requests, 7);
      ASSERT_EQ(page.rows.size(), 1U);
      seen.push_back(texts(page).front());
      ask.after = page.rows.back();
      if (!page.has_more) {
        break;
      }
    }
    EXPECT_EQ(seen, all);
  }
}

}  // namespace headgate::testing
