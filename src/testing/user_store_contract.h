#pragma once

#include "testing/identity_stores.h"

// What every UserStore must do. Included by one test file of each engine.
namespace headgate::testing {

class UserStoreContract : public IdentityContract {
 protected:
  std::int64_t epoch_of(const std::string& name) {
    const auto found = users_.find(name);
    return found && *found ? (*found)->epoch : -1;
  }
  bool refresh_works(const std::string& token) {
    const auto rotated = tokens_.rotate(sha256(token), sha256("next " + token), 10'000, 1);
    return rotated && rotated->use == stores::TokenStore::Use::Rotated;
  }
};

TEST_P(UserStoreContract, FindsAndListsUsersByName) {
  ASSERT_TRUE(users_.add(some_user("zoe", model::Scope::Admin)));
  ASSERT_TRUE(users_.add(some_user("ann'; --", model::Scope::JobsRead)));
  const auto found = users_.find("ann'; --");
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->password_hash, "$argon2id$ann'; --");
  EXPECT_TRUE((*found)->scopes.contains(model::Scope::JobsRead));
  EXPECT_EQ((*found)->epoch, 1000);
  const auto list = users_.list();
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 2U);
  EXPECT_EQ((*list)[0].name, "ann'; --");
  const auto again = users_.add(some_user("zoe", model::Scope::JobsRead));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::Conflict);
  const auto nobody = users_.find("nobody");
  ASSERT_TRUE(nobody);
  EXPECT_FALSE(*nobody);
}

TEST_P(UserStoreContract, RaisesTheEpochWhenTokensMustEnd) {
  ASSERT_TRUE(users_.add(some_user("ann", model::Scope::JobsRead)));
  ASSERT_TRUE(
      users_.change("ann", {.password_hash = {}, .scopes = {}, .tier = "pro", .disabled_at = {}}));
  EXPECT_EQ(epoch_of("ann"), 1000) << "a tier ends no token";
  ASSERT_TRUE(
      users_.change("ann", {.password_hash = "x", .scopes = {}, .tier = {}, .disabled_at = {}}));
  EXPECT_EQ(epoch_of("ann"), 1001);
  ASSERT_TRUE(users_.change(
      "ann", {.password_hash = {}, .scopes = model::ScopeSet(), .tier = {}, .disabled_at = {}}));
  EXPECT_EQ(epoch_of("ann"), 1002);
  ASSERT_TRUE(users_.change("ann", {.password_hash = {},
                                    .scopes = {},
                                    .tier = {},
                                    .disabled_at = std::optional<std::int64_t>(5)}));
  EXPECT_EQ(epoch_of("ann"), 1003);
}

TEST_P(UserStoreContract, ANewPasswordDisablingAndRemovingEndTheRefreshTokens) {
  ASSERT_TRUE(users_.add(some_user("root", model::Scope::Admin)));
  for (const std::string name : {"ann", "bob", "eve", "joe"}) {
    ASSERT_TRUE(users_.add(some_user(name, model::Scope::JobsRead)));
    ASSERT_TRUE(tokens_.add(some_refresh("of " + name, "family " + name, name)));
  }
  ASSERT_TRUE(
      users_.change("ann", {.password_hash = "x", .scopes = {}, .tier = {}, .disabled_at = {}}));
  ASSERT_TRUE(users_.change("bob", {.password_hash = {},
                                    .scopes = {},
                                    .tier = {},
                                    .disabled_at = std::optional<std::int64_t>(5)}));
  ASSERT_TRUE(users_.remove("eve"));
  ASSERT_TRUE(
      users_.change("joe", {.password_hash = {}, .scopes = {}, .tier = "pro", .disabled_at = {}}));
  EXPECT_FALSE(refresh_works("of ann"));
  EXPECT_FALSE(refresh_works("of bob"));
  EXPECT_FALSE(refresh_works("of eve"));
  EXPECT_TRUE(refresh_works("of joe"));
}

TEST_P(UserStoreContract, KeepsTheLastEnabledAdmin) {
  ASSERT_TRUE(users_.add(some_user("root", model::Scope::Admin)));
  ASSERT_TRUE(users_.add(some_user("ann", model::Scope::JobsRead)));
  stores::UserRecord sleeping = some_user("old", model::Scope::Admin);
  sleeping.disabled_at = 7;
  ASSERT_TRUE(users_.add(sleeping));
  const stores::UserChange demote{
      .password_hash = {}, .scopes = model::ScopeSet(), .tier = {}, .disabled_at = {}};
  const stores::UserChange disable{
      .password_hash = {}, .scopes = {}, .tier = {}, .disabled_at = std::optional<std::int64_t>(5)};
  for (const auto& refused :
       {users_.change("root", demote), users_.change("root", disable), users_.remove("root")}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::Unprocessable);
    EXPECT_EQ(refused.error().code, "last_admin");
  }
  EXPECT_EQ(epoch_of("root"), 1000) << "a refused change leaves nothing behind";
  ASSERT_TRUE(users_.add(some_user("root2", model::Scope::Admin)));
  EXPECT_TRUE(users_.remove("root"));
  EXPECT_FALSE(users_.remove("root2"));
}

TEST_P(UserStoreContract, SaysWhoIsMissing) {
  const auto changed = users_.change("ghost", {});
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().kind, ErrorKind::NotFound);
  const auto removed = users_.remove("ghost");
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().kind, ErrorKind::NotFound);
}

}  // namespace headgate::testing
