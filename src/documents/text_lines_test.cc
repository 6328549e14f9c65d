#include "documents/text_lines.h"

#include <gtest/gtest.h>

#include "documents/testing_documents.h"

namespace headgate::documents {
namespace {

model::Word word(const char* text, float left, float top) {
  return {.text = text,
          .box = {.left = left, .top = top, .right = left + 50, .bottom = top + 20},
          .confidence = 1};
}

TEST(TextLines, JoinsWordsOfALineAndDividesAtWideGaps) {
  const auto lines = lines_of({word("Total", 10, 100), word("due", 70, 102),
                               word("12.50", 400, 101), word("Thanks", 10, 200)});
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0].text(), "Total due");
  EXPECT_EQ(lines[1].text(), "12.50");
  EXPECT_EQ(lines[2].text(), "Thanks");
  EXPECT_NE(lines[0].block, lines[1].block) << "the next column";
  EXPECT_EQ(lines[0].box.right, 120);
}

TEST(TextLines, KeepsCloseLinesInOneBlock) {
  const auto lines =
      lines_of({word("first", 10, 100), word("second", 10, 125), word("apart", 10, 300)});
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0].block, lines[1].block);
  EXPECT_NE(lines[1].block, lines[2].block);
}

/// A layer with one word wherever `page` shows letters, or only over its top `part`.
model::PageReading layer_over(const Picture& page, float part, const char* text) {
  model::PageReading layer;
  layer.dpi = 100;
  layer.width = static_cast<float>(width_of(page));
  layer.height = static_cast<float>(height_of(page));
  model::Word whole = word(text, 0, 0);
  whole.box = {.left = 0, .top = 0, .right = layer.width, .bottom = layer.height * part};
  layer.lines = lines_of({whole});
  return layer;
}

Picture proof_page() {
  const Picture page = drawn_text({"one line of words", "another line of words", "a third line",
                                   "and a fourth line", "and a fifth line"});
  return scaled_to(page, 500);
}

TEST(TextLines, TakesALayerOnlyIfItCoversTheWriting) {
  const Picture page = proof_page();
  EXPECT_EQ(judge_layer(layer_over(page, 1, "word"), page, 100), LayerVerdict::Complete);
  EXPECT_EQ(judge_layer(layer_over(page, 0.4F, "word"), page, 100), LayerVerdict::Partial);
}

TEST(TextLines, RejectsALayerWithoutReadableCharacters) {
  const Picture page = proof_page();
  EXPECT_EQ(judge_layer(layer_over(page, 1, "\xEF\xBF\xBD\xEF\xBF\xBD\x61"), page, 100),
            LayerVerdict::Garbled);
  const std::string consonants(200, 'q');
  EXPECT_EQ(judge_layer(layer_over(page, 1, consonants.c_str()), page, 100), LayerVerdict::Garbled);
  model::PageReading empty = layer_over(page, 1, "x");
  empty.lines.clear();
  EXPECT_EQ(judge_layer(empty, page, 100), LayerVerdict::Empty);
}

}  // namespace
}  // namespace headgate::documents
