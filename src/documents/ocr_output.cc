#include "documents/ocr_output.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/encoding.h"
#include "documents/fields.h"
#include "documents/understand_page.h"

namespace headgate::documents {

namespace {

enum class Category : std::uint8_t { Title, Text, Table };

std::string_view name_of(Category category) {
  switch (category) {
    case Category::Title:
      return "Title";
    case Category::Text:
      return "Text";
    case Category::Table:
      return "Table";
  }
  return "Text";
}

// Rows that belong together, and as what.
struct Block {
  Category category = Category::Text;
  std::uint32_t first = 0;  // rows [first, last)
  std::uint32_t last = 0;
};

std::uint32_t cells_in(const Row& row) { return row.cells.last - row.cells.first; }

// Cells of two rows begin or end at the same places.
bool aligned(const PageView& page, const Row& a, const Row& b) {
  std::uint32_t matching = 0;
  const float slack = 1.2F * page.em;
  for (std::uint32_t i = a.cells.first; i < a.cells.last; ++i) {
    for (std::uint32_t j = b.cells.first; j < b.cells.last; ++j) {
      const model::Box& x = page.cells[i].box;
      const model::Box& y = page.cells[j].box;
      if (std::abs(x.left - y.left) < slack || std::abs(x.right - y.right) < slack) {
        ++matching;
        break;
      }
    }
  }
  return matching >= 2;
}

bool is_title(const PageView& page, const Row& row) {
  return cells_in(row) == 1 && row.box.height() > 1.4F * page.em &&
         row.tokens.last - row.tokens.first <= 12;
}

std::vector<Block> blocks_of(const PageView& page) {
  std::vector<Block> blocks;
  for (std::uint32_t r = 0; r < page.rows.size(); ++r) {
    const Row& row = page.rows[r];
    Category category = Category::Text;
    const bool with_previous = r > 0 && cells_in(row) >= 2 && cells_in(page.rows[r - 1]) >= 2 &&
                               aligned(page, page.rows[r - 1], row);
    const bool with_next = r + 1 < page.rows.size() && cells_in(row) >= 2 &&
                           cells_in(page.rows[r + 1]) >= 2 && aligned(page, row, page.rows[r + 1]);
    if (with_previous || with_next) {
      category = Category::Table;
    } else if (is_title(page, row)) {
      category = Category::Title;
    }
    const bool near = !blocks.empty() &&
                      row.box.top - page.rows[blocks.back().last - 1].box.bottom < 1.3F * page.em;
    const bool joins = !blocks.empty() && blocks.back().category == category && near &&
                       (category != Category::Table || with_previous);
    if (joins) {
      blocks.back().last = r + 1;
    } else {
      blocks.push_back({category, r, r + 1});
    }
  }
  return blocks;
}

// Left edges of a table's columns, merged where they nearly agree.
std::vector<float> columns_of(const PageView& page, const Block& block) {
  constexpr std::size_t kMaxColumns = 24;
  std::vector<float> middles;
  std::uint32_t widest = block.first;
  for (std::uint32_t r = block.first; r < block.last; ++r) {
    if (cells_in(page.rows[r]) > cells_in(page.rows[widest])) {
      widest = r;
    }
  }
  const Row& row = page.rows[widest];
  for (std::uint32_t c = row.cells.first; c < row.cells.last && middles.size() < kMaxColumns; ++c) {
    middles.push_back(page.cells[c].box.middle_x());
  }
  return middles;
}

std::string escape_cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') {
      out += '\\';
    }
    out += c;
  }
  return out;
}

void write_table(std::string& out, const PageView& page, const Block& block) {
  const std::vector<float> columns = columns_of(page, block);
  for (std::uint32_t r = block.first; r < block.last; ++r) {
    std::vector<std::string> texts(columns.size());
    const Row& row = page.rows[r];
    for (std::uint32_t c = row.cells.first; c < row.cells.last; ++c) {
      const float middle = page.cells[c].box.middle_x();
      const auto nearest = std::ranges::min_element(
          columns, {}, [&](float column) { return std::abs(column - middle); });
      std::string& text = texts[static_cast<std::size_t>(nearest - columns.begin())];
      text += text.empty() ? "" : " ";
      text += escape_cell(page.text(page.cells[c]));
    }
    for (const std::string& text : texts) {
      out += "| " + text + " ";
    }
    out += "|\n";
    if (r == block.first) {
      for (std::size_t i = 0; i < columns.size(); ++i) {
        out += "| --- ";
      }
      out += "|\n";
    }
  }
}

std::string number(float value) {
  return json_number(std::round(static_cast<double>(value) * 100) / 100);
}

void write_box(std::string& out, const model::Box& box) {
  out += '[' + number(box.left) + ',' + number(box.top) + ',' + number(box.right) + ',' +
         number(box.bottom) + ']';
}

void write_words(std::string& out, const model::Line& line) {
  out += '[';
  bool first = true;
  for (const model::Word& word : line.words) {
    out += first ? "" : ",";
    first = false;
    out += "{\"text\":" + json_quote(word.text) + ",\"bbox\":";
    write_box(out, word.box);
    out += ",\"confidence\":" + number(word.confidence) + '}';
  }
  out += ']';
}

float confidence_of(const model::Line& line) {
  float sum = 0;
  for (const model::Word& word : line.words) {
    sum += word.confidence;
  }
  return line.words.empty() ? 0 : sum / static_cast<float>(line.words.size());
}

std::string text_of(const PageView& page) {
  std::string text;
  for (const Row& row : page.rows) {
    for (std::uint32_t c = row.cells.first; c < row.cells.last; ++c) {
      text += c > row.cells.first ? "  " : "";
      text += page.text(page.cells[c]);
    }
    text += '\n';
  }
  return text;
}

}  // namespace

std::string pages_as_text(std::span<const model::PageReading> pages) {
  std::string text;
  for (const model::PageReading& page : pages) {
    text += &page == &pages.front() ? "" : "\f\n";
    for (const PageView& view : view_pages({&page, 1})) {
      text += text_of(view);
    }
  }
  return text;
}

std::string pages_as_markdown(std::span<const model::PageReading> pages) {
  std::string out;
  for (const model::PageReading& reading : pages) {
    for (const PageView& page : view_pages({&reading, 1})) {
      for (const Block& block : blocks_of(page)) {
        out += out.empty() ? "" : "\n";
        if (block.category == Category::Table) {
          write_table(out, page, block);
          continue;
        }
        for (std::uint32_t r = block.first; r < block.last; ++r) {
          out += block.category == Category::Title ? "## " : "";
          out += page.text(page.rows[r]);
          out += '\n';
        }
      }
    }
  }
  return out;
}

std::string pages_as_layout(std::span<const model::PageReading> pages) {
  std::string out = "{\"layout_elements\":[";
  bool first = true;
  for (const model::PageReading& reading : pages) {
    for (const PageView& page : view_pages({&reading, 1})) {
      for (const Block& block : blocks_of(page)) {
        model::Box box = page.rows[block.first].box;
        std::string text;
        float sum = 0;
        std::uint32_t words = 0;
        for (std::uint32_t r = block.first; r < block.last; ++r) {
          const Row& row = page.rows[r];
          box = join(box, row.box);
          text += text.empty() ? "" : "\n";
          text += page.text(row);
          for (std::uint32_t i = row.tokens.first; i < row.tokens.last; ++i, ++words) {
            sum += page.tokens[i].confidence;
          }
        }
        out += first ? "" : ",";
        first = false;
        out += "{\"page\":" + std::to_string(page.number) + ",\"bbox\":";
        write_box(out, box);
        out += ",\"category\":" + json_quote(name_of(block.category)) +
               ",\"text\":" + json_quote(text) +
               ",\"confidence\":" + number(words > 0 ? sum / static_cast<float>(words) : 0) + '}';
      }
    }
  }
  return out + "]}";
}

std::string pages_as_json(std::span<const model::PageReading> pages) {
  std::string out = "{\"pages\":[";
  for (const model::PageReading& page : pages) {
    out += &page == &pages.front() ? "" : ",";
    out += "{\"page\":" + std::to_string(page.number) + ",\"width\":" + number(page.width) +
           ",\"height\":" + number(page.height) + ",\"dpi\":" + number(page.dpi) +
           ",\"source\":" + json_quote(model::name_of(page.source)) +
           ",\"confidence\":" + number(page.confidence) +
           ",\"text\":" + json_quote(pages_as_text({&page, 1})) + ",\"lines\":[";
    bool first = true;
    for (const model::Line& line : page.lines) {
      out += first ? "" : ",";
      first = false;
      out += "{\"text\":" + json_quote(line.text()) + ",\"bbox\":";
      write_box(out, line.box);
      out += ",\"confidence\":" + number(confidence_of(line)) + ",\"words\":";
      write_words(out, line);
      out += '}';
    }
    out += "]}";
  }
  return out + "]}";
}

}  // namespace headgate::documents
