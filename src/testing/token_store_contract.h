#pragma once

#include <atomic>
#include <thread>
#include <vector>

#include "testing/identity_stores.h"

// What every TokenStore must do. Included by one test file of each engine.
namespace headgate::testing {

class TokenStoreContract : public IdentityContract {
 protected:
  using Use = stores::TokenStore::Use;
  Use rotate(const std::string& from, const std::string& to, std::int64_t now = 2000) {
    const auto rotated = tokens_.rotate(sha256(from), sha256(to), now + 8000, now);
    return rotated ? rotated->use : Use::Unknown;
  }
};

TEST_P(TokenStoreContract, RotationPassesUserAndScopesOn) {
  ASSERT_TRUE(tokens_.add(some_refresh("first", "family", "ann")));
  for (const auto& [from, to] : {std::pair{"first", "second"}, std::pair{"second", "third"}}) {
    const auto rotated = tokens_.rotate(sha256(from), sha256(to), 10'000, 2000);
    ASSERT_TRUE(rotated);
    EXPECT_EQ(rotated->use, Use::Rotated);
    EXPECT_EQ(rotated->user, "ann");
    EXPECT_TRUE(rotated->scopes.contains(model::Scope::JobsRead));
    EXPECT_FALSE(rotated->scopes.contains(model::Scope::Admin));
  }
}

TEST_P(TokenStoreContract, ReuseEndsTheWholeFamilyAndNoOther) {
  ASSERT_TRUE(tokens_.add(some_refresh("first", "family", "ann")));
  ASSERT_TRUE(tokens_.add(some_refresh("elsewhere", "other family", "ann")));
  EXPECT_EQ(rotate("first", "second"), Use::Rotated);
  EXPECT_EQ(rotate("first", "stolen"), Use::Reused);
  EXPECT_EQ(rotate("second", "third"), Use::Unknown);
  EXPECT_EQ(rotate("stolen", "fourth"), Use::Unknown) << "a refused rotation makes no token";
  EXPECT_EQ(rotate("elsewhere", "elsewhere 2"), Use::Rotated);
}

TEST_P(TokenStoreContract, AnExpiredTokenIsUnknown) {
  ASSERT_TRUE(tokens_.add(some_refresh("first", "family", "ann")));
  EXPECT_EQ(rotate("first", "second", 10'000), Use::Unknown);
  EXPECT_EQ(rotate("never was", "second"), Use::Unknown);
}

TEST_P(TokenStoreContract, OfEightParallelUsesOneWins) {
  ASSERT_TRUE(tokens_.add(some_refresh("first", "family", "ann")));
  std::atomic<int> won{0};
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back(
        [&, i] { won += rotate("first", "next " + std::to_string(i)) == Use::Rotated ? 1 : 0; });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(won, 1);
}

TEST_P(TokenStoreContract, RevokesByFamilyAndByUser) {
  ASSERT_TRUE(tokens_.add(some_refresh("a", "one", "ann")));
  ASSERT_TRUE(tokens_.add(some_refresh("b", "two", "ann")));
  ASSERT_TRUE(tokens_.add(some_refresh("c", "three", "bob")));
  EXPECT_EQ(tokens_.revoke_family(sha256("a")), true);
  EXPECT_EQ(tokens_.revoke_family(sha256("a")), false);
  EXPECT_EQ(rotate("a", "a2"), Use::Unknown);
  ASSERT_TRUE(tokens_.revoke_user("ann"));
  EXPECT_EQ(rotate("b", "b2"), Use::Unknown);
  EXPECT_EQ(rotate("c", "c2"), Use::Rotated);
}

TEST_P(TokenStoreContract, ForgetsRevokedAccessTokensWhenTheyExpire) {
  ASSERT_TRUE(tokens_.revoke_access({"early", 2000}));
  ASSERT_TRUE(tokens_.revoke_access({"late", 3000}));
  ASSERT_TRUE(tokens_.revoke_access({"late", 3000})) << "a second time changes nothing";
  auto revoked = tokens_.revoked_access(1999);
  ASSERT_TRUE(revoked);
  EXPECT_EQ(revoked->size(), 2U);
  revoked = tokens_.revoked_access(2000);
  ASSERT_TRUE(revoked);
  ASSERT_EQ(revoked->size(), 1U);
  EXPECT_EQ(revoked->front().jti, "late");
}

}  // namespace headgate::testing
