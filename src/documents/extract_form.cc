#include "documents/extract_form.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "documents/mask.h"
#include "documents/understand_text.h"

namespace headgate::documents {

namespace {

constexpr std::size_t kMinLabels = 4;  // fewer: the page only mentions the form
constexpr std::size_t kMaxFormPages = 16;

float text_confidence(const PageView& page, const FormCell& cell) {
  float sum = 0;
  for (const std::uint32_t i : cell.content) {
    sum += page.tokens[i].confidence;
  }
  return cell.content.empty() ? 0 : sum / static_cast<float>(cell.content.size());
}

// The value most often seen; among equals the surest.
template <class T>
std::optional<Reliable<T>> vote(const std::vector<Reliable<T>>& seen) {
  std::map<T, std::pair<int, float>> votes;
  for (const Reliable<T>& one : seen) {
    auto& [count, best] = votes[one.value];
    ++count;
    best = std::max(best, one.confidence);
  }
  std::optional<Reliable<T>> winner;
  std::pair<int, float> most{0, 0};
  for (const auto& [value, tally] : votes) {
    if (!winner || tally > most) {
      winner = Reliable<T>{value, tally.second};
      most = tally;
    }
  }
  if (winner && votes.size() > 1) {
    winner->confidence *=
        0.5F + 0.5F * static_cast<float>(most.first) / static_cast<float>(seen.size());
  }
  return winner;
}

bool looks_like_text(std::string_view line) { return count_letters(line) >= 2; }

bool fits(std::string_view text, std::size_t begin, std::size_t end) {
  return (begin == 0 || !is_digit(text[begin - 1])) && (end >= text.size() || !is_digit(text[end]));
}

// Digits of a number at `at` grouped by `sizes`; dashes or spaces between the groups.
std::optional<std::string> grouped_at(std::string_view text, std::size_t at,
                                      std::initializer_list<std::size_t> sizes) {
  std::string out;
  std::size_t i = at;
  for (const std::size_t size : sizes) {
    if (!out.empty()) {
      std::size_t breaks = 0;
      while (i < text.size() && (text[i] == '-' || text[i] == ' ') && breaks < 3) {
        ++i;
        ++breaks;
      }
      if (breaks == 0) {
        return std::nullopt;
      }
      out.push_back('-');
    }
    for (std::size_t k = 0; k < size; ++k, ++i) {
      if (i >= text.size() || !(is_digit(text[i]) || text[i] == '*' || text[i] == 'X')) {
        return std::nullopt;
      }
      out.push_back(text[i]);
    }
  }
  return fits(text, at, i) ? std::optional(out) : std::nullopt;
}

}  // namespace

std::optional<std::string> tin_in(std::string_view text, TinShape shape) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!is_digit(text[at]) && text[at] != '*' && text[at] != 'X') {
      continue;
    }
    if (shape != TinShape::Employer) {
      if (auto found = grouped_at(text, at, {3, 2, 4}); found && count_digits(*found) >= 4) {
        return found;
      }
    }
    if (shape != TinShape::Social) {
      if (auto found = grouped_at(text, at, {2, 7}); found && count_digits(*found) >= 4) {
        return found;
      }
    }
    if (auto found = grouped_at(text, at, {9}); found && count_digits(*found) == 9) {
      return shape == TinShape::Employer ? found->substr(0, 2) + "-" + found->substr(2) : *found;
    }
  }
  return std::nullopt;
}

FormReader::FormReader(const Reading& reading, std::span<const FormLabel> labels)
    : reading_(reading) {
  for (const PageView& page : reading.pages) {
    if (sheets_.size() >= kMaxFormPages) {
      break;
    }
    std::vector<FormCell> cells = form_cells(page, labels);
    std::vector<std::string_view> keys;
    for (const FormCell& cell : cells) {
      if (!one_of(keys, cell.key)) {
        keys.push_back(cell.key);
      }
    }
    if (keys.size() >= kMinLabels) {
      sheets_.push_back({&page, std::move(cells)});
    }
  }
}

std::optional<Reliable<double>> FormReader::amount(std::string_view key) const {
  std::vector<Reliable<double>> seen;
  for (const Sheet& sheet : sheets_) {
    for (const FormCell& cell : sheet.cells) {
      if (cell.key != key) {
        continue;
      }
      if (const auto found = cell_amount(*sheet.page, cell, reading_.mark)) {
        const float shape = found->amount.has_cents    ? 0.97F
                            : found->amount.is_money() ? 0.9F
                                                       : 0.75F;
        seen.push_back({found->amount.value, shape * found->confidence});
      }
    }
  }
  return vote(seen);
}

std::optional<Reliable<std::string>> FormReader::tin(std::string_view key, TinShape shape) const {
  std::vector<Reliable<std::string>> seen;
  for (const Sheet& sheet : sheets_) {
    for (const FormCell& cell : sheet.cells) {
      if (cell.key != key) {
        continue;
      }
      std::string text;
      std::uint32_t row = 0;
      for (const std::uint32_t i : cell.content) {
        text += sheet.page->tokens[i].row == row ? " " : "\n";
        text += sheet.page->tokens[i].text;
        row = sheet.page->tokens[i].row;
      }
      if (auto found = tin_in(text, shape)) {
        seen.push_back({std::move(*found), 0.96F * text_confidence(*sheet.page, cell)});
      }
    }
  }
  return vote(seen);
}

std::optional<Reliable<std::vector<std::string>>> FormReader::lines(std::string_view key) const {
  std::vector<Reliable<std::vector<std::string>>> seen;
  for (const Sheet& sheet : sheets_) {
    for (const FormCell& cell : sheet.cells) {
      if (cell.key != key) {
        continue;
      }
      std::vector<std::string> found = cell_lines(*sheet.page, cell);
      std::erase_if(found, [](const std::string& line) {
        return count_letters(line) + count_digits(line) < 2;
      });
      while (!found.empty() && !looks_like_text(found.front())) {
        found.erase(found.begin());
      }
      constexpr std::size_t kMaxLines = 6;
      if (found.size() > kMaxLines) {
        found.resize(kMaxLines);
      }
      if (!found.empty()) {
        seen.push_back({std::move(found), 0.92F * text_confidence(*sheet.page, cell)});
      }
    }
  }
  return vote(seen);
}

std::optional<Reliable<std::string>> FormReader::tin_anywhere(TinShape shape) const {
  std::vector<Reliable<std::string>> seen;
  for (const Sheet& sheet : sheets_) {
    for (const Cell& cell : sheet.page->cells) {
      const std::string text = sheet.page->text(cell);
      if (!text.contains('-')) {
        continue;  // nine bare digits may be anything
      }
      if (auto found = tin_in(text, shape)) {
        seen.push_back({std::move(*found), 0.75F});
      }
    }
  }
  return vote(seen);
}

std::optional<Reliable<double>> FormReader::year(std::string_view title) const {
  std::map<int, float> scores;
  for (const Sheet& sheet : sheets_) {
    const PageView& page = *sheet.page;
    const std::vector<PhraseHit> titles = find_phrase(page, title);
    for (std::size_t i = 0; i < page.tokens.size(); ++i) {
      const Token& token = page.tokens[i];
      const std::string_view bare = trim_marks(token.text);
      int year = 0;
      if (bare.size() == 4 && count_digits(bare) == 4) {
        year = std::atoi(std::string(bare).c_str());
      } else if (bare == "20" && i + 1 < page.tokens.size() &&
                 page.tokens[i + 1].row == token.row) {
        // "20" and "24" set apart, as in "For calendar year 20 24".
        const std::string_view next = trim_marks(page.tokens[i + 1].text);
        if (next.size() == 2 && count_digits(next) == 2) {
          year = 2000 + std::atoi(std::string(next).c_str());
        }
      }
      if (year < 1990 || year > 2079) {
        continue;
      }
      float score = std::min(token.box.height() / page.em, 4.0F);
      bool revised = false;
      for (std::size_t back = 1; back <= 2 && back <= i; ++back) {
        const Token& before = page.tokens[i - back];
        revised = revised ||
                  (before.row == token.row && (before.key == "rev" || before.key == "revised"));
        if (before.row == token.row && before.key == "year") {
          score += 4;
        }
      }
      if (revised) {
        score *= 0.2F;
      }
      for (const PhraseHit& hit : titles) {
        if (std::abs(hit.box.middle_y() - token.box.middle_y()) < 6 * page.em) {
          score += 2;
          break;
        }
      }
      scores[year] += score;
    }
  }
  std::optional<Reliable<double>> best;
  float total = 0;
  float most = 0;
  for (const auto& [year, score] : scores) {
    total += score;
    if (score > most) {
      most = score;
      best = Reliable<double>{static_cast<double>(year), 0};
    }
  }
  if (best) {
    best->confidence = 0.6F + 0.38F * most / total;
  }
  return best;
}

void set_party(Record& record, const Party& party,
               const std::optional<Reliable<std::vector<std::string>>>& lines) {
  if (!lines || lines->value.empty()) {
    return;
  }
  record.set(party.name_path, scrub(lines->value.front()), lines->confidence);
  std::string address;
  for (std::size_t i = 1; i < lines->value.size(); ++i) {
    address += address.empty() ? "" : ", ";
    address += lines->value[i];
  }
  record.set(party.address_path, scrub(address), 0.9F * lines->confidence);
}

void set_boxes(Record& record, const FormReader& form) {
  for (const FormBox& box : boxes_of(record.type())) {
    if (const auto amount = form.amount(box.key)) {
      record.set(box.key, amount->value, amount->confidence);
    }
  }
}

}  // namespace headgate::documents
