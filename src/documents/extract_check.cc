#include <algorithm>
#include <array>

#include "documents/extract_types.h"
#include "documents/mask.h"
#include "documents/understand_label.h"
#include "documents/understand_party.h"
#include "documents/understand_text.h"

namespace headgate::documents {

namespace {

// The check digit of an American bank routing number.
bool is_routing_number(std::string_view digits) {
  if (digits.size() != 9) {
    return false;
  }
  constexpr std::array<int, 9> kWeights{3, 7, 1, 3, 7, 1, 3, 7, 1};
  int sum = 0;
  for (std::size_t i = 0; i < 9; ++i) {
    sum += (digits[i] - '0') * kWeights[i];
  }
  return sum % 10 == 0 && digits != "000000000";
}

struct Micr {
  std::string routing;
  std::string account;
  std::string number;
  bool valid = false;  // the routing number passes its check digit
};

// The lowest line with a nine-digit group and more digits: routing, account and check number. The
// separators of the MICR font are read as anything, so only groups of digits count.
std::optional<Micr> find_micr(const PageView& page) {
  for (std::size_t r = page.rows.size(); r-- > 0;) {
    const Row& row = page.rows[r];
    if (row.box.middle_y() < 0.55F * page.height) {
      break;
    }
    std::vector<std::string> groups(1);
    for (const char c : page.text(row)) {
      if (is_digit(c)) {
        groups.back().push_back(c);
      } else if (!groups.back().empty()) {
        groups.emplace_back();
      }
    }
    std::erase_if(groups, [](const std::string& group) { return group.size() < 3; });
    const auto routing =
        std::ranges::find_if(groups, [](const std::string& group) { return group.size() == 9; });
    if (routing == groups.end() || groups.size() < 2) {
      continue;
    }
    Micr micr;
    micr.routing = *routing;
    micr.valid = is_routing_number(*routing);
    for (const std::string& group : groups) {
      if (&group == &*routing) {
        continue;
      }
      if (group.size() >= 6 && micr.account.empty()) {
        micr.account = group;
      } else if (group.size() <= 6 && micr.number.empty()) {
        micr.number = group;
      }
    }
    return micr;
  }
  return std::nullopt;
}

std::optional<std::string> name_in(std::string_view text) {
  const std::string_view name = trim_marks(text);
  const std::size_t letters = count_letters(name);
  const std::string key = fold(name);
  if (letters < 3 || count_digits(name) > 2 || name.size() > 60 || key == "dollars" ||
      key.starts_with("order") || key.starts_with("date")) {
    return std::nullopt;
  }
  return std::string(name.substr(0, name.find('$')));
}

std::optional<std::string> number_in(std::string_view text) {
  const std::string digits = only_digits(text.substr(0, 16));
  return digits.size() >= 3 && digits.size() <= 10 && count_letters(text.substr(0, 16)) == 0
             ? std::optional(digits)
             : std::nullopt;
}

constexpr auto kPayeeLabels =
    std::to_array<std::string_view>({"pay to the order of|pay to order of|to the order of|payable "
                                     "to the order of|pay to the order|pay to"});
constexpr auto kNumberLabels = std::to_array<std::string_view>(
    {"payroll check number|check number|check no|cheque no|cheque number"});
constexpr auto kDateLabels =
    std::to_array<std::string_view>({"check date|pay date|issue date|=date"});
constexpr auto kAmountLabels = std::to_array<std::string_view>(
    {"=net pay|check amount|amount of check|net amount|=amount|this amount"});

void set_amount(const Reading& reading, Record& record) {
  // Beside a dollar sign on the upper half, as in the box of a check.
  for (const PageView& page : reading.pages) {
    for (const Row& row : page.rows) {
      for (const FoundAmount& found : find_amounts(page, row.tokens, reading.mark)) {
        if (found.amount.has_currency && found.amount.has_cents && found.amount.value > 0) {
          record.set("amount", found.amount.value, 0.85F * found.confidence);
          return;
        }
      }
    }
  }
  const auto labelled = labelled_amounts(reading.pages, reading.mark, kAmountLabels);
  for (const LabelledAmount& one : labelled) {
    if (one.value > 0) {
      record.set("amount", one.value, 0.9F * one.confidence);
      return;
    }
  }
  // The only sum with cents on the page.
  std::vector<FoundAmount> all;
  for (const PageView& page : reading.pages) {
    for (const Row& row : page.rows) {
      for (const FoundAmount& found : find_amounts(page, row.tokens, reading.mark)) {
        if (found.amount.has_cents && found.amount.value > 0) {
          all.push_back(found);
        }
      }
    }
  }
  if (all.size() == 1) {
    record.set("amount", all[0].amount.value, 0.7F * all[0].confidence);
  }
}

// A lone number in the upper right corner.
std::optional<std::string> corner_number(const PageView& page) {
  for (const Cell& cell : page.cells) {
    if (cell.box.middle_y() > 0.25F * page.height || cell.box.left < 0.6F * page.width) {
      continue;
    }
    const std::string text = page.text(cell);
    const std::string_view bare = trim_marks(text);
    if (bare.size() >= 3 && bare.size() <= 6 && count_digits(bare) == bare.size()) {
      return std::string(bare);
    }
  }
  return std::nullopt;
}

}  // namespace

void extract_check(const Reading& reading, Findings& findings) {
  Record& record = findings.record;
  if (reading.pages.empty()) {
    return;
  }
  const PageView& page = reading.pages.front();
  if (const auto payee = labelled_text(reading.pages, kPayeeLabels, name_in)) {
    record.set("payee", scrub(trim_marks(payee->text)), 0.9F * payee->confidence);
  }
  if (auto date = labelled_date(reading.pages, reading.order, kDateLabels)) {
    record.set("date", date->date.iso(), date->confidence);
  } else {
    for (const Row& row : page.rows) {
      if (const auto first = first_date(page.text(row), reading.order)) {
        record.set("date", first->iso(), 0.6F);
        break;
      }
    }
  }
  set_amount(reading, record);
  const auto micr = find_micr(page);
  if (micr) {
    const float sure = micr->valid ? 0.95F : 0.5F;
    record.set("routing_number", micr->routing, sure);
    if (!micr->account.empty()) {
      findings.secrets.push_back(micr->account);
      record.set("account_number", mask_account(micr->account), 0.9F * sure);
    }
  }
  if (const auto number = labelled_text(reading.pages, kNumberLabels, number_in)) {
    record.set("check_number", number->text, number->confidence);
  } else if (const auto corner = corner_number(page)) {
    record.set("check_number", *corner, micr && micr->number.ends_with(*corner) ? 0.95F : 0.75F);
  } else if (micr && !micr->number.empty()) {
    record.set("check_number", micr->number, 0.7F);
  }
  // Who pays stands in the upper left corner.
  for (const Cell& cell : page.cells) {
    if (cell.box.middle_y() < 0.35F * page.height && cell.box.left < 0.4F * page.width) {
      const auto name = name_in(page.text(cell));
      if (name && !fold(*name).starts_with("pay") && count_letters(*name) >= 5 &&
          !looks_like_address(*name)) {
        record.set("payer", scrub(*name), 0.55F);
        break;
      }
    }
  }
}

}  // namespace headgate::documents
