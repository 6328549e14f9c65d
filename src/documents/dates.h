#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "documents/understand_page.h"

namespace headgate::documents {

struct Date {
  int year = 0;  ///< 0 if none was written
  int month = 0;
  int day = 0;
  std::string iso() const;  ///< YYYY-MM-DD
  friend auto operator<=>(const Date&, const Date&) = default;
};

/// How 03/04/2025 is to be read.
enum class DayOrder : std::uint8_t { Unknown, DayFirst, MonthFirst };

struct FoundDate {
  Date date;
  std::size_t begin = 0;  ///< byte range in the text
  std::size_t end = 0;
  bool ambiguous = false;  ///< day and month could be swapped
};

/// Dates in `text`: numeric in either order, ISO, month names in seven languages, 20250131. Without
/// an order day first is assumed for dots and month first otherwise. Partial dates (without a year)
/// only where asked for.
enum class Partial : std::uint8_t { No, Yes };
std::vector<FoundDate> find_dates(std::string_view text, DayOrder order,
                                  Partial partial = Partial::No);

/// The first date of `text`.
std::optional<Date> first_date(std::string_view text, DayOrder order,
                               Partial partial = Partial::No);

/// Day first or month first, from dates that can be read in one way only and from language and
/// currency.
DayOrder infer_day_order(std::span<const PageView> pages);

/// A date that can be: day within its month, year 1900..2059 (or 0).
bool is_valid(const Date& date);

}  // namespace headgate::documents
