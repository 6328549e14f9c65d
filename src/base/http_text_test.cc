#include "base/http_text.h"

#include <string>

#include <gtest/gtest.h>

namespace headgate {
namespace {

TEST(HttpText, ATokenIsLettersDigitsAndFifteenMarks) {
  int allowed = 0;
  for (int c = 0; c < 256; ++c) {
    allowed += is_token(std::string(1, static_cast<char>(c))) ? 1 : 0;
  }
  EXPECT_EQ(allowed, 26 * 2 + 10 + 15);
  EXPECT_TRUE(is_token("X-Api_Key.1~"));
  EXPECT_FALSE(is_token(""));
  EXPECT_FALSE(is_token("a b"));
  EXPECT_FALSE(is_token("caf\xC3\xA9"));
}

TEST(HttpText, AControlCharacterIsFoundAtEveryPlaceOfAValue) {
  for (std::size_t length : {1U, 15U, 16U, 17U, 40U}) {
    for (std::size_t at = 0; at < length; ++at) {
      for (int c = 0; c < 256; ++c) {
        std::string value(length, 'v');
        value[at] = static_cast<char>(c);
        const bool good = c == '\t' || (c >= 0x20 && c != 0x7F);
        EXPECT_EQ(is_field_value(value), good) << "byte " << c << " at " << at << " of " << length;
      }
    }
  }
  EXPECT_TRUE(is_field_value(""));
}

TEST(HttpText, TrimmingTakesSpacesAndTabsOnly) {
  EXPECT_EQ(trim_blanks(" \t a b\t "), "a b");
  EXPECT_EQ(trim_blanks("\r a"), "\r a");
  EXPECT_EQ(trim_blanks(" \t"), "");
}

TEST(HttpText, AMediaTypeIsComparedWholeAndWithoutItsParameters) {
  for (const char* json :
       {"application/json", "Application/JSON", "application/json; charset=utf-8",
        "application/json \t;charset=utf-8", "application/json;"}) {
    EXPECT_TRUE(is_media_type(json, "application/json")) << json;
  }
  for (const char* other :
       {"application/jsonx", "application/json-seq", "application/json, text/html",
        "application/jso", "text/json", "", ";application/json"}) {
    EXPECT_FALSE(is_media_type(other, "application/json")) << other;
  }
}

}  // namespace
}  // namespace headgate
