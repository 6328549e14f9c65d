#include "base/calendar.h"

#include <gtest/gtest.h>

namespace headgate {
namespace {

TEST(Calendar, CountsDaysAndMonthsInUtc) {
  EXPECT_EQ(utc_day(WallTime(std::chrono::seconds(0))), 0);
  EXPECT_EQ(utc_day(WallTime(std::chrono::seconds(86'399))), 0);
  EXPECT_EQ(utc_day(WallTime(std::chrono::seconds(86'400))), 1);
  EXPECT_EQ(utc_day(WallTime(std::chrono::seconds(-1))), -1);
  const UtcDay leap = parse_day("2024-02-29").value();
  EXPECT_EQ(day_text(month_of(leap)), "2024-02-01");
  EXPECT_EQ(day_text(next_month(leap)), "2024-03-01");
  EXPECT_EQ(day_text(next_month(parse_day("2025-12-31").value())), "2026-01-01");
}

TEST(Calendar, ReadsOnlyDaysThatExist) {
  for (const char* good : {"1970-01-01", "2026-01-15", "2024-02-29", "9999-12-31"}) {
    ASSERT_TRUE(parse_day(good)) << good;
    EXPECT_EQ(day_text(*parse_day(good)), good);
  }
  for (const char* bad : {"", "2026-1-15", "2026-02-29", "2026-13-01", "2026-00-10", "2026/01/15",
                          "2026-01-15T00:00", "+026-01-15", "2026-01-1x", "2026-01-00"}) {
    EXPECT_FALSE(parse_day(bad)) << bad;
  }
}

}  // namespace
}  // namespace headgate
