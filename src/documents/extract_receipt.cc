#include <array>

#include "documents/extract_totals.h"
#include "documents/extract_types.h"
#include "documents/mask.h"
#include "documents/understand_label.h"
#include "documents/understand_party.h"
#include "documents/understand_text.h"

namespace headgate::documents {

namespace {

constexpr auto kDateLabels = std::to_array<std::string_view>(
    {"=date|=datum|=fecha|=data|invoice date|receipt date|transaction date|date time|bill date"});

void set_date(const Reading& reading, Record& record) {
  auto date = labelled_date(reading.pages, reading.order, kDateLabels);
  if (!date) {
    for (const PageView& page : reading.pages) {
      for (const Row& row : page.rows) {
        if (const auto first = first_date(page.text(row), reading.order)) {
          date = LabelledDate{*first, 0.8F * confidence_of(page, row.tokens)};
          break;
        }
      }
      if (date) {
        break;
      }
    }
  }
  if (date) {
    record.set("date", date->date.iso(), date->confidence);
  }
}

// Words that begin the sums below the items.
constexpr std::string_view kSums =
    "subtotal|sub total|=total|grand total|total sales|total amount|=tax|sales "
    "tax|=cash|=change|=rounding|"
    "=visa|=mastercard|amount due|balance due|total qty|total quantity|gst summary|=discount|net "
    "total";

// Items are rows with words on the left and an amount at the right edge, above the sums.
void add_items(const Reading& reading, Record& record) {
  if (reading.pages.empty()) {
    return;
  }
  const PageView& page = reading.pages.front();
  for (const Row& row : page.rows) {
    const bool sums = has_phrase(page, row.tokens, kSums);
    if (sums) {
      if (!record.list("items[]").empty()) {
        return;
      }
      continue;
    }
    const auto amounts = find_amounts(page, row.tokens, reading.mark);
    if (amounts.empty() || !amounts.back().amount.has_cents ||
        amounts.back().tokens.last + 1 < row.tokens.last) {
      continue;
    }
    std::string description;
    std::optional<double> quantity;
    for (std::uint32_t i = row.tokens.first; i < amounts.back().tokens.first; ++i) {
      const std::string& text = page.tokens[i].text;
      const bool whole = count_digits(text) == text.size() && text.size() <= 3;
      if (i == row.tokens.first && whole) {
        quantity = parse_amount(text)->value;
        continue;
      }
      if (parse_amount(text, reading.mark) && !whole) {
        continue;  // a unit price
      }
      description += description.empty() ? "" : " ";
      description += text;
    }
    description = std::string(trim_marks(description));
    if (count_letters(description) < 2 || !find_dates(description, reading.order).empty()) {
      continue;
    }
    record.add("items[]", {{"description", scrub(description)},
                           {"quantity", quantity ? FieldValue(*quantity) : FieldValue()},
                           {"amount", amounts.back().amount.value}});
  }
}

}  // namespace

void extract_receipt(const Reading& reading, Findings& findings) {
  Record& record = findings.record;
  if (!reading.pages.empty()) {
    const PageView& page = reading.pages.front();
    if (const auto merchant = find_merchant(page)) {
      record.set("merchant.name", scrub(merchant->name), merchant->confidence);
      record.set("merchant.address", scrub(merchant->address), 0.8F * merchant->confidence);
    }
    if (const auto phone = find_phone(page)) {
      record.set("merchant.phone", *phone, 0.7F);
    }
  }
  set_date(reading, record);
  set_totals(record, find_totals(reading));
  add_items(reading, record);
}

}  // namespace headgate::documents
