#include "documents/text_lines.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>

#include <leptonica/allheaders.h>

namespace headgate::documents {
namespace {

model::Box around(const model::Box& a, const model::Box& b) {
  return {.left = std::min(a.left, b.left),
          .top = std::min(a.top, b.top),
          .right = std::max(a.right, b.right),
          .bottom = std::max(a.bottom, b.bottom)};
}

bool continues(const model::Line& line, const model::Word& word) {
  constexpr float kWidestGap = 2.0F;  // in heights of the line
  const model::Box& last = line.words.back().box;
  const float overlap = std::min(last.bottom, word.box.bottom) - std::max(last.top, word.box.top);
  const float height = std::max(1.0F, std::min(last.height(), word.box.height()));
  const float gap = word.box.left - last.right;
  return overlap > height / 2 && gap > -height &&
         gap < kWidestGap * std::max(last.height(), height);
}

bool begins_block(const model::Line& before, const model::Line& line) {
  const float height = std::max(1.0F, line.box.height());
  const float gap = line.box.top - before.box.bottom;
  const bool beside = line.box.left > before.box.right || line.box.right < before.box.left;
  return beside || gap > height || gap < -height / 2;
}

struct Characters {
  std::size_t all = 0;
  std::size_t odd = 0;  ///< U+FFFD, private use, control
  std::size_t letters = 0;
  std::size_t vowels = 0;
};

void count(std::string_view text, Characters& characters) {
  constexpr std::string_view kVowels = "aeiouyAEIOUY";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0) == 0x80) {
      continue;
    }
    ++characters.all;
    const std::string_view rest = text.substr(i, 3);
    const bool private_use = rest >= "\xEE\x80\x80" && rest <= "\xEF\xA3\xBF";
    if (rest == "\xEF\xBF\xBD" || private_use) {
      ++characters.odd;
    } else if ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') {
      ++characters.letters;
      characters.vowels += kVowels.contains(text[i]) ? 1 : 0;
    }
  }
}

/// Fonts without a way back to Unicode give glyph numbers for text.
bool is_garbled(const Characters& characters) {
  constexpr std::size_t kEnoughLetters = 150;
  const bool odd = characters.odd * 20 > characters.all;
  const bool no_language =
      characters.letters > kEnoughLetters && characters.vowels * 5 < characters.letters;
  return odd || no_language;
}

struct Marks {
  std::size_t covered = 0;
  std::size_t bare = 0;
};

/// Components of the size of letters, by whether a word of the layer covers their middle.
Marks letter_marks(const model::PageReading& layer, const Picture& page, float dpi) {
  constexpr int kInk = 150;
  const Picture black(pixThresholdToBinary(page.get(), kInk));
  const Picture cover(pixCreate(width_of(page), height_of(page), 1));
  Marks marks;
  if (!black || !cover) {
    return marks;
  }
  const float scale = dpi / layer.dpi;
  const float margin = dpi / 50;
  for (const model::Line& line : layer.lines) {
    for (const model::Word& word : line.words) {
      const auto left = static_cast<l_int32>(word.box.left * scale - margin);
      const auto top = static_cast<l_int32>(word.box.top * scale - margin);
      const auto width = static_cast<l_int32>(word.box.width() * scale + 2 * margin);
      const auto height = static_cast<l_int32>(word.box.height() * scale + 2 * margin);
      BOX* box = boxCreate(std::max(left, 0), std::max(top, 0), width, height);
      pixSetInRect(cover.get(), box);
      boxDestroy(&box);
    }
  }
  BOXA* boxes = pixConnCompBB(black.get(), 8);
  const l_int32 total = boxes != nullptr ? boxaGetCount(boxes) : 0;
  const auto smallest = static_cast<l_int32>(dpi * 0.045F);  // 3 points
  const auto tallest = static_cast<l_int32>(dpi * 0.40F);
  for (l_int32 i = 0; i < total; ++i) {
    l_int32 x = 0;
    l_int32 y = 0;
    l_int32 w = 0;
    l_int32 h = 0;
    boxaGetBoxGeometry(boxes, i, &x, &y, &w, &h);
    if (h < smallest || h > tallest || w > 3 * tallest || w < 2) {
      continue;
    }
    l_uint32 set = 0;
    pixGetPixel(cover.get(), x + w / 2, y + h / 2, &set);
    ++(set != 0 ? marks.covered : marks.bare);
  }
  boxaDestroy(&boxes);
  return marks;
}

}  // namespace

std::vector<model::Line> lines_of(std::vector<model::Word> words) {
  std::vector<model::Line> lines;
  std::uint32_t block = 0;
  for (model::Word& word : words) {
    if (!lines.empty() && continues(lines.back(), word)) {
      lines.back().box = around(lines.back().box, word.box);
      lines.back().words.push_back(std::move(word));
      continue;
    }
    model::Line line;
    line.box = word.box;
    line.words.push_back(std::move(word));
    lines.push_back(std::move(line));
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0 && begins_block(lines[i - 1], lines[i])) {
      ++block;
    }
    lines[i].block = block;
  }
  return lines;
}

LayerVerdict judge_layer(const model::PageReading& layer, const Picture& page, float dpi) {
  constexpr std::size_t kStrayMarks = 12;  // boxes to tick, dots of a logo
  Characters characters;
  for (const model::Line& line : layer.lines) {
    for (const model::Word& word : line.words) {
      count(word.text, characters);
    }
  }
  if (characters.all == 0) {
    return LayerVerdict::Empty;
  }
  if (is_garbled(characters)) {
    return LayerVerdict::Garbled;
  }
  const Marks marks = letter_marks(layer, page, dpi);
  const bool bare = marks.bare > kStrayMarks && marks.bare * 5 > marks.covered + marks.bare;
  return bare ? LayerVerdict::Partial : LayerVerdict::Complete;
}

}  // namespace headgate::documents
