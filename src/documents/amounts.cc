#include "documents/amounts.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "documents/understand_text.h"

namespace headgate::documents {

namespace {

constexpr std::size_t kMaxLength = 40;  // longer texts are no amount
constexpr std::array<std::string_view, 12> kSigns{"$",   "€",  "£",  "¥",  "₹",   "US$",
                                                  "CA$", "A$", "R$", "S$", "HK$", "RM"};
constexpr std::array<std::string_view, 30> kCodes{
    "USD", "EUR", "GBP", "CHF", "INR", "MYR",  "SGD", "AUD", "CAD", "NZD",
    "JPY", "CNY", "HKD", "SEK", "NOK", "DKK",  "PLN", "CZK", "HUF", "BRL",
    "MXN", "ZAR", "AED", "Rs.", "Rs",  "INR.", "Fr.", "kr",  "zł",  "Kč"};

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::ranges::equal(a, b, [](char x, char y) {
           return (is_letter(x) ? x | 32 : x) == (is_letter(y) ? y | 32 : y);
         });
}

// Removes one currency sign or code from either end.
bool strip_currency(std::string_view& text) {
  const auto strip = [&](std::string_view sign) {
    if (text.size() > sign.size() && equal_ignoring_case(text.substr(0, sign.size()), sign)) {
      text = trim(text.substr(sign.size()));
      return true;
    }
    if (text.size() > sign.size() &&
        equal_ignoring_case(text.substr(text.size() - sign.size()), sign)) {
      text = trim(text.substr(0, text.size() - sign.size()));
      return true;
    }
    return false;
  };
  return std::ranges::any_of(kCodes, strip) || std::ranges::any_of(kSigns, strip);
}

// Removes signs, brackets and CR/DR; true if any said "negative".
struct Sign {
  bool negative = false;
  bool written = false;
};

Sign strip_sign(std::string_view& text) {
  Sign sign;
  const auto ends = [&](std::string_view mark) {
    if (text.size() <= mark.size() ||
        !equal_ignoring_case(text.substr(text.size() - mark.size()), mark)) {
      return false;
    }
    text = trim(text.substr(0, text.size() - mark.size()));
    return true;
  };
  const auto begins = [&](std::string_view mark) {
    if (!text.starts_with(mark) || text.size() <= mark.size()) {
      return false;
    }
    text = trim(text.substr(mark.size()));
    return true;
  };
  if (ends("CR") || ends("Cr.")) {
    sign.written = true;
  } else if (ends("DR") || ends("Dr.")) {
    sign = {true, true};
  }
  if (text.size() > 2 && text.front() == '(' && text.back() == ')') {
    text = trim(text.substr(1, text.size() - 2));
    sign = {true, true};
  }
  if (begins("-") || begins("−") || begins("–") || ends("-") || ends("−")) {
    sign = {true, true};
  } else if (begins("+") || ends("+")) {
    sign.written = true;
  }
  return sign;
}

// Digits and the separators between them, in a form the grouping rules can look at.
struct Groups {
  std::vector<std::string> digits;
  std::string marks;  // one per gap: '.', ',', '\'' or ' '
};

char as_digit(char c) {
  switch (c) {
    case 'O':
    case 'o':
      return '0';
    case 'l':
    case 'I':
      return '1';
    case 'S':
      return '5';
    case 'B':
      return '8';
    default:
      return c;
  }
}

std::optional<Groups> split_groups(std::string_view text) {
  Groups groups;
  groups.digits.emplace_back();
  std::size_t forgiven = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (!is_digit(c) && is_digit(as_digit(c)) && i > 0) {
      c = as_digit(c);
      ++forgiven;
    }
    if (is_digit(c)) {
      groups.digits.back().push_back(c);
      continue;
    }
    char mark = 0;
    if (c == '.' || c == ',' || c == '\'' || c == ' ') {
      mark = c;
    } else if (c == '`') {
      mark = '\'';
    } else if (text.substr(i).starts_with("’") || text.substr(i).starts_with("‘")) {
      mark = '\'';
      i += 2;
    } else if (text.substr(i).starts_with("\u00A0")) {
      mark = ' ';
      i += 1;
    } else if (text.substr(i).starts_with("\u202F") || text.substr(i).starts_with("\u2009")) {
      mark = ' ';
      i += 2;
    } else {
      return std::nullopt;
    }
    if (groups.digits.back().empty()) {
      if (mark == ' ' && !groups.marks.empty() && groups.marks.back() != ' ') {
        continue;  // "1, 234.56"
      }
      // ".50": cents without a whole part
      if (groups.digits.size() > 1 || mark != '.') {
        return std::nullopt;
      }
      groups.digits.back() = "0";
    }
    groups.marks.push_back(mark);
    groups.digits.emplace_back();
  }
  if (groups.digits.back().empty()) {
    return std::nullopt;
  }
  if (forgiven > 1) {
    return std::nullopt;
  }
  return groups;
}

// True if the groups [0, count) are a number grouped by thousands (or Indian lakhs).
bool grouped(const Groups& groups, std::size_t count) {
  if (count == 0 || groups.digits[0].empty() || groups.digits[0].size() > (count == 1 ? 12U : 3U)) {
    return false;
  }
  for (std::size_t i = 1; i < count; ++i) {
    const bool last = i + 1 == count;
    const std::size_t size = groups.digits[i].size();
    if (groups.marks[i - 1] != groups.marks[0] || (last && size != 3) ||
        (!last && size != 3 && size != 2)) {
      return false;
    }
  }
  return true;
}

std::optional<Amount> evaluate(const Groups& groups, DecimalMark mark) {
  Amount amount;
  const std::size_t count = groups.digits.size();
  std::size_t whole = count;
  std::string cents;
  if (count > 1) {
    const char last_mark = groups.marks.back();
    const std::string& tail = groups.digits.back();
    const bool can_be_decimal = last_mark == '.' || last_mark == ',';
    const bool different = count > 2 && last_mark != groups.marks[count - 3 + 0];
    bool decimal = false;
    if (can_be_decimal && tail.size() != 3) {
      decimal = tail.size() <= 4 || different;
    } else if (can_be_decimal) {
      const bool repeated = count > 2 && !different;
      const bool matches = (mark == DecimalMark::Dot && last_mark == '.') ||
                           (mark == DecimalMark::Comma && last_mark == ',');
      const bool begins_with_zero = count == 2 && groups.digits[0] == "0";
      decimal = !repeated && (different || matches || begins_with_zero);
    }
    if (decimal) {
      whole = count - 1;
      cents = tail;
      amount.has_cents = true;
      amount.decimals = tail.size();
    }
  }
  if (!grouped(groups, whole)) {
    return std::nullopt;
  }
  amount.has_grouping = whole > 1;
  std::string number;
  for (std::size_t i = 0; i < whole; ++i) {
    number += groups.digits[i];
  }
  if (number.size() > 12) {
    return std::nullopt;
  }
  number += '.';
  number += cents.empty() ? "0" : cents;
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), amount.value);
  if (error != std::errc{} || end != number.data() + number.size()) {
    return std::nullopt;
  }
  return amount;
}

bool may_join(std::string_view text) {
  if (text.empty() || text.size() > 24) {
    return false;
  }
  return is_digit(text.front()) || is_digit(text.back()) || text == "$" || text == "€" ||
         text == "£" || text == "₹" || text == "-" || text == "CR" || text == "DR" ||
         text == "Cr" || text == "Dr" || text == "(" || text == ")" ||
         std::ranges::find(kCodes, text) != kCodes.end() ||
         std::ranges::find(kSigns, text) != kSigns.end();
}

}  // namespace

std::optional<Amount> parse_amount(std::string_view text, DecimalMark mark) {
  text = trim(text);
  while (!text.empty() && std::string_view("|[]{}_=~:;*").contains(text.front())) {
    text = trim(text.substr(1));
  }
  while (!text.empty() && std::string_view("|[]{}_=~:;*,.").contains(text.back())) {
    text = trim(text.substr(0, text.size() - 1));
  }
  if (text.empty() || text.size() > kMaxLength || count_digits(text) == 0) {
    return std::nullopt;
  }
  Sign sign;
  bool currency = false;
  for (int pass = 0; pass < 3; ++pass) {  // "-$5", "$(5)", "(5) EUR CR" in any order
    const Sign found = strip_sign(text);
    sign.negative |= found.negative;
    sign.written |= found.written;
    currency |= strip_currency(text);
  }
  // A currency sign the font has no name for: "\u25A01,200.00".
  if (text.size() > 3 && static_cast<unsigned char>(text[0]) == 0xE2 && is_digit(text[3])) {
    text.remove_prefix(3);
    currency = true;
  }
  if (text.empty() || (!is_digit(text.front()) && text.front() != '.')) {
    return std::nullopt;
  }
  const auto groups = split_groups(text);
  if (!groups) {
    return std::nullopt;
  }
  auto amount = evaluate(*groups, mark);
  if (!amount) {
    return std::nullopt;
  }
  amount->has_currency = currency;
  amount->has_sign = sign.written;
  if (sign.negative) {
    amount->value = -amount->value;
  }
  return amount;
}

std::vector<FoundAmount> find_amounts(const PageView& page, Range tokens, DecimalMark mark) {
  std::vector<FoundAmount> found;
  const std::uint32_t end = std::min(tokens.last, static_cast<std::uint32_t>(page.tokens.size()));
  for (std::uint32_t at = tokens.first; at < end;) {
    std::string joined;
    std::optional<Amount> best;
    std::uint32_t best_end = at;
    constexpr std::uint32_t kMaxJoined = 5;
    for (std::uint32_t i = at; i < end && i < at + kMaxJoined; ++i) {
      const Token& token = page.tokens[i];
      const bool near = i == at || token.box.left - page.tokens[i - 1].box.right <
                                       1.2F * std::max(page.em, token.box.height());
      const bool money_sign = token.text.size() <= 3 && count_digits(token.text) == 0;
      const bool after_sign = i > at && count_digits(page.tokens[i - 1].text) == 0;
      if (!(near || money_sign || after_sign) || (i > at && !may_join(token.text)) ||
          token.row != page.tokens[at].row) {
        break;
      }
      joined += joined.empty() ? "" : " ";
      joined += token.text;
      const auto amount = parse_amount(joined, mark);
      // Two numbers side by side are one only if the second continues the grouping.
      if (amount && (!best || !best->has_cents || count_digits(token.text) == 0)) {
        best = amount;
        best_end = i + 1;
      }
    }
    if (!best) {
      ++at;
      continue;
    }
    const bool percent =
        best_end < end && page.tokens[best_end].text.starts_with('%') &&
        page.tokens[best_end].box.left - page.tokens[best_end - 1].box.right < page.em;
    if (!percent) {
      FoundAmount hit{*best, {at, best_end}, page.tokens[at].box, 1};
      for (std::uint32_t i = at; i < best_end; ++i) {
        hit.box = join(hit.box, page.tokens[i].box);
        hit.confidence = std::min(hit.confidence, page.tokens[i].confidence);
      }
      found.push_back(hit);
    }
    at = best_end;
  }
  return found;
}

DecimalMark infer_decimal_mark(std::span<const PageView> pages) {
  std::size_t dots = 0;
  std::size_t commas = 0;
  for (const PageView& page : pages) {
    for (const Token& token : page.tokens) {
      const std::string_view text = trim_marks(token.text);
      if (text.size() < 4 || !is_digit(text[text.size() - 1]) || !is_digit(text[text.size() - 2]) ||
          !is_digit(text[text.size() - 4])) {
        continue;
      }
      // A date such as 01.02.20 is no evidence.
      if (std::ranges::count(text, '.') > 1 && !text.contains(',')) {
        continue;
      }
      dots += text[text.size() - 3] == '.' ? 1 : 0;
      commas += text[text.size() - 3] == ',' ? 1 : 0;
    }
  }
  return dots == 0 && commas == 0 ? DecimalMark::Unknown
         : commas > dots          ? DecimalMark::Comma
                                  : DecimalMark::Dot;
}

bool same_money(double a, double b) { return std::abs(a - b) < 0.006; }

}  // namespace headgate::documents
