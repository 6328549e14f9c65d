#include "providers/sse_splitter.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace headgate::providers {
namespace {

using testing::ElementsAre;

struct Seen {
  std::vector<std::string> data;
  std::string text;  // of all events together
};

/// Feeds `stream` in pieces of `size` bytes.
Seen split(const std::string& stream, std::size_t size) {
  SseSplitter splitter;
  Seen seen;
  for (std::size_t at = 0; at < stream.size(); at += size) {
    EXPECT_TRUE(splitter.feed(std::string_view(stream).substr(at, size)));
    while (auto event = splitter.next()) {
      seen.data.emplace_back(event->data);
      seen.text.append(event->text);
    }
  }
  return seen;
}

TEST(SseSplitter, GivesTheSameEventsHoweverTheStreamIsCut) {
  const std::string stream =
      "data: one\n\n: a comment\n\ndata:two\nid: 7\n\nevent: x\ndata: three\ndata: lines\n\n";
  for (std::size_t size = 1; size <= stream.size(); ++size) {
    const Seen seen = split(stream, size);
    EXPECT_THAT(seen.data, ElementsAre("one", "", "two", "three\nlines")) << size;
    EXPECT_EQ(seen.text, stream) << size;
  }
}

TEST(SseSplitter, TakesEveryKindOfLineEnd) {
  for (const std::string_view end : {"\n", "\r\n", "\r"}) {
    std::string stream;
    for (const std::string_view line :
         {"data: one", "", "data: two", "", "data: three", "", "data: more"}) {
      stream.append(line).append(end);
    }
    for (std::size_t size = 1; size <= stream.size(); ++size) {
      EXPECT_THAT(split(stream, size).data, ElementsAre("one", "two", "three"))
          << "cut every " << size << ", line end of " << end.size();
    }
  }
}

TEST(SseSplitter, AnEventWithoutItsBlankLineIsNotHandedOut) {
  EXPECT_THAT(split("data: whole\n\ndata: half\n", 3).data, ElementsAre("whole"));
}

TEST(SseSplitter, AByteOrderMarkAtTheStartIsNotPartOfTheFirstLine) {
  EXPECT_THAT(split("\xEF\xBB\xBF"
                    "data: one\n\n",
                    64)
                  .data,
              ElementsAre("one"));
}

TEST(SseSplitter, AByteOrderMarkThatComesInPiecesHidesNoLineEnd) {
  SseSplitter splitter;
  for (const std::string_view piece : {"\xEF", "\xBB", "\xBF\n", "data: one\n", "\n"}) {
    ASSERT_TRUE(splitter.feed(piece));
    if (const auto event = splitter.next(); event && !event->data.empty()) {
      EXPECT_EQ(event->data, "one");
      return;
    }
  }
  FAIL() << "the event was not found";
}

TEST(SseSplitter, TakesLargerEventsWhereItIsTold) {
  SseSplitter splitter(SseSplitter::kMaxEvent * 2);
  const std::string block(1 << 16, 'x');
  ASSERT_TRUE(splitter.feed("data: "));
  for (std::size_t size = 0; size < SseSplitter::kMaxEvent * 3 / 2; size += block.size()) {
    ASSERT_TRUE(splitter.feed(block));
    ASSERT_FALSE(splitter.next());
  }
  ASSERT_TRUE(splitter.feed("\r"));
  ASSERT_FALSE(splitter.next());
  ASSERT_TRUE(splitter.feed("\n\r\n"));
  const auto event = splitter.next();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->data.size(), SseSplitter::kMaxEvent * 3 / 2);
}

TEST(SseSplitter, KnowsTheNameOfAnEvent) {
  SseSplitter splitter;
  ASSERT_TRUE(splitter.feed("event: error\ndata: {}\n\n"));
  const auto event = splitter.next();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->event, "error");
  EXPECT_EQ(event->data, "{}");
}

TEST(SseSplitter, AnEventThatNeverEndsIsAnError) {
  SseSplitter splitter;
  const std::string block(1 << 20, 'x');
  Result<void> fed;
  std::size_t blocks = 0;
  while (fed && blocks < 10) {
    fed = splitter.feed(block);
    ++blocks;
  }
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().kind, ErrorKind::UpstreamFailed);
  EXPECT_LE(blocks, SseSplitter::kMaxEvent / block.size() + 1);
}

}  // namespace
}  // namespace headgate::providers
