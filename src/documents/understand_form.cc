#include "documents/understand_form.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "documents/understand_text.h"

namespace headgate::documents {

using model::Box;

namespace {

constexpr std::size_t kMaxAnchors = 600;  // of all labels on one page

struct Anchor {
  std::size_t label = 0;
  PhraseHit hit;
  Box box;  // with the box number before it
  bool numbered = false;
};

// The words instruction lines and second label lines are made of.
constexpr std::array<std::string_view, 92> kLabelWords{"name",         "street",
                                                       "address",      "city",
                                                       "or",           "town",
                                                       "state",        "province",
                                                       "country",      "zip",
                                                       "foreign",      "postal",
                                                       "code",         "and",
                                                       "telephone",    "no",
                                                       "number",       "including",
                                                       "apt",          "see",
                                                       "instructions", "identification",
                                                       "social",       "security",
                                                       "payers",       "payer",
                                                       "recipients",   "recipient",
                                                       "lenders",      "lender",
                                                       "borrowers",    "borrower",
                                                       "employers",    "employer",
                                                       "employees",    "employee",
                                                       "first",        "initial",
                                                       "last",         "suff",
                                                       "tin",          "federal",
                                                       "income",       "tax",
                                                       "withheld",     "compensation",
                                                       "box",          "account",
                                                       "form",         "copy",
                                                       "for",          "the",
                                                       "of",           "on",
                                                       "with",         "in",
                                                       "to",           "wages",
                                                       "tips",         "other",
                                                       "paid",         "received",
                                                       "from",         "amount",
                                                       "amounts",      "total",
                                                       "if",           "your",
                                                       "is",           "optional",
                                                       "fatca",        "filing",
                                                       "requirement",  "2nd",
                                                       "not",          "omb",
                                                       "department",   "treasury",
                                                       "internal",     "revenue",
                                                       "service",      "this",
                                                       "be",           "a",
                                                       "an",           "interest",
                                                       "bonds",        "us",
                                                       "dividends",    "distributions",
                                                       "obligations",  "ssn"};

bool is_label_word(std::string_view key) { return one_of(kLabelWords, key); }

std::vector<Anchor> find_anchors(const PageView& page, std::span<const FormLabel> labels) {
  std::vector<Anchor> anchors;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    for (const PhraseHit& hit : find_phrase(page, labels[i].phrases)) {
      Anchor anchor{i, hit, hit.box, false};
      const std::uint32_t first = hit.tokens.first;
      if (first > 0 && page.tokens[first - 1].row == page.tokens[first].row &&
          page.tokens[first - 1].key.size() <= 3 && !page.tokens[first - 1].key.empty() &&
          hit.box.left - page.tokens[first - 1].box.right < 1.5F * page.em) {
        const Token& before = page.tokens[first - 1];
        anchor.numbered = !labels[i].number.empty() && before.key == labels[i].number;
        if (anchor.numbered || before.key.size() == 1) {
          anchor.box = join(anchor.box, before.box);
        }
      }
      anchors.push_back(anchor);
    }
  }
  // A label inside a longer one ("Social security wages" in "... wages and tips") is the longer
  // one.
  std::vector<Anchor> kept;
  for (const Anchor& anchor : anchors) {
    const bool inside = std::ranges::any_of(anchors, [&](const Anchor& other) {
      const auto size = [](const Anchor& a) { return a.hit.tokens.last - a.hit.tokens.first; };
      return &other != &anchor && other.hit.tokens.first <= anchor.hit.tokens.first &&
             other.hit.tokens.last >= anchor.hit.tokens.last &&
             (size(other) > size(anchor) ||
              (size(other) == size(anchor) && other.hit.edits < anchor.hit.edits));
    });
    if (!inside && kept.size() < kMaxAnchors) {
      kept.push_back(anchor);
    }
  }
  return kept;
}

// Where a label is printed with its number and also in running text without it, the text is not a
// box.
void drop_unnumbered(std::vector<Anchor>& anchors, std::span<const FormLabel> labels) {
  std::vector<bool> numbered(labels.size(), false);
  for (const Anchor& anchor : anchors) {
    numbered[anchor.label] = numbered[anchor.label] || anchor.numbered;
  }
  std::erase_if(anchors,
                [&](const Anchor& anchor) { return numbered[anchor.label] && !anchor.numbered; });
}

Box area_of(const PageView& page, const Anchor& anchor, const std::vector<Anchor>& anchors) {
  const float em = std::max(anchor.hit.box.height(), 0.6F * page.em);
  Box area{anchor.box.left - 0.7F * em, anchor.box.top - 0.3F * em, page.width, page.height};
  for (const Anchor& other : anchors) {
    if (&other == &anchor) {
      continue;
    }
    const bool same_height = std::abs(other.box.top - anchor.box.top) < 1.6F * em;
    if (same_height && other.box.left > anchor.hit.box.right - 0.3F * em) {
      area.right = std::min(area.right, other.box.left - 0.2F * em);
    }
  }
  // Below: the first label that stands under this cell's label.
  const float reach = std::min(area.right, anchor.hit.box.right + 2 * em);
  for (const Anchor& other : anchors) {
    if (&other != &anchor && other.box.top > anchor.hit.box.bottom + 0.2F * em &&
        other.box.left < reach && other.hit.box.right > area.left + 0.7F * em) {
      area.bottom = std::min(area.bottom, other.box.top - 0.1F * em);
    }
  }
  area.bottom = std::min(area.bottom, anchor.hit.box.bottom + 12 * page.em);
  return area;
}

}  // namespace

std::vector<FormCell> form_cells(const PageView& page, std::span<const FormLabel> labels) {
  std::vector<Anchor> anchors = find_anchors(page, labels);
  drop_unnumbered(anchors, labels);
  std::vector<bool> in_label(page.tokens.size(), false);
  for (const Anchor& anchor : anchors) {
    for (std::uint32_t i = anchor.hit.tokens.first; i < anchor.hit.tokens.last; ++i) {
      in_label[i] = true;
    }
  }
  std::vector<FormCell> cells;
  for (const Anchor& anchor : anchors) {
    FormCell cell{labels[anchor.label].key, anchor.box, area_of(page, anchor, anchors), {}};
    for (std::uint32_t row = 0; row < page.rows.size(); ++row) {
      const Row& band = page.rows[row];
      if (band.box.bottom < cell.area.top || band.box.top > cell.area.bottom) {
        continue;
      }
      for (std::uint32_t i = band.tokens.first; i < band.tokens.last; ++i) {
        const Token& token = page.tokens[i];
        const bool inside =
            token.box.middle_x() > cell.area.left && token.box.middle_x() < cell.area.right &&
            token.box.middle_y() > cell.area.top && token.box.middle_y() < cell.area.bottom;
        const bool before_label = token.box.right <= anchor.hit.box.left + 1 &&
                                  token.box.middle_y() < anchor.hit.box.bottom;
        if (inside && !in_label[i] && !before_label) {
          cell.content.push_back(i);
        }
      }
    }
    cells.push_back(std::move(cell));
  }
  return cells;
}

std::vector<std::string> cell_lines(const PageView& page, const FormCell& cell) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < cell.content.size();) {
    const std::uint32_t row = page.tokens[cell.content[i]].row;
    std::string line;
    std::size_t words = 0;
    std::size_t label_words = 0;
    for (; i < cell.content.size() && page.tokens[cell.content[i]].row == row; ++i) {
      const Token& token = page.tokens[cell.content[i]];
      if (token.key.empty() && token.text != "&" && token.text != "-") {
        continue;
      }
      ++words;
      label_words += is_label_word(token.key) ? 1 : 0;
      line += line.empty() ? "" : " ";
      line += token.text;
    }
    // Half label words or more: the label goes on in this line.
    if (words > 0 && label_words * 2 < words + (words > 1 ? 0 : 1)) {
      lines.emplace_back(trim_marks(line));
    }
  }
  return lines;
}

std::optional<FoundAmount> cell_amount(const PageView& page, const FormCell& cell,
                                       DecimalMark mark) {
  std::optional<FoundAmount> best;
  float best_cost = 0;
  for (std::size_t i = 0; i < cell.content.size();) {
    // Tokens that follow each other in the page and in the cell.
    Range run{cell.content[i], cell.content[i] + 1};
    for (++i; i < cell.content.size() && cell.content[i] == run.last &&
              page.tokens[cell.content[i]].row == page.tokens[run.first].row;
         ++i) {
      run.last = cell.content[i] + 1;
    }
    for (const FoundAmount& found : find_amounts(page, run, mark)) {
      const std::string text = page.text(found.tokens);
      const std::size_t digits = count_digits(text);
      // Box numbers and the like; years and ZIP codes have no cents.
      if (!found.amount.is_money() && (digits < 2 || digits > 7)) {
        continue;
      }
      // "1.063" is a comma misread or a scrawl; neither is a sum to rely on.
      if (found.amount.has_cents && found.amount.decimals != 2) {
        continue;
      }
      const float below = std::max(0.0F, found.box.middle_y() - cell.label.middle_y());
      float cost = below / page.em + (found.amount.has_cents ? 0.0F : 3.0F);
      cost += found.amount.is_money() ? 0.0F : digits < 3 ? 4.0F : 1.0F;
      if (!best || cost < best_cost) {
        best = found;
        best_cost = cost;
      }
    }
  }
  return best;
}

}  // namespace headgate::documents
