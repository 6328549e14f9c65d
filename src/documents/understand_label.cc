#include "documents/understand_label.h"

#include <algorithm>
#include <cmath>

#include "documents/understand_text.h"

namespace headgate::documents {

namespace {

constexpr std::size_t kMaxHits = 400;         // of one phrase in the whole document
constexpr std::uint32_t kMaxValueWords = 48;  // longer cells are looked at in their beginning

float where_factor(Where where) {
  switch (where) {
    case Where::SameCell:
      return 0.95F;
    case Where::Right:
      return 0.93F;
    case Where::Below:
      return 0.85F;
  }
  return 0.85F;
}

Range head_of(Range tokens) {
  return {tokens.first, std::min(tokens.last, tokens.first + kMaxValueWords)};
}

// The cells of the first rows below the label that overlap it sideways.
void add_below(const PageView& page, const PhraseHit& hit, std::vector<Nearby>& places) {
  const std::uint32_t label_row = page.tokens[hit.tokens.first].row;
  const float em = std::max(page.em, hit.box.height());
  std::size_t found = 0;
  for (std::uint32_t row = label_row + 1; row < page.rows.size() && found < 2; ++row) {
    if (page.rows[row].box.top - hit.box.bottom > 3.5F * em) {
      break;
    }
    for (std::uint32_t c = page.rows[row].cells.first; c < page.rows[row].cells.last; ++c) {
      const Cell& cell = page.cells[c];
      const bool last = c + 1 == page.rows[row].cells.last;
      const float slack = last ? 1.5F * em : 0;  // a right-aligned last column
      if (cell.box.top >= hit.box.middle_y() && cell.box.left < hit.box.right + slack &&
          cell.box.right > hit.box.left) {
        places.push_back({head_of(cell.tokens), Where::Below});
        ++found;
        break;
      }
    }
  }
}

// Amounts below each other in the column of `first`; where the last is the sum of the others it is
// what the column's label names.
std::optional<FoundAmount> column_sum(const PageView& page, const FoundAmount& first,
                                      DecimalMark mark) {
  constexpr std::size_t kMaxColumn = 40;
  double sum = first.amount.value;
  std::size_t count = 1;
  float bottom = first.box.bottom;
  for (std::uint32_t row = page.tokens[first.tokens.first].row + 1; row < page.rows.size(); ++row) {
    if (page.rows[row].box.top - bottom > 4 * page.em || count > kMaxColumn ||
        page.rows[row].tokens.last - page.rows[row].tokens.first > kMaxValueWords) {
      break;
    }
    for (const FoundAmount& below : find_amounts(page, page.rows[row].tokens, mark)) {
      if (std::abs(below.box.right - first.box.right) > page.em || !below.amount.is_money()) {
        continue;
      }
      if (count >= 2 && same_money(below.amount.value, sum)) {
        return below;
      }
      sum += below.amount.value;
      ++count;
      bottom = below.box.bottom;
      break;
    }
  }
  return std::nullopt;
}

template <class Visit>
void for_each_hit(std::span<const PageView> pages, std::string_view phrases, const Refuse& refuse,
                  Visit visit) {
  std::size_t seen = 0;
  for (std::size_t p = 0; p < pages.size(); ++p) {
    for (const PhraseHit& hit : find_phrase(pages[p], phrases)) {
      if (refuse && refuse(pages[p], hit)) {
        continue;
      }
      if (++seen > kMaxHits || !visit(p, hit)) {
        return;
      }
    }
  }
}

}  // namespace

std::vector<Nearby> near(const PageView& page, const PhraseHit& hit) {
  std::vector<Nearby> places;
  const Token& last = page.tokens[hit.tokens.last - 1];
  const Cell& cell = page.cells[last.cell];
  std::uint32_t behind = hit.tokens.last;
  while (behind < cell.tokens.last && page.tokens[behind].key.empty() &&
         count_digits(page.tokens[behind].text) == 0 && page.tokens[behind].text.size() <= 2 &&
         !std::string_view("$€£-(").contains(page.tokens[behind].text)) {
    ++behind;  // ":", "#", "|"
  }
  if (behind < cell.tokens.last) {
    places.push_back({head_of({behind, cell.tokens.last}), Where::SameCell});
  }
  constexpr std::uint32_t kMaxRight = 6;
  const Row& row = page.rows[last.row];
  for (std::uint32_t c = last.cell + 1; c < row.cells.last && c <= last.cell + kMaxRight; ++c) {
    places.push_back({head_of(page.cells[c].tokens), Where::Right});
  }
  add_below(page, hit, places);
  return places;
}

std::vector<LabelledAmount> labelled_amounts(std::span<const PageView> pages, DecimalMark mark,
                                             std::span<const std::string_view> phrases,
                                             const Refuse& refuse) {
  std::vector<LabelledAmount> found;
  for (std::size_t rank = 0; rank < phrases.size(); ++rank) {
    for_each_hit(pages, phrases[rank], refuse, [&](std::size_t p, const PhraseHit& hit) {
      const PageView& page = pages[p];
      std::optional<FoundAmount> best;
      Where best_where = Where::Below;
      for (const Nearby& place : near(page, hit)) {
        if (best && (place.where == Where::Below || best->amount.is_money())) {
          if (place.where == Where::Below) {
            break;
          }
        }
        for (const FoundAmount& amount : find_amounts(page, place.tokens, mark)) {
          // Later columns of a totals row are more total; but a bare number never beats money.
          if (!best || amount.amount.is_money() || !best->amount.is_money()) {
            best = amount;
            best_where = place.where;
          }
        }
      }
      if (best && best_where == Where::Below) {
        if (const auto sum = column_sum(page, *best, mark)) {
          best = sum;
        }
      }
      if (best) {
        const float shape = best->amount.is_money() ? 1.0F : 0.75F;
        found.push_back({best->amount.value,
                         where_factor(best_where) * shape * (0.4F + 0.6F * best->confidence), p,
                         best->box, rank});
      }
      return true;
    });
  }
  return found;
}

std::optional<LabelledDate> labelled_date(std::span<const PageView> pages, DayOrder order,
                                          std::span<const std::string_view> phrases,
                                          const Refuse& refuse) {
  std::optional<LabelledDate> found;
  for (const std::string_view phrase : phrases) {
    for_each_hit(pages, phrase, refuse, [&](std::size_t p, const PhraseHit& hit) {
      for (const Nearby& place : near(pages[p], hit)) {
        const auto dates = find_dates(pages[p].text(place.tokens), order);
        if (!dates.empty()) {
          const float sure = dates[0].ambiguous && order == DayOrder::Unknown ? 0.75F : 1.0F;
          found = LabelledDate{dates[0].date, sure * where_factor(place.where) *
                                                  confidence_of(pages[p], place.tokens)};
          return false;
        }
      }
      return true;
    });
    if (found) {
      return found;
    }
  }
  return found;
}

std::optional<LabelledText> labelled_text(std::span<const PageView> pages,
                                          std::span<const std::string_view> phrases,
                                          const Accept& accept, const Refuse& refuse) {
  std::optional<LabelledText> found;
  for (const std::string_view phrase : phrases) {
    for_each_hit(pages, phrase, refuse, [&](std::size_t p, const PhraseHit& hit) {
      std::size_t right = 0;
      for (const Nearby& place : near(pages[p], hit)) {
        if (place.where == Where::Right && ++right > 1) {
          continue;  // only the neighbour
        }
        if (auto text = accept(pages[p].text(place.tokens))) {
          found = LabelledText{std::move(*text),
                               where_factor(place.where) * confidence_of(pages[p], place.tokens)};
          return false;
        }
      }
      return true;
    });
    if (found) {
      return found;
    }
  }
  return found;
}

std::string_view key_before(const PageView& page, const PhraseHit& hit) {
  const std::uint32_t begin = page.rows[page.tokens[hit.tokens.first].row].tokens.first;
  for (std::uint32_t i = hit.tokens.first; i > begin; --i) {
    if (!page.tokens[i - 1].key.empty()) {
      return page.tokens[i - 1].key;
    }
  }
  return {};
}

std::string_view key_behind(const PageView& page, const PhraseHit& hit) {
  const std::uint32_t end = page.rows[page.tokens[hit.tokens.first].row].tokens.last;
  for (std::uint32_t i = hit.tokens.last; i < end; ++i) {
    if (!page.tokens[i].key.empty()) {
      return page.tokens[i].key;
    }
  }
  return {};
}

float confidence_of(const PageView& page, Range tokens) {
  float sum = 0;
  for (std::uint32_t i = tokens.first; i < tokens.last; ++i) {
    sum += page.tokens[i].confidence;
  }
  return tokens.last > tokens.first ? sum / static_cast<float>(tokens.last - tokens.first) : 0;
}

}  // namespace headgate::documents
