#include "documents/understand_page.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "documents/understand_text.h"

namespace headgate::documents {

using model::Box;

namespace {

constexpr float kMaxCoordinate = 1e6F;

bool usable(const Box& box) {
  for (const float edge : {box.left, box.top, box.right, box.bottom}) {
    if (!std::isfinite(edge) || std::abs(edge) > kMaxCoordinate) {
      return false;
    }
  }
  return box.right >= box.left && box.bottom > box.top;
}

// Where "Date:01/02/2020" or "Invoice#77" divides, or 0.
std::size_t glued_label_end(std::string_view text) {
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    if ((text[i] == ':' || text[i] == '#') && is_letter(text[i - 1]) &&
        (is_digit(text[i + 1]) || is_letter(text[i + 1]) || text[i + 1] == '$')) {
      return i + 1;
    }
  }
  return 0;
}

void add_token(std::vector<Token>& tokens, std::string_view text, const Box& box,
               float confidence) {
  const float sure = std::isfinite(confidence) ? std::clamp(confidence, 0.0F, 1.0F) : 0.0F;
  tokens.push_back({std::string(text), fold(text), box, sure, 0, 0});
}

void add_word(std::vector<Token>& tokens, const model::Word& word) {
  const std::string_view text = clip(trim(word.text), kMaxWordBytes);
  if (text.empty() || !usable(word.box)) {
    return;
  }
  const std::size_t cut = glued_label_end(text);
  if (cut == 0) {
    add_token(tokens, text, word.box, word.confidence);
    return;
  }
  const float at =
      word.box.left + word.box.width() * static_cast<float>(cut) / static_cast<float>(text.size());
  Box before = word.box;
  Box after = word.box;
  before.right = at;
  after.left = at;
  add_token(tokens, text.substr(0, cut), before, word.confidence);
  add_token(tokens, text.substr(cut), after, word.confidence);
}

float median_height(const std::vector<Token>& tokens) {
  std::vector<float> heights;
  heights.reserve(tokens.size());
  for (const Token& token : tokens) {
    heights.push_back(token.box.height());
  }
  const auto middle = heights.begin() + static_cast<std::ptrdiff_t>(heights.size() / 2);
  std::ranges::nth_element(heights, middle);
  return std::max(*middle, 1.0F);
}

// A run of tokens of one given line without a wide gap: the piece rows are built from.
struct Piece {
  std::vector<Token> tokens;
  Box box;
};

void cut_line(std::vector<Token> tokens, std::vector<Piece>& pieces) {
  std::ranges::sort(tokens, {}, [](const Token& token) { return token.box.left; });
  Piece piece;
  for (Token& token : tokens) {
    const bool joins =
        !piece.tokens.empty() &&
        token.box.left - piece.box.right <= std::max(token.box.height(), piece.box.height()) &&
        std::abs(token.box.middle_y() - piece.tokens.back().box.middle_y()) <
            0.6F * std::max(token.box.height(), piece.tokens.back().box.height());
    if (!piece.tokens.empty() && !joins) {
      pieces.push_back(std::move(piece));
      piece = {};
    }
    piece.box = piece.tokens.empty() ? token.box : join(piece.box, token.box);
    piece.tokens.push_back(std::move(token));
  }
  if (!piece.tokens.empty()) {
    pieces.push_back(std::move(piece));
  }
}

// Groups pieces at the same height; each group is sorted left to right.
std::vector<std::vector<std::size_t>> group_rows(const std::vector<Piece>& pieces) {
  std::vector<std::size_t> order(pieces.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {},
                    [&](std::size_t i) { return std::pair(pieces[i].box.middle_y(), i); });
  std::vector<std::vector<std::size_t>> rows;
  float middle = 0;
  float height = 0;
  for (const std::size_t i : order) {
    const Box& box = pieces[i].box;
    if (rows.empty() ||
        box.middle_y() - middle > 0.5F * std::min(height, std::max(box.height(), 1.0F))) {
      rows.emplace_back();
      middle = box.middle_y();
      height = box.height();
    }
    auto& row = rows.back();
    row.push_back(i);
    const auto count = static_cast<float>(row.size());
    middle += (box.middle_y() - middle) / count;
    height += (box.height() - height) / count;
  }
  for (auto& row : rows) {
    std::ranges::sort(row, {}, [&](std::size_t i) { return std::pair(pieces[i].box.left, i); });
  }
  return rows;
}

void lay_out(PageView& view, std::vector<Piece>& pieces) {
  for (const auto& group : group_rows(pieces)) {
    Row row;
    row.tokens.first = static_cast<std::uint32_t>(view.tokens.size());
    row.cells.first = static_cast<std::uint32_t>(view.cells.size());
    const auto row_number = static_cast<std::uint32_t>(view.rows.size());
    for (const std::size_t i : group) {
      Piece& piece = pieces[i];
      const bool first = view.cells.size() == row.cells.first;
      const bool joins = !first && piece.box.left - view.cells.back().box.right <=
                                       std::max(piece.box.height(), view.cells.back().box.height());
      if (!joins) {
        const auto at = static_cast<std::uint32_t>(view.tokens.size());
        view.cells.push_back({{at, at}, piece.box, row_number});
      }
      Cell& cell = view.cells.back();
      cell.box = join(cell.box, piece.box);
      row.box = first ? piece.box : join(row.box, piece.box);
      for (Token& token : piece.tokens) {
        token.row = row_number;
        token.cell = static_cast<std::uint32_t>(view.cells.size() - 1);
        view.tokens.push_back(std::move(token));
      }
      cell.tokens.last = static_cast<std::uint32_t>(view.tokens.size());
    }
    row.tokens.last = static_cast<std::uint32_t>(view.tokens.size());
    row.cells.last = static_cast<std::uint32_t>(view.cells.size());
    view.rows.push_back(row);
  }
}

}  // namespace

Box join(const Box& a, const Box& b) {
  return {std::min(a.left, b.left), std::min(a.top, b.top), std::max(a.right, b.right),
          std::max(a.bottom, b.bottom)};
}

std::string PageView::text(Range range) const {
  std::string joined;
  for (std::uint32_t i = range.first; i < range.last && i < tokens.size(); ++i) {
    if (!joined.empty()) {
      joined.push_back(' ');
    }
    joined.append(tokens[i].text);
  }
  return joined;
}

std::vector<PageView> view_pages(std::span<const model::PageReading> pages) {
  std::vector<PageView> views;
  std::size_t words_left = kMaxWords;
  for (const model::PageReading& page : pages.first(std::min(pages.size(), kMaxPages))) {
    std::vector<Piece> pieces;
    std::vector<Token> all;
    std::size_t page_left = std::min(words_left, kMaxWordsPerPage);
    for (const model::Line& line : page.lines) {
      std::vector<Token> tokens;
      for (const model::Word& word : line.words) {
        if (page_left == 0) {
          break;
        }
        --page_left;
        --words_left;
        add_word(tokens, word);
      }
      all.insert(all.end(), tokens.begin(), tokens.end());
      cut_line(std::move(tokens), pieces);
      if (page_left == 0) {
        break;
      }
    }
    if (all.empty()) {
      continue;
    }
    PageView view;
    view.number = page.number;
    const auto sane = [](float size, float otherwise) {
      return std::isfinite(size) && size > 0 && size < kMaxCoordinate ? size : otherwise;
    };
    Box extent = all.front().box;
    for (const Token& token : all) {
      extent = join(extent, token.box);
    }
    view.width = sane(page.width, std::max(extent.right, 1.0F));
    view.height = sane(page.height, std::max(extent.bottom, 1.0F));
    view.em = median_height(all);
    lay_out(view, pieces);
    views.push_back(std::move(view));
  }
  return views;
}

}  // namespace headgate::documents
