#include "routing/prefix_map.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

namespace headgate::routing {
namespace {

PrefixHasher conversation(int messages, const std::string& first = "hello") {
  PrefixHasher hasher;
  for (int i = 0; i < messages; ++i) {
    hasher.add(i % 2 == 0 ? "user" : "assistant", i == 0 ? first : std::to_string(i));
  }
  return hasher;
}

TEST(PrefixHasher, ConversationsShareAsManyPrefixesAsMessages) {
  const PrefixHasher three = conversation(3);
  const PrefixHasher five = conversation(5);
  ASSERT_EQ(five.prefixes().size(), 5U);
  EXPECT_TRUE(std::ranges::equal(three.prefixes(), five.prefixes().first(3)));
  const PrefixHasher other = conversation(5, "hello!");
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_NE(five.prefixes()[i], other.prefixes()[i]);
  }
}

TEST(PrefixHasher, TellsWhereOneMessageEndsAndTheNextBegins) {
  const auto last = [](std::initializer_list<std::pair<const char*, const char*>> messages) {
    PrefixHasher hasher;
    for (const auto& [role, content] : messages) {
      hasher.add(role, content);
    }
    return hasher.prefixes().back();
  };
  EXPECT_NE(last({{"user", "ab"}}), last({{"usera", "b"}}));
  EXPECT_NE(last({{"user", "a"}, {"user", "b"}}), last({{"user", "aubserb"}}));
}

TEST(PrefixHasher, KeepsTheLastOfALongConversation) {
  const PrefixHasher long_one = conversation(500);
  const PrefixHasher next_turn = conversation(502);
  ASSERT_EQ(long_one.prefixes().size(), PrefixHasher::kMost);
  const auto shared = next_turn.prefixes()[PrefixHasher::kMost - 3];
  EXPECT_EQ(shared, long_one.prefixes().back());
}

TEST(PrefixMap, FindsTheLongestKnownPrefix) {
  PrefixMap map;
  map.remember(conversation(2).prefixes(), 1);
  map.remember(conversation(4).prefixes(), 2);
  map.remember(conversation(1, "other").prefixes(), 3);
  EXPECT_EQ(map.find(conversation(6).prefixes()), 2U);
  EXPECT_EQ(map.find(conversation(6, "other").prefixes()), 3U);
  EXPECT_FALSE(map.find(conversation(6, "new").prefixes()));
  EXPECT_FALSE(map.find({}));
}

TEST(PrefixMap, ForgetsTheLeastRecentlyUsedAndKeepsItsBound) {
  PrefixMap map(100);
  for (int i = 0; i < 1000; ++i) {
    map.remember(conversation(3, std::to_string(i)).prefixes(), 1);
    map.remember(conversation(2, "kept").prefixes(), 2);
    ASSERT_LE(map.size(), 100U);
  }
  EXPECT_EQ(map.find(conversation(2, "kept").prefixes()), 2U);
  EXPECT_FALSE(map.find(conversation(3, "0").prefixes()));
  EXPECT_TRUE(map.find(conversation(3, "999").prefixes()));
}

TEST(PrefixMap, ForgetsLeavesBeforeWhatTheyAreOn) {
  PrefixMap map(10);
  map.remember(conversation(10).prefixes(), 1);
  map.remember(conversation(5, "new").prefixes(), 2);
  const PrefixHasher old = conversation(10);
  EXPECT_TRUE(map.find(old.prefixes().first(5)));
  EXPECT_EQ(map.find(old.prefixes().subspan(5)), std::nullopt);
}

}  // namespace
}  // namespace headgate::routing
