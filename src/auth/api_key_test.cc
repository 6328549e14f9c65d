#include "auth/api_key.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace headgate::auth {
namespace {

TEST(ApiKey, HasItsPublicIdAnd43SecretCharacters) {
  const MintedKey key = mint_api_key();
  EXPECT_EQ(key.id.size(), 12U);
  EXPECT_EQ(key.text.size(), 3U + 12U + 1U + 43U);
  EXPECT_TRUE(key.text.starts_with("hg_" + key.id + "_"));
  EXPECT_EQ(api_key_id(key.text), key.id);
}

TEST(ApiKey, IsNeverTheSameTwice) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const MintedKey key = mint_api_key();
    EXPECT_TRUE(seen.insert(key.text.substr(16)).second);
  }
}

TEST(ApiKey, OtherTextsHaveNoId) {
  const std::string good = mint_api_key().text;
  std::string wrong_sign = good;
  wrong_sign.back() = '-';
  std::string wrong_gap = good;
  wrong_gap[15] = 'x';
  for (const std::string& text :
       {std::string(), good + "a", good.substr(1), wrong_sign, wrong_gap, "HG_" + good.substr(3)}) {
    EXPECT_FALSE(api_key_id(text)) << text;
  }
}

TEST(ApiKey, ANameHasNothingThatATerminalWouldObey) {
  EXPECT_TRUE(is_key_name("ci of the \xC3\xA9quipe"));
  EXPECT_TRUE(is_key_name(std::string(128, 'n')));
  for (const std::string& bad :
       {std::string(), std::string(129, 'n'), std::string("a\nb"), std::string("a\0b", 3),
        std::string("\x1b[2J"), std::string("a\tb"), std::string("\xff")}) {
    EXPECT_FALSE(is_key_name(bad));
  }
}

}  // namespace
}  // namespace headgate::auth
