#include "base/chunked_decoder.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace headgate {
namespace {

struct Decoded {
  std::string data;
  std::size_t taken = 0;
  bool complete = false;
  std::optional<ErrorKind> error;
};

/// Feeds `text` as bytes arrive, `size` at a time.
Decoded decode(const std::string& text, std::size_t size, std::uint64_t limit = 1 << 20) {
  ChunkedDecoder decoder(limit);
  Decoded decoded;
  std::size_t arrived = 0;
  while (!decoder.complete() && !decoded.error) {
    if (decoded.taken == arrived) {
      if (arrived == text.size()) {
        break;
      }
      arrived = std::min(arrived + size, text.size());
    }
    auto step = decoder.next(std::string_view(text).substr(decoded.taken, arrived - decoded.taken));
    if (!step) {
      decoded.error = step.error().kind;
      break;
    }
    decoded.taken += step->taken;
    decoded.data.append(step->data);
    if (step->taken == 0 && step->data.empty() && !decoder.complete()) {
      if (arrived == text.size()) {
        break;
      }
      arrived = std::min(arrived + size, text.size());
    }
  }
  decoded.complete = decoder.complete();
  return decoded;
}

TEST(ChunkedDecoder, GivesTheSameBytesHoweverTheyArrive) {
  const std::string text =
      "4\r\nWiki\r\n5;name=value\r\npedia\r\nA\r\n in\r\n\r\nchu\r\n0\r\nX: y\r\n\r\n";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    const Decoded decoded = decode(text + "next request", size);
    EXPECT_EQ(decoded.data, "Wikipedia in\r\n\r\nchu") << size;
    EXPECT_TRUE(decoded.complete);
    EXPECT_EQ(decoded.taken, text.size()) << "nothing of what follows is taken";
  }
}

TEST(ChunkedDecoder, AnythingAmbiguousIsRefused) {
  for (const std::string text :
       {"\r\n", "g\r\n", "0x1\r\na\r\n", "+1\r\na\r\n", "-1\r\na\r\n", "1 \r\na\r\n", " 1\r\na\r\n",
        "1\na\r\n", "1\r\nab\r\n", "1\r\na0\r\n", "1\r\na\n0\r\n\r\n", "1\r\r\na\r\n",
        "FFFFFFFFFFFFFFFFF\r\n", "10000000000000000\r\n", "1_0\r\n", "1;a\nb\r\na\r\n",
        "0\r\n\n"}) {
    for (const std::size_t size : {std::size_t{1}, text.size()}) {
      EXPECT_EQ(decode(text, size).error, ErrorKind::InvalidRequest)
          << testing::PrintToString(text) << size;
    }
  }
}

TEST(ChunkedDecoder, TheLimitCountsAllChunksTogether) {
  const std::string text = "4\r\nabcd\r\n4\r\nefgh\r\n0\r\n\r\n";
  EXPECT_TRUE(decode(text, 3, 8).complete);
  EXPECT_EQ(decode(text, 3, 7).error, ErrorKind::TooLarge);
  EXPECT_EQ(decode("FFFFFFFF\r\n", 99, 1000).error, ErrorKind::TooLarge)
      << "before any of it is read";
}

TEST(ChunkedDecoder, ExtensionsAndTrailersHaveABound) {
  EXPECT_TRUE(decode("1;" + std::string(64 << 10, 'x') + "\r\na\r\n", 1024).error);
  std::string many;
  for (int i = 0; i < 200'000; ++i) {
    many += "1;xxxxxxxx\r\na\r\n";
  }
  EXPECT_TRUE(decode(many, 4096).error) << "extensions of all chunks together";
  EXPECT_TRUE(decode("0\r\nX: " + std::string(64 << 10, 'x') + "\r\n\r\n", 1024).error);
}

TEST(ChunkedDecoder, AnIncompleteBodyIsNotComplete) {
  for (const std::string text :
       {"", "4", "4\r\n", "4\r\nWik", "4\r\nWiki\r\n", "0\r\n", "0\r\n\r"}) {
    const Decoded decoded = decode(text, 1);
    EXPECT_FALSE(decoded.complete) << text;
    EXPECT_FALSE(decoded.error) << text;
  }
}

}  // namespace
}  // namespace headgate
