#pragma once

#include <array>

#include "testing/identity_stores.h"

// What every KeyStore must do. Included by one test file of each engine.
namespace headgate::testing {

class KeyStoreContract : public IdentityContract {};

TEST_P(KeyStoreContract, FindsWhatWasAdded) {
  stores::ApiKeyRecord record = some_key("aaaaaaaaaaaa");
  record.name = "Robert'); DROP TABLE api_keys;--";
  record.expires_at = 5000;
  record.budget_month = 5'000'000;
  ASSERT_TRUE(keys_.add(record));

  const auto found = keys_.find("aaaaaaaaaaaa");
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->name, record.name);
  EXPECT_EQ((*found)->hash, record.hash);
  EXPECT_EQ((*found)->scopes, record.scopes);
  EXPECT_EQ((*found)->tier, "pro");
  EXPECT_EQ((*found)->created_at, 1000);
  EXPECT_EQ((*found)->expires_at, 5000);
  EXPECT_EQ((*found)->budget_month, 5'000'000);
  EXPECT_FALSE((*found)->budget_day);
  EXPECT_FALSE((*found)->disabled_at || (*found)->revoked_at || (*found)->last_used_at);
  const auto missing = keys_.find("bbbbbbbbbbbb");
  ASSERT_TRUE(missing);
  EXPECT_FALSE(*missing);
}

TEST_P(KeyStoreContract, RefusesASecondKeyWithTheSameIdOrHash) {
  ASSERT_TRUE(keys_.add(some_key("aaaaaaaaaaaa")));
  const auto same_id = keys_.add(some_key("aaaaaaaaaaaa"));
  ASSERT_FALSE(same_id);
  EXPECT_EQ(same_id.error().kind, ErrorKind::Conflict);
  stores::ApiKeyRecord record = some_key("bbbbbbbbbbbb");
  record.hash = sha256("aaaaaaaaaaaa");
  const auto same_hash = keys_.add(record);
  ASSERT_FALSE(same_hash);
  EXPECT_EQ(same_hash.error().kind, ErrorKind::Conflict);
}

TEST_P(KeyStoreContract, ListsNewestFirstRevokedOnesToo) {
  for (const int age : {2, 3, 1}) {
    stores::ApiKeyRecord record = some_key("key" + std::to_string(age));
    record.created_at = 1000 - age;
    ASSERT_TRUE(keys_.add(record));
  }
  ASSERT_TRUE(keys_.revoke("key1", 2000));
  const auto list = keys_.list();
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 3U);
  EXPECT_EQ((*list)[0].id, "key1");
  EXPECT_EQ((*list)[0].revoked_at, 2000);
  EXPECT_EQ((*list)[1].id, "key2");
  EXPECT_EQ((*list)[2].id, "key3");
}

TEST_P(KeyStoreContract, ChangesOnlyWhatIsNamed) {
  stores::ApiKeyRecord record = some_key("aaaaaaaaaaaa");
  record.expires_at = 5000;
  ASSERT_TRUE(keys_.add(record));
  stores::ApiKeyChange change;
  change.tier = "free";
  change.disabled_at.emplace(3000);
  change.budget_day.emplace(250'000);
  ASSERT_TRUE(keys_.change("aaaaaaaaaaaa", change));
  auto found = keys_.find("aaaaaaaaaaaa");
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->tier, "free");
  EXPECT_EQ((*found)->disabled_at, 3000);
  EXPECT_EQ((*found)->budget_day, 250'000);
  EXPECT_EQ((*found)->expires_at, 5000);
  EXPECT_EQ((*found)->name, record.name);

  stores::ApiKeyChange back;
  back.expires_at.emplace(std::nullopt);
  back.disabled_at.emplace(std::nullopt);
  back.budget_day.emplace(std::nullopt);
  ASSERT_TRUE(keys_.change("aaaaaaaaaaaa", back));
  found = keys_.find("aaaaaaaaaaaa");
  ASSERT_TRUE(found && *found);
  EXPECT_FALSE((*found)->disabled_at);
  EXPECT_FALSE((*found)->expires_at);
  EXPECT_FALSE((*found)->budget_day);
  EXPECT_EQ((*found)->tier, "free");

  const auto nobody = keys_.change("bbbbbbbbbbbb", change);
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().kind, ErrorKind::NotFound);
}

TEST_P(KeyStoreContract, KeepsTheTimeOfTheFirstRevocation) {
  ASSERT_TRUE(keys_.add(some_key("aaaaaaaaaaaa")));
  ASSERT_TRUE(keys_.revoke("aaaaaaaaaaaa", 2000));
  ASSERT_TRUE(keys_.revoke("aaaaaaaaaaaa", 3000));
  const auto found = keys_.find("aaaaaaaaaaaa");
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->revoked_at, 2000);
  const auto nobody = keys_.revoke("bbbbbbbbbbbb", 2000);
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().kind, ErrorKind::NotFound);
}

TEST_P(KeyStoreContract, NotesTheLatestUse) {
  ASSERT_TRUE(keys_.add(some_key("aaaaaaaaaaaa")));
  const std::array<stores::ApiKeyUse, 3> uses = {
      {{"aaaaaaaaaaaa", 4000}, {"aaaaaaaaaaaa", 3000}, {"unknown", 9000}}};
  ASSERT_TRUE(keys_.note_use(uses));
  const auto found = keys_.find("aaaaaaaaaaaa");
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->last_used_at, 4000);
}

TEST_P(KeyStoreContract, VersionGrowsWithEveryChange) {
  auto before = keys_.version();
  ASSERT_TRUE(before);
  EXPECT_EQ(*keys_.version(), *before);
  ASSERT_TRUE(keys_.add(some_key("aaaaaaaaaaaa")));
  auto after = keys_.version();
  ASSERT_TRUE(after);
  EXPECT_GT(*after, *before);
  ASSERT_TRUE(keys_.revoke("aaaaaaaaaaaa", 2000));
  EXPECT_GT(*keys_.version(), *after);
}

}  // namespace headgate::testing
