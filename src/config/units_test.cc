#include "config/units.h"

#include <gtest/gtest.h>

namespace headgate::config {
namespace {

using std::chrono::milliseconds;

TEST(Units, DurationsNeedANumberAndAKnownUnit) {
  EXPECT_EQ(parse_duration("300ms"), milliseconds{300});
  EXPECT_EQ(parse_duration("30s"), milliseconds{30'000});
  EXPECT_EQ(parse_duration("5m"), milliseconds{300'000});
  EXPECT_EQ(parse_duration("24h"), milliseconds{86'400'000});
  EXPECT_EQ(parse_duration("15d"), milliseconds{15LL * 86'400'000});
  EXPECT_EQ(parse_duration("0"), milliseconds{0});
  EXPECT_EQ(parse_duration("0s"), milliseconds{0});
  for (const char* bad : {"", "5", "s", "5 s", " 5s", "5s ", "5S", "5sec", "-5s", "+5s", "1.5s",
                          "0x5s", "99999999999999999999s", "36526d", "5ss", "5m30s"}) {
    EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
  }
}

TEST(Units, SizesAreBinaryUnitsOrPlainBytes) {
  EXPECT_EQ(parse_size("8KiB"), 8192U);
  EXPECT_EQ(parse_size("10MiB"), 10U << 20);
  EXPECT_EQ(parse_size("2GiB"), 2ULL << 30);
  EXPECT_EQ(parse_size("512"), 512U);
  EXPECT_EQ(parse_size("512B"), 512U);
  EXPECT_EQ(parse_size("0"), 0U);
  for (const char* bad : {"", "KiB", "8KB", "8kib", "8 KiB", "-1", "1.5MiB", "8M", "1TiB",
                          "18446744073709551615GiB", "99999999999999999999"}) {
    EXPECT_EQ(parse_size(bad), std::nullopt) << bad;
  }
}

TEST(Units, FormattingIsExactAndReadsBack) {
  EXPECT_EQ(format_duration(milliseconds{90'000}), "90s");
  EXPECT_EQ(format_duration(milliseconds{1'500}), "1500ms");
  EXPECT_EQ(format_duration(milliseconds{0}), "0s");
  EXPECT_EQ(format_size(32 << 10), "32KiB");
  EXPECT_EQ(format_size(1000), "1000B");
  EXPECT_EQ(format_size(0), "0");
  for (const std::uint64_t value : {1ULL, 999ULL, 1000ULL, 60'000ULL, 86'400'000ULL, 1ULL << 40}) {
    EXPECT_EQ(parse_size(format_size(value)), value);
    const milliseconds duration{static_cast<std::int64_t>(value)};
    EXPECT_EQ(parse_duration(format_duration(duration)), duration);
  }
}

TEST(Units, HoursAreAPartOfTheDay) {
  const auto night = parse_hours("22:00-06:30");
  ASSERT_TRUE(night);
  EXPECT_EQ(night->from, 22U * 60);
  EXPECT_EQ(night->to, 6U * 60 + 30);
  EXPECT_TRUE(night->holds(23 * 60));
  EXPECT_TRUE(night->holds(0));
  EXPECT_FALSE(night->holds(12 * 60));
  ASSERT_TRUE(parse_hours("18:00-24:00"));
  EXPECT_TRUE(parse_hours("18:00-24:00")->holds(1439));
  for (const char* bad : {"", "9-17", "09:00", "09:00-09:00", "09:00-25:00", "09:60-10:00",
                          "24:01-06:00", "09:00 17:00", "0a:00-17:00", "09:00-17:00 "}) {
    EXPECT_EQ(parse_hours(bad).has_value(), false) << bad;
  }
}

}  // namespace
}  // namespace headgate::config
