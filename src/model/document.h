#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace headgate::model {

/// A rectangle in page pixels at PageReading's size; right and bottom are exclusive.
struct Box {
  float left = 0;
  float top = 0;
  float right = 0;
  float bottom = 0;
  float width() const { return right - left; }
  float height() const { return bottom - top; }
  float middle_x() const { return (left + right) / 2; }
  float middle_y() const { return (top + bottom) / 2; }
};

struct Word {
  std::string text;  ///< UTF-8, no spaces
  Box box;
  float confidence = 1;  ///< 0..1; 1 for a text layer
};

/// Words on one visual line, left to right.
struct Line {
  std::vector<Word> words;
  Box box;
  std::uint32_t block = 0;  ///< lines of one paragraph or cell share a block; reading order
  std::string text() const {
    std::string joined;
    for (const Word& word : words) {
      if (!joined.empty()) {
        joined.push_back(' ');
      }
      joined.append(word.text);
    }
    return joined;
  }
};

/// What was read on one page, in reading order.
struct PageReading {
  enum class Source : std::uint8_t { TextLayer, Ocr, Blank };
  std::uint32_t number = 1;  ///< from 1
  float width = 0;           ///< pixels at `dpi`
  float height = 0;
  float dpi = 200;
  Source source = Source::Ocr;
  float confidence = 0;  ///< mean of the words, 0..1
  std::vector<Line> lines;
};

inline std::string_view name_of(PageReading::Source source) {
  switch (source) {
    case PageReading::Source::TextLayer:
      return "text_layer";
    case PageReading::Source::Ocr:
      return "ocr";
    case PageReading::Source::Blank:
      return "blank";
  }
  return "ocr";
}

}  // namespace headgate::model
