#include "api/json_string_scan.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace headgate::api {
namespace {

/// Where the scan of `text` stops, as an offset.
std::size_t stop_of(const std::string& text, bool& not_ascii) {
  std::string padded = text;
  padded.append(kScanPadding, '"');
  not_ascii = false;
  return static_cast<std::size_t>(
      scan_json_string(padded.data(), padded.data() + text.size(), not_ascii) - padded.data());
}

TEST(JsonStringScan, EveryByteIsJudgedAtEveryPlace) {
  for (std::size_t at = 0; at < 70; ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string text(70, 'x');
      text[at] = static_cast<char>(byte);
      bool not_ascii = false;
      const bool special = byte == '"' || byte == '\\' || byte < 0x20;
      ASSERT_EQ(stop_of(text, not_ascii), special ? at : 70U) << byte << " at " << at;
      ASSERT_EQ(not_ascii, byte > 0x7F) << byte << " at " << at;
    }
  }
}

TEST(JsonStringScan, TwoCharacterEscapesArePassedAndOthersAreNot) {
  for (std::size_t at = 0; at < 66; ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string text(70, 'x');
      text[at] = '\\';
      text[at + 1] = static_cast<char>(byte);
      bool not_ascii = false;
      const bool known =
          byte != 0 &&
          std::string_view("\"\\/bfnrt").find(static_cast<char>(byte)) != std::string_view::npos;
      ASSERT_EQ(stop_of(text, not_ascii), known ? 70U : at) << byte << " at " << at;
    }
  }
}

TEST(JsonStringScan, ItNeverPassesTheEnd) {
  bool not_ascii = false;
  EXPECT_EQ(stop_of("", not_ascii), 0U);
  EXPECT_EQ(stop_of("abc\\", not_ascii), 3U) << "half an escape is left to the caller";
  EXPECT_EQ(stop_of(R"(\\\"\n)", not_ascii), 6U);
}

}  // namespace
}  // namespace headgate::api
