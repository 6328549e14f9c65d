#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/document.h"

namespace headgate::documents {

/// A word with its folded form, and where it stands.
struct Token {
  std::string text;
  std::string key;  ///< fold(text); empty for rulings and punctuation
  model::Box box;
  float confidence = 1;
  std::uint32_t row = 0;
  std::uint32_t cell = 0;
};

/// Tokens [first, last) of a page.
struct Range {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
};

/// Neighbouring tokens of a row without a wide gap between them.
struct Cell {
  Range tokens;
  model::Box box;
  std::uint32_t row = 0;
};

/// Cells at one height, left to right.
struct Row {
  Range tokens;
  Range cells;  ///< indices into PageView::cells
  model::Box box;
};

/// A page as rows of cells, rebuilt from the word boxes: whatever order and lines the reader gave,
/// what stands side by side is in one row. Tokens are sorted by row, then left to right.
struct PageView {
  std::uint32_t number = 1;
  float width = 0;
  float height = 0;
  float em = 10;  ///< median height of a token: the unit of distance
  std::vector<Token> tokens;
  std::vector<Cell> cells;
  std::vector<Row> rows;

  std::string text(Range range) const;
  std::string text(const Cell& cell) const { return text(cell.tokens); }
  std::string text(const Row& row) const { return text(row.tokens); }
};

/// What is looked at: more pages and words are left out, so that time and memory stay bounded.
inline constexpr std::size_t kMaxPages = 64;
inline constexpr std::size_t kMaxWordsPerPage = 6'000;
inline constexpr std::size_t kMaxWords = 40'000;
inline constexpr std::size_t kMaxWordBytes = 128;

/// Views of the pages that have words, in order. Words without a usable box are left out.
std::vector<PageView> view_pages(std::span<const model::PageReading> pages);

model::Box join(const model::Box& a, const model::Box& b);

}  // namespace headgate::documents
