#include "documents/understand_table.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace headgate::documents {

namespace {

constexpr std::size_t kMaxHeaders = 32;      // on one page
constexpr std::size_t kMaxHeaderWords = 24;  // more words in a row are a sentence

struct Found {
  std::size_t kind;
  PhraseHit hit;
};

}  // namespace

bool TableHeader::has(std::string_view key) const {
  return std::ranges::any_of(columns, [&](const Column& column) { return column.key == key; });
}

std::vector<TableHeader> find_headers(const PageView& page, std::span<const ColumnKind> kinds,
                                      std::size_t min_columns) {
  std::vector<std::vector<Found>> by_row(page.rows.size());
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
    for (const PhraseHit& hit : find_phrase(page, kinds[kind].phrases)) {
      by_row[page.tokens[hit.tokens.first].row].push_back({kind, hit});
    }
  }
  std::vector<TableHeader> headers;
  for (std::uint32_t row = 0; row < by_row.size() && headers.size() < kMaxHeaders; ++row) {
    // Words in front of the header's own: a sentence is no header.
    const Row& band = page.rows[row];
    if (by_row[row].empty() || band.tokens.last - band.tokens.first > kMaxHeaderWords) {
      continue;
    }
    TableHeader header;
    std::size_t covered = 0;
    const auto add_row = [&](std::uint32_t at) {
      for (const Found& found : by_row[at]) {
        const bool inside = std::ranges::any_of(by_row[at], [&](const Found& other) {
          return &other != &found && other.hit.tokens.first <= found.hit.tokens.first &&
                 other.hit.tokens.last >= found.hit.tokens.last &&
                 other.hit.tokens.last - other.hit.tokens.first >
                     found.hit.tokens.last - found.hit.tokens.first;
        });
        if (inside || header.has(kinds[found.kind].key)) {
          continue;
        }
        header.columns.push_back({kinds[found.kind].key, found.hit.box});
        covered += found.hit.tokens.last - found.hit.tokens.first;
      }
    };
    add_row(row);
    header.row = row;
    if (row + 1 < by_row.size() && by_row[row + 1].size() <= kMaxHeaderWords &&
        !by_row[row + 1].empty() && page.rows[row + 1].box.top - band.box.bottom < 1.2F * page.em) {
      const std::size_t before = header.columns.size();
      add_row(row + 1);
      if (header.columns.size() > before) {
        header.row = row + 1;
      }
    }
    std::size_t words = 0;
    for (std::uint32_t i = band.tokens.first; i < band.tokens.last; ++i) {
      words += page.tokens[i].key.empty() ? 0 : 1;
    }
    if (header.columns.size() < min_columns || covered * 3 < words) {
      continue;
    }
    std::ranges::sort(header.columns, {}, [](const Column& column) { return column.box.left; });
    row = header.row;
    headers.push_back(std::move(header));
  }
  return headers;
}

const Column* column_of(const TableHeader& header, const model::Box& box) {
  const Column* best = nullptr;
  float best_distance = std::numeric_limits<float>::max();
  for (const Column& column : header.columns) {
    const float overlap =
        std::min(box.right, column.box.right) - std::max(box.left, column.box.left);
    const float edges =
        std::min({std::abs(box.right - column.box.right), std::abs(box.left - column.box.left),
                  std::abs(box.middle_x() - column.box.middle_x())});
    const float distance = overlap > 0 ? 0.2F * edges : -overlap + edges;
    if (distance < best_distance) {
      best_distance = distance;
      best = &column;
    }
  }
  return best;
}

}  // namespace headgate::documents
