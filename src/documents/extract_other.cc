#include <algorithm>
#include <string>
#include <vector>

#include "documents/extract_types.h"
#include "documents/mask.h"
#include "documents/understand_label.h"
#include "documents/understand_party.h"
#include "documents/understand_text.h"

namespace headgate::documents {

namespace {

constexpr std::size_t kMaxEntities = 50;

void set_title(const PageView& page, Record& record) {
  const Cell* best = nullptr;
  float best_score = 0;
  for (const Cell& cell : page.cells) {
    const std::string text = page.text(cell);
    if (count_letters(text) < 4 || text.size() > 120) {
      continue;
    }
    const float score =
        2 * std::min(cell.box.height() / page.em, 4.0F) + 2 * (1 - cell.box.top / page.height);
    if (best == nullptr || score > best_score) {
      best = &cell;
      best_score = score;
    }
  }
  if (best != nullptr && best->box.top < 0.6F * page.height) {
    record.set("document_info.title", scrub(trim_marks(page.text(*best))), 0.5F);
  }
}

// Names are only taken where a label or a company's form says so.
void add_names(const PageView& page, Record& record, std::vector<std::string>& seen) {
  const auto add = [&](std::string_view text) {
    const std::string name = scrub(trim_marks(text));
    if (count_letters(name) >= 3 && count_digits(name) == 0 && name.size() <= 60 &&
        !one_of(seen, name) && seen.size() < kMaxEntities) {
      seen.push_back(name);
      record.add("entities.names[]", {{"", name}});
    }
  };
  for (const PhraseHit& hit : find_phrase(page,
                                          "=name|full name|applicant name|customer name|patient "
                                          "name|employee name|account name|=attn|=dear")) {
    const auto places = near(page, hit);
    if (!places.empty() && places.front().where != Where::Below) {
      add(page.text(places.front().tokens));
    }
  }
  for (const Cell& cell : page.cells) {
    const std::string text = page.text(cell);
    const std::string key = fold(text);
    const bool form = key.ends_with("inc") || key.ends_with("llc") || key.ends_with("ltd") ||
                      key.ends_with("gmbh") || key.ends_with("corporation");
    if (form && text.size() <= 50) {
      add(text);
    }
  }
}

}  // namespace

void extract_other(const Reading& reading, Findings& findings) {
  Record& record = findings.record;
  record.set("document_info.type", std::string("unknown"), 0.9F);
  if (reading.pages.empty()) {
    return;
  }
  set_title(reading.pages.front(), record);
  std::vector<std::string> dates;
  std::vector<std::string> names;
  std::size_t addresses = 0;
  std::size_t amounts = 0;
  for (const PageView& page : reading.pages) {
    add_names(page, record, names);
    for (const Row& row : page.rows) {
      for (const FoundDate& found : find_dates(page.text(row), reading.order)) {
        const std::string iso = found.date.iso();
        if (!one_of(dates, iso) && dates.size() < kMaxEntities) {
          dates.push_back(iso);
          record.add("entities.dates[]", {{"", iso}});
        }
      }
      for (const FoundAmount& found : find_amounts(page, row.tokens, reading.mark)) {
        if ((found.amount.has_currency || found.amount.has_cents) && amounts < 4 * kMaxEntities) {
          ++amounts;
          record.add("amounts[]",
                     {{"raw", scrub(page.text(found.tokens))}, {"value", found.amount.value}});
        }
      }
      for (std::uint32_t c = row.cells.first; c < row.cells.last; ++c) {
        const std::string text = page.text(page.cells[c]);
        if (text.size() >= 12 && text.size() <= 120 && looks_like_address(text) &&
            is_digit(text.front()) && count_letters(text) >= 6 && addresses < kMaxEntities) {
          ++addresses;
          record.add("entities.addresses[]", {{"", scrub(trim_marks(text))}});
        }
      }
    }
  }
  if (!dates.empty()) {
    record.set("document_info.date", dates.front(), 0.6F);
  }
}

}  // namespace headgate::documents
