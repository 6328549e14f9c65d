#include "auth/passwords.h"

#include <gtest/gtest.h>

namespace headgate::auth {
namespace {

TEST(Passwords, VerifyOnlyTheRightOne) {
  const auto hash = hash_password("correct horse");
  ASSERT_TRUE(hash);
  EXPECT_TRUE(hash->starts_with("$argon2id$v=19$m=19456,t=2,p=1$")) << *hash;
  EXPECT_TRUE(verify_password("correct horse", *hash));
  EXPECT_FALSE(verify_password("correct hors", *hash));
  EXPECT_FALSE(verify_password("", *hash));
  EXPECT_NE(*hash, *hash_password("correct horse")) << "each has its own salt";
}

TEST(Passwords, NothingMatchesAnUnknownUser) {
  EXPECT_FALSE(verify_password("", ""));
  EXPECT_FALSE(verify_password("nobody has this password", ""));
}

TEST(Passwords, HaveBounds) {
  EXPECT_FALSE(hash_password("seven77"));
  EXPECT_FALSE(hash_password(std::string(1025, 'x')));
  EXPECT_FALSE(hash_weak_password(""));
  const std::string longest(1024, 'x');
  const auto hash = hash_password(longest);
  ASSERT_TRUE(hash);
  EXPECT_TRUE(verify_password(longest, *hash));
  EXPECT_FALSE(verify_password(longest + "x", *hash));
}

TEST(Passwords, ARottenHashMatchesNothing) {
  EXPECT_FALSE(verify_password("correct horse", "$argon2id$rotten"));
  EXPECT_FALSE(verify_password("correct horse", std::string(500, '$')));
}

}  // namespace
}  // namespace headgate::auth
