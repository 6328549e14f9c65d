#include "documents/dates.h"

#include <gtest/gtest.h>

#include "documents/understand_testing.h"

namespace headgate::documents {

namespace {

struct Case {
  std::string_view text;
  std::string_view iso;
  DayOrder order = DayOrder::Unknown;
};

TEST(Dates, BecomeIsoWhateverTheyLookLike) {
  for (const Case& one : std::initializer_list<Case>{
           {"2024-02-29", "2024-02-29"},
           {"2024/2/9", "2024-02-09"},
           {"20240131", "2024-01-31"},
           {"31/12/2024", "2024-12-31"},
           {"12/31/2024", "2024-12-31"},
           {"03/04/2025", "2025-03-04"},
           {"03/04/2025", "2025-04-03", DayOrder::DayFirst},
           {"03.04.2025", "2025-04-03"},
           {"7/9/18", "2018-07-09"},
           {"January 25, 2016", "2016-01-25"},
           {"Jan. 5 2020", "2020-01-05"},
           {"3rd March 2018", "2018-03-03"},
           {"1MAY 2021", "2021-05-01"},
           {"06 Nov 2019", "2019-11-06"},
           {"22-Mar-18", "2018-03-22"},
           {"5. Oktober 2018", "2018-10-05"},
           {"12 août 2020", "2020-08-12"},
           {"3 de marzo de 2021", "2021-03-03"},
           {"August 3 , 2014", "2014-08-03"},
           {"Paid on 30-04-2018 19:50:14", "2018-04-30"},
       }) {
    const auto found = find_dates(one.text, one.order);
    ASSERT_EQ(found.size(), 1U) << one.text;
    EXPECT_EQ(found[0].date.iso(), one.iso) << one.text;
  }
}

TEST(Dates, AreNotSeenInOtherNumbers) {
  for (const std::string_view text :
       {"12/34/2024", "30/02/2024", "1.234,56", "555-0100", "98-7654321", "987-65-4321", "99999999",
        "192.168.10.20", "3/1", "may", "1/2/3/4/5", ""}) {
    EXPECT_TRUE(find_dates(text, DayOrder::Unknown).empty()) << text;
  }
}

TEST(Dates, WithoutYearAreFoundWhereAskedFor) {
  EXPECT_EQ(first_date("02/07", DayOrder::DayFirst, Partial::Yes), (Date{0, 7, 2}));
  EXPECT_EQ(first_date("02/07", DayOrder::MonthFirst, Partial::Yes), (Date{0, 2, 7}));
  EXPECT_EQ(first_date("Jan 05 COFFEE", DayOrder::Unknown, Partial::Yes), (Date{0, 1, 5}));
  EXPECT_FALSE(first_date("02/07", DayOrder::DayFirst));
}

TEST(Dates, OrderIsInferredFromThoseThatAreClear) {
  const auto order = [](std::string_view text) {
    return infer_day_order(view_pages(testing::PageBuilder().at(0, 0, text).pages()));
  };
  EXPECT_EQ(order("03/04/2025 25/04/2025"), DayOrder::DayFirst);
  EXPECT_EQ(order("03/04/2025 04/25/2025"), DayOrder::MonthFirst);
  EXPECT_EQ(order("03/04/2025 Total € 5,00"), DayOrder::DayFirst);
  EXPECT_EQ(order("03/04/2025"), DayOrder::Unknown);
}

}  // namespace

}  // namespace headgate::documents
