#include "base/json_balance.h"

#include <string>

#include <gtest/gtest.h>

namespace headgate {
namespace {

/// Fed cut at every position.
bool is_whole(std::string_view text) {
  JsonBalance at_once;
  at_once.feed(text);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    JsonBalance balance;
    balance.feed(text.substr(0, cut));
    balance.feed(text.substr(cut));
    EXPECT_EQ(balance.whole(), at_once.whole()) << text << " at " << cut;
  }
  return at_once.whole();
}

TEST(JsonBalance, IsWholeWhenWhatWasOpenedIsClosed) {
  EXPECT_TRUE(is_whole(R"( {"a":[{"b":"}]\"\\"}],"c":1} )"));
  EXPECT_TRUE(is_whole("[]\n"));
}

TEST(JsonBalance, IsNotWholeWhenItIsCutOrGoesOn) {
  const std::string text = R"({"a":["x\"}",{}]})";
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_FALSE(is_whole(text.substr(0, length))) << length;
  }
  EXPECT_FALSE(is_whole("{}{}"));
  EXPECT_FALSE(is_whole("{} x"));
  EXPECT_FALSE(is_whole("x"));
  EXPECT_FALSE(is_whole("   "));
}

}  // namespace
}  // namespace headgate
