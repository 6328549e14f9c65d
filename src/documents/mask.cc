#include "documents/mask.h"

#include <algorithm>
#include <array>
#include <vector>

#include "documents/understand_text.h"

namespace headgate::documents {

namespace {

// Digits of one number, possibly broken by single spaces or dashes.
struct Run {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string digits;
  std::string shape;  // sizes of the groups, e.g. "3-2-4"
};

bool is_break(char c) { return c == ' ' || c == '-' || c == '.' || c == '\t'; }

std::string shape_of(std::string_view text) {
  std::string shape;
  std::size_t size = 0;
  for (const char c : text) {
    if (is_digit(c)) {
      ++size;
    } else if (size > 0) {
      shape += std::to_string(size) + "-";
      size = 0;
    }
  }
  return shape + std::to_string(size);
}

// The digit runs that begin at `at`, shortest first: one group, two groups, ...
std::vector<Run> runs_at(std::string_view text, std::size_t at) {
  constexpr std::size_t kMaxDigits = 40;
  std::vector<Run> runs;
  Run run{at, at, {}, {}};
  std::size_t i = at;
  while (i < text.size() && run.digits.size() < kMaxDigits) {
    const std::size_t group = i;
    while (i < text.size() && is_digit(text[i])) {
      run.digits.push_back(text[i++]);
    }
    run.end = i;
    run.shape += (run.shape.empty() ? "" : "-") + std::to_string(i - group);
    runs.push_back(run);
    if (i + 1 >= text.size() || !is_break(text[i]) || !is_digit(text[i + 1])) {
      break;
    }
    ++i;
  }
  return runs;
}

bool luhn(std::string_view digits) {
  int sum = 0;
  bool twice = false;
  for (auto it = digits.rbegin(); it != digits.rend(); ++it, twice = !twice) {
    int value = *it - '0';
    if (twice) {
      value = value * 2 > 9 ? value * 2 - 9 : value * 2;
    }
    sum += value;
  }
  return sum % 10 == 0;
}

// Stars for all but the last four digits; everything else stays.
void star(std::string& text, std::size_t begin, std::size_t end) {
  std::size_t digits = count_digits(std::string_view(text).substr(begin, end - begin));
  const std::size_t keep = std::min<std::size_t>(4, digits > 4 ? 4 : 0);
  for (std::size_t i = begin; i < end; ++i) {
    if (is_digit(text[i])) {
      if (digits > keep) {
        text[i] = '*';
      }
      --digits;
    }
  }
}

constexpr std::array<std::string_view, 20> kAccountWords{
    "account",    "acct",        "acc",   "accountnumber", "accountno",  "iban",          "card",
    "cardnumber", "kontonummer", "konto", "compte",        "cuenta",     "rekening",      "ssn",
    "tin",        "taxid",       "ktonr", "kto",           "membership", "socialsecurity"};
// Words that may stand between such a word and its number.
constexpr std::array<std::string_view, 22> kFillers{
    "number",   "no",      "nr",     "num",    "ending", "in",           "ends", "with",
    "is",       "your",    "the",    "of",     "see",    "instructions", "id",   "for",
    "checking", "savings", "nummer", "numero", "de",     "holder"};

// True while the words before `at` say an account number follows.
bool follows_account_word(std::string_view text, std::size_t at) {
  constexpr std::size_t kReach = 48;
  const std::size_t from = at > kReach ? at - kReach : 0;
  std::string_view before = text.substr(from, at - from);
  int words = 0;
  while (!before.empty() && words < 5) {
    while (!before.empty() && !is_letter(before.back())) {
      if (is_digit(before.back())) {
        return false;
      }
      before.remove_suffix(1);
    }
    std::size_t begin = before.size();
    while (begin > 0 && is_letter(before[begin - 1])) {
      --begin;
    }
    if (begin == before.size()) {
      return false;
    }
    const std::string word = fold(before.substr(begin));
    if (one_of(kAccountWords, word)) {
      return true;
    }
    if (word.size() > 1 && !one_of(kFillers, word)) {
      return false;
    }
    before = before.substr(0, begin);
    ++words;
  }
  return false;
}

bool is_tin(std::string_view text, const Run& run) {
  return run.shape == "3-2-4" || (run.shape == "2-7" && text[run.begin + 2] == '-');
}

bool is_card(const Run& run) {
  const std::size_t size = run.digits.size();
  return size >= 13 && size <= 19 && luhn(run.digits);
}

// End of the number at `at` that must not be shown, or 0.
std::size_t secret_end(std::string_view text, std::size_t at,
                       std::span<const std::string> secrets) {
  const std::vector<Run> runs = runs_at(text, at);
  for (const Run& run : runs) {
    if (is_tin(text, run)) {
      return run.end;
    }
  }
  for (const Run& run : runs) {
    const bool known = std::ranges::any_of(secrets, [&](const std::string& digits) {
      return digits.size() >= 5 && run.digits.ends_with(digits);
    });
    if (known || is_card(run)) {
      return run.end;
    }
  }
  const Run& longest = runs.back();
  return longest.digits.size() >= 6 && follows_account_word(text, at) ? longest.end : 0;
}

// IBAN: two letters, two digits, then 11 to 30 letters or digits in groups of four.
std::size_t iban_end(std::string_view text, std::size_t at) {
  if (at + 15 > text.size() || !(text[at] >= 'A' && text[at] <= 'Z') ||
      !(text[at + 1] >= 'A' && text[at + 1] <= 'Z') || !is_digit(text[at + 2]) ||
      !is_digit(text[at + 3]) || (at > 0 && (is_letter(text[at - 1]) || is_digit(text[at - 1])))) {
    return 0;
  }
  std::size_t count = 4;
  std::size_t digits = 2;
  std::size_t end = at + 4;
  for (std::size_t i = at + 4; i < text.size() && count < 34; ++i) {
    if (is_digit(text[i]) || (text[i] >= 'A' && text[i] <= 'Z')) {
      digits += is_digit(text[i]) ? 1 : 0;
      ++count;
      end = i + 1;
    } else if (text[i] != ' ' || i + 1 >= text.size() || text[i + 1] == ' ') {
      break;
    }
  }
  return count >= 15 && digits >= 10 ? end : 0;
}

}  // namespace

std::string mask_tin(std::string_view text) {
  const std::string digits = only_digits(text);
  if (digits.size() < 4) {
    return "****";
  }
  const std::string tail = digits.substr(digits.size() - 4);
  const std::string shape = shape_of(text);
  return (shape.starts_with("2-7") ? "**-***" : "***-**-") + tail;
}

std::string mask_account(std::string_view text) {
  std::string tail;
  for (auto it = text.rbegin(); it != text.rend() && tail.size() < 4; ++it) {
    if (is_digit(*it) || is_letter(*it)) {
      tail.insert(tail.begin(), *it);
    }
  }
  // A number of four digits or fewer is all there is to show.
  return "****" + tail;
}

std::string scrub(std::string_view text, std::span<const std::string> secrets) {
  std::string out(text);
  for (std::size_t i = 0; i < out.size();) {
    if (const std::size_t end = iban_end(out, i); end > 0) {
      std::size_t left = 0;
      for (std::size_t j = i; j < end; ++j) {
        left += out[j] == ' ' ? 0 : 1;
      }
      for (std::size_t j = i; j < end; ++j) {
        if (out[j] != ' ' && left-- > 4) {
          out[j] = '*';
        }
      }
      i = end;
      continue;
    }
    if (!is_digit(out[i]) || (i > 0 && is_digit(out[i - 1]))) {
      ++i;
      continue;
    }
    if (const std::size_t end = secret_end(out, i, secrets); end > 0) {
      star(out, i, end);
      i = end;
      continue;
    }
    // Only this group is passed: a number may begin behind it, as in "1 554-03-0876".
    while (i < out.size() && is_digit(out[i])) {
      ++i;
    }
  }
  return out;
}

}  // namespace headgate::documents
