#include "api/json_string_scan.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace headgate::api {
namespace {

struct Stop {
  std::size_t at;
  bool not_ascii;
};

Stop stop_of(const std::string& text) {
  // An exact copy on the heap: reading behind its end shows under AddressSanitizer.
  const std::vector<char> exact(text.begin(), text.end());
  bool not_ascii = false;
  const char* const begin = exact.data();
  const char* const stop = scan_json_string(begin, begin + exact.size(), not_ascii);
  return {static_cast<std::size_t>(stop - begin), not_ascii};
}

/// The same, one byte after the other.
std::size_t expected_stop(const std::string& text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte == '\\') {
      const bool known =
          at + 1 < text.size() && text[at + 1] != 0 &&
          std::string_view("\"\\/bfnrt").find(text[at + 1]) != std::string_view::npos;
      if (!known) {
        break;
      }
      ++at;
    } else if (byte == '"' || byte < 0x20) {
      break;
    }
    ++at;
  }
  return at;
}

TEST(JsonStringScan, EveryByteIsJudgedAtEveryPlace) {
  for (const std::size_t length : {70U, 200U}) {
    for (std::size_t at = 0; at < length; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(length, 'x');
        text[at] = static_cast<char>(byte);
        const Stop stop = stop_of(text);
        ASSERT_EQ(stop.at, expected_stop(text)) << byte << " at " << at;
        if (stop.at == length) {
          ASSERT_EQ(stop.not_ascii, byte > 0x7F) << byte << " at " << at;
        }
      }
    }
  }
}

TEST(JsonStringScan, EveryEscapeIsJudgedAtEveryPlace) {
  for (std::size_t at = 0; at < 199; ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string text(200, 'x');
      text[at] = '\\';
      text[at + 1] = static_cast<char>(byte);
      ASSERT_EQ(stop_of(text).at, expected_stop(text)) << byte << " at " << at;
    }
  }
}

TEST(JsonStringScan, RunsOfBackslashesOfEveryLengthArePairedFromTheirStart) {
  for (std::size_t at = 0; at < 140; ++at) {
    for (std::size_t run = 1; at + run < 200; ++run) {
      for (const char next : {'"', 'n', 'u', 'x', '\x01'}) {
        std::string text(201, 'x');
        text.replace(at, run, run, '\\');
        text[at + run] = next;
        ASSERT_EQ(stop_of(text).at, expected_stop(text)) << at << ", " << run << ", " << next;
      }
    }
  }
}

TEST(JsonStringScan, ItNeverPassesTheEnd) {
  for (std::size_t length = 0; length < 200; ++length) {
    EXPECT_EQ(stop_of(std::string(length, 'x')).at, length);
    EXPECT_EQ(stop_of(std::string(length, 'x') + "\\").at, length) << "half an escape is left over";
  }
}

}  // namespace
}  // namespace headgate::api
