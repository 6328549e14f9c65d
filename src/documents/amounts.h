#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "documents/understand_page.h"

namespace headgate::documents {

/// Which sign stands before the cents. Unknown decides by the shape of each number.
enum class DecimalMark : std::uint8_t { Unknown, Dot, Comma };

/// A sum of money as written.
struct Amount {
  double value = 0;  ///< negative for brackets, minus signs before or after, and DR
  bool has_cents = false;
  bool has_currency = false;
  bool has_grouping = false;
  std::size_t decimals = 0;  ///< digits behind the decimal mark
  bool has_sign = false;     ///< written with a sign, brackets, CR or DR

  /// Written like money: not a bare whole number.
  bool is_money() const { return has_cents || has_currency || has_grouping; }
};

/// `text` as an amount if all of it is one: US 1,234.56, European 1.234,56, Swiss 1'234.56, French
/// 1 234,56 and Indian 12,34,567.00 grouping; currency signs and codes before or after; negative in
/// brackets or with minus, CR/DR. Letters OCR takes for digits are forgiven between digits.
std::optional<Amount> parse_amount(std::string_view text, DecimalMark mark = DecimalMark::Unknown);

/// An amount and the tokens it was read from.
struct FoundAmount {
  Amount amount;
  Range tokens;
  model::Box box;
  float confidence = 1;
};

/// The amounts of a run of tokens of one row, left to right: neighbouring tokens are joined where
/// they make one number ("$ 1 234,56", "1,234.56 CR"). Percentages, dates and the like are left
/// out.
std::vector<FoundAmount> find_amounts(const PageView& page, Range tokens, DecimalMark mark);

/// The decimal mark most numbers of the document use.
DecimalMark infer_decimal_mark(std::span<const PageView> pages);

/// Equal to the cent.
bool same_money(double a, double b);

}  // namespace headgate::documents
