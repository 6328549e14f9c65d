#include "documents/amounts.h"

#include <gtest/gtest.h>

#include "documents/understand_testing.h"

namespace headgate::documents {

namespace {

struct Case {
  std::string_view text;
  double value;
  DecimalMark mark = DecimalMark::Unknown;
};

TEST(Amounts, ReadsTheWorldsWaysOfWritingMoney) {
  for (const Case& one : std::initializer_list<Case>{
           {"1,234.56", 1234.56},
           {"$1,234.56", 1234.56},
           {"1.234,56 €", 1234.56},
           {"EUR 1.234,56", 1234.56},
           {"1'234.50", 1234.5},
           {"3`667.35", 3667.35},
           {"CHF 1’234.50", 1234.5},
           {"1 234,56", 1234.56},
           {"12,34,567.00", 1234567},
           {"₹ 12,34,567.00", 1234567},
           {"RM41.45", 41.45},
           {"S$22,800", 22800},
           {"1,234", 1234},
           {"1.234", 1234, DecimalMark::Comma},
           {"1.234", 1.234, DecimalMark::Dot},
           {"1.234.567", 1234567},
           {"0,50", 0.5},
           {".75", 0.75},
           {"1O0.00", 100},
           {"1, 234.56", 1234.56},
       }) {
    const auto amount = parse_amount(one.text, one.mark);
    ASSERT_TRUE(amount) << one.text;
    EXPECT_NEAR(amount->value, one.value, 1e-6) << one.text;
  }
}

TEST(Amounts, KnowsEveryMinus) {
  for (const std::string_view text :
       {"-5.00", "(5.00)", "5.00-", "$-5.00", "-$5.00", "($5.00)", "5.00 DR", "−5,00"}) {
    const auto amount = parse_amount(text);
    ASSERT_TRUE(amount) << text;
    EXPECT_NEAR(amount->value, -5, 1e-9) << text;
    EXPECT_TRUE(amount->has_sign) << text;
  }
  EXPECT_NEAR(parse_amount("5.00 CR")->value, 5, 1e-9);
}

TEST(Amounts, RefusesWhatIsNoAmount) {
  for (const std::string_view text :
       {"", "abc", "12/31/2024", "1.2.3.4", "12-3456789", "1,2,3", "12:30", "A100", "..", "$", "-",
        "1234567890123456", "2024-01-05", "99999999999999999999999999999999999999999999"}) {
    EXPECT_FALSE(parse_amount(text)) << text;
  }
}

TEST(Amounts, JoinsPiecesOfOneNumberButNotNeighbours) {
  const auto views = view_pages(testing::PageBuilder()
                                    .at(10, 10, "$ 1 234,56")
                                    .at(10, 60, "4.50 12.00")
                                    .at(10, 110, "8.5 %")
                                    .pages());
  ASSERT_EQ(views.size(), 1U);
  const auto joined = find_amounts(views[0], views[0].rows[0].tokens, DecimalMark::Comma);
  ASSERT_EQ(joined.size(), 1U);
  EXPECT_NEAR(joined[0].amount.value, 1234.56, 1e-9);
  EXPECT_EQ(find_amounts(views[0], views[0].rows[1].tokens, DecimalMark::Dot).size(), 2U);
  EXPECT_TRUE(find_amounts(views[0], views[0].rows[2].tokens, DecimalMark::Dot).empty())
      << "a rate";
}

TEST(Amounts, InfersTheDecimalMark) {
  EXPECT_EQ(
      infer_decimal_mark(view_pages(testing::PageBuilder().at(0, 0, "12,50 100,00 1.5").pages())),
      DecimalMark::Comma);
  EXPECT_EQ(
      infer_decimal_mark(view_pages(testing::PageBuilder().at(0, 0, "12.50 1,000.00").pages())),
      DecimalMark::Dot);
  EXPECT_EQ(infer_decimal_mark(view_pages(testing::PageBuilder().at(0, 0, "hello 12").pages())),
            DecimalMark::Unknown);
}

}  // namespace

}  // namespace headgate::documents
