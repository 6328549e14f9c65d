#include "auth/gate.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "auth/api_key.h"
#include "testing/fake_clock.h"
#include "testing/sqlite_identity.h"

namespace headgate::auth {
namespace {

using namespace std::chrono_literals;
using testing::FakeClock;

class GateTest : public ::testing::Test {
 protected:
  GateTest() {
    stores::ApiKeyRecord key = testing::some_key("aaaaaaaaaaaa");
    key.hash = sha256(key_);
    EXPECT_TRUE(stores_.keys->add(key));
    EXPECT_TRUE(stores_.users->add(testing::some_user("root", model::Scope::Admin)));
    EXPECT_TRUE(stores_.users->add(testing::some_user("ann", model::Scope::JobsRead)));
    settings_.keys.push_back({.name = "pipeline",
                              .key = config::Secret("a-static-key"),
                              .scopes = {},
                              .tier = "default"});
    refresh();
  }

  void refresh() {
    auto snapshot = Directory::read(*stores_.keys, *stores_.users, *stores_.tokens, settings_,
                                    uses_, clock_.unix_ms());
    ASSERT_TRUE(snapshot) << snapshot.error().message;
    directory_.publish(std::move(*snapshot));
  }

  Result<std::shared_ptr<const model::Principal>> ask(std::vector<edge::Field> fields,
                                                      std::string_view query = {}) {
    edge::Request request;
    request.fields = fields;
    request.query = query;
    model::RequestContext context;
    context.remote_address = address_;
    return gate_.authenticate(request, context);
  }
  /// The principal's id, or the error's HTTP status.
  std::string who(std::vector<edge::Field> fields, std::string_view query = {}) {
    const auto principal = ask(std::move(fields), query);
    return principal ? (*principal)->id : std::to_string(http_status(principal.error().kind));
  }
  std::string bearer(const std::string& token) { return "Bearer " + token; }

  std::string token_of(const std::string& user, const std::string& scope, std::int64_t epoch = 1000,
                       const std::string& jti = "id-1") {
    const std::int64_t now = clock_.unix_ms() / 1000;
    return signer_.sign({.subject = user,
                         .scope = scope,
                         .jti = jti,
                         .epoch = epoch,
                         .issued_at = now,
                         .expires_at = now + 900});
  }

  FakeClock clock_;
  testing::IdentityStores stores_ = testing::make_sqlite_identity();
  config::AuthSettings settings_;
  KeyUses uses_;
  Directory directory_;
  JwtSigner signer_{config::Secret("a secret that has more than thirty-two bytes"), {}, "headgate"};
  Gate gate_{directory_, signer_, clock_};
  std::string key_ = mint_api_key().text;
  std::string address_ = "192.0.2.7";
};

TEST_F(GateTest, KnowsAKeyInEitherHeader) {
  EXPECT_EQ(who({{"X-API-Key", key_}}), "key:aaaaaaaaaaaa");
  EXPECT_EQ(who({{"x-api-key", key_}}), "key:aaaaaaaaaaaa");
  EXPECT_EQ(who({{"Authorization", bearer(key_)}}), "key:aaaaaaaaaaaa");
  EXPECT_EQ(who({{"authorization", "bearer " + key_}}), "key:aaaaaaaaaaaa");
  EXPECT_EQ(who({{"X-API-Key", "a-static-key"}}), "key:config/pipeline");
  const auto principal = ask({{"X-API-Key", key_}});
  ASSERT_TRUE(principal);
  EXPECT_EQ((*principal)->tier, "pro");
  EXPECT_TRUE((*principal)->scopes.allows(model::Scope::InferenceText));
  EXPECT_FALSE((*principal)->scopes.allows(model::Scope::Admin));
}

TEST_F(GateTest, RefusesMissingAndWrongCredentials) {
  EXPECT_EQ(who({}), "401");
  EXPECT_EQ(who({{"X-API-Key", ""}}), "401");
  EXPECT_EQ(who({{"X-API-Key", key_ + "x"}}), "401");
  EXPECT_EQ(who({{"X-API-Key", key_.substr(0, key_.size() - 1)}}), "401");
  EXPECT_EQ(who({{"X-API-Key", std::string(10'000, 'x')}}), "401");
  EXPECT_EQ(who({{"Authorization", "Bearer "}}), "401");
  EXPECT_EQ(who({{"Authorization", key_}}), "401");
  EXPECT_EQ(who({{"Authorization", "Basic YWRtaW46YWRtaW4="}}), "401");
  EXPECT_EQ(who({{"X-API-Key", "aaaaaaaaaaaa"}}), "401") << "the public id is no credential";
  const Sha256 hash = sha256(key_);
  EXPECT_EQ(who({{"X-API-Key", hex(as_view(hash))}}), "401") << "nor is what the store holds";
}

TEST_F(GateTest, RefusesCredentialsGivenTwice) {
  EXPECT_EQ(who({{"Authorization", bearer(key_)}, {"Authorization", bearer(key_)}}), "400");
  EXPECT_EQ(who({{"X-API-Key", key_}, {"x-api-key", key_}}), "400");
  EXPECT_EQ(who({{"X-API-Key", key_}, {"Authorization", bearer("a-static-key")}}), "400");
  EXPECT_EQ(who({{"X-API-Key", key_}, {"Authorization", bearer(key_)}}), "key:aaaaaaaaaaaa");
}

TEST_F(GateTest, RefusesCredentialsInTheUrl) {
  for (const std::string name : {"api_key", "API_KEY", "apikey", "key", "token", "access_token"}) {
    EXPECT_EQ(who({{"X-API-Key", key_}}, "a=1&" + name + "=" + key_), "400") << name;
  }
  EXPECT_EQ(who({{"X-API-Key", key_}}, "monkey=1&limit=3"), "key:aaaaaaaaaaaa");
}

TEST_F(GateTest, AKeyEndsWhenItExpiresIsDisabledOrRevoked) {
  stores::ApiKeyChange change;
  change.expires_at.emplace(clock_.unix_ms() + 1000);
  ASSERT_TRUE(stores_.keys->change("aaaaaaaaaaaa", change));
  refresh();
  clock_.advance(999ms);
  EXPECT_EQ(who({{"X-API-Key", key_}}), "key:aaaaaaaaaaaa");
  clock_.advance(1ms);
  EXPECT_EQ(who({{"X-API-Key", key_}}), "401");

  change.expires_at.emplace(std::nullopt);
  change.disabled_at.emplace(clock_.unix_ms());
  ASSERT_TRUE(stores_.keys->change("aaaaaaaaaaaa", change));
  refresh();
  EXPECT_EQ(who({{"X-API-Key", key_}}), "401");
  change.disabled_at.emplace(std::nullopt);
  ASSERT_TRUE(stores_.keys->change("aaaaaaaaaaaa", change));
  refresh();
  EXPECT_EQ(who({{"X-API-Key", key_}}), "key:aaaaaaaaaaaa");

  ASSERT_TRUE(stores_.keys->revoke("aaaaaaaaaaaa", clock_.unix_ms()));
  refresh();
  EXPECT_EQ(who({{"X-API-Key", key_}}), "401");
}

TEST_F(GateTest, KnowsAnAccessToken) {
  EXPECT_EQ(who({{"Authorization", bearer(token_of("ann", "jobs:read"))}}), "user:ann");
  EXPECT_EQ(who({{"X-API-Key", token_of("ann", "jobs:read")}}), "401") << "a token is no key";
}

TEST_F(GateTest, ATokenGivesNoMoreThanItsScopesAndItsUsers) {
  const auto root = ask({{"Authorization", bearer(token_of("root", "jobs:read"))}});
  ASSERT_TRUE(root);
  EXPECT_TRUE((*root)->scopes.allows(model::Scope::JobsRead));
  EXPECT_FALSE((*root)->scopes.allows(model::Scope::JobsWrite));
  const auto ann = ask({{"Authorization", bearer(token_of("ann", "jobs:read admin"))}});
  ASSERT_TRUE(ann);
  EXPECT_FALSE((*ann)->scopes.allows(model::Scope::Admin));
  const auto nothing = ask({{"Authorization", bearer(token_of("root", ""))}});
  ASSERT_TRUE(nothing);
  EXPECT_TRUE((*nothing)->scopes.empty());
  EXPECT_FALSE(ask({{"Authorization", bearer(token_of("root", "no:such"))}}));
}

TEST_F(GateTest, ATokenEndsWithItsUserItsEpochAndItsRevocation) {
  const std::string token = token_of("ann", "jobs:read");
  EXPECT_EQ(who({{"Authorization", bearer(token_of("ghost", ""))}}), "401");
  EXPECT_EQ(who({{"Authorization", bearer(token_of("ann", "", 999))}}), "401");
  ASSERT_TRUE(stores_.tokens->revoke_access({"id-1", clock_.unix_ms() + 1'000'000}));
  refresh();
  EXPECT_EQ(who({{"Authorization", bearer(token)}}), "401");
  EXPECT_EQ(who({{"Authorization", bearer(token_of("ann", "jobs:read", 1000, "id-2"))}}),
            "user:ann");
  ASSERT_TRUE(stores_.users->change(
      "ann", {.password_hash = "new", .scopes = {}, .tier = {}, .disabled_at = {}}));
  refresh();
  EXPECT_EQ(who({{"Authorization", bearer(token_of("ann", "jobs:read", 1000, "id-2"))}}), "401");
}

TEST_F(GateTest, AsksTheAddressFirst) {
  settings_.ip_allow = {"198.51.100.0/24", "2001:db8::/32"};
  refresh();
  EXPECT_EQ(who({{"X-API-Key", key_}}), "403");
  address_ = "198.51.100.9";
  EXPECT_EQ(who({{"X-API-Key", key_}}), "key:aaaaaaaaaaaa");
  address_ = "2001:db8::1";
  EXPECT_EQ(who({{"X-API-Key", key_}}), "key:aaaaaaaaaaaa");
  address_ = "";
  EXPECT_EQ(who({{"X-API-Key", key_}}), "403");
  settings_.ip_allow = {"not an address"};
  EXPECT_FALSE(Directory::read(*stores_.keys, *stores_.users, *stores_.tokens, settings_, uses_,
                               clock_.unix_ms()))
      << "a list that cannot be read must not let everyone in";
}

TEST_F(GateTest, NotesTheUseOfStoredKeys) {
  EXPECT_EQ(who({{"X-API-Key", key_}}), "key:aaaaaaaaaaaa");
  EXPECT_EQ(who({{"X-API-Key", "a-static-key"}}), "key:config/pipeline");
  const auto uses = uses_.take();
  ASSERT_EQ(uses.size(), 1U);
  EXPECT_EQ(uses[0].id, "aaaaaaaaaaaa");
  EXPECT_EQ(uses[0].at, clock_.unix_ms());
}

TEST_F(GateTest, EveryThreadSeesANewPictureAtOnce) {
  std::atomic<int> phase{0};
  std::atomic<int> ready{0};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      wrong += who({{"X-API-Key", key_}}) == "key:aaaaaaaaaaaa" ? 0 : 1;
      ++ready;
      phase.wait(0);
      wrong += who({{"X-API-Key", key_}}) == "401" ? 0 : 1;
    });
  }
  while (ready < 4) {
    std::this_thread::yield();
  }
  ASSERT_TRUE(stores_.keys->revoke("aaaaaaaaaaaa", clock_.unix_ms()));
  refresh();
  phase = 1;
  phase.notify_all();
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(wrong, 0);
}

TEST(Directory, KeepsTwoDirectoriesApart) {
  const Directory first;
  Directory second;
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->revoked_tokens.insert("x");
  second.publish(snapshot);
  EXPECT_TRUE(first.current().revoked_tokens.empty());
  EXPECT_EQ(second.current().revoked_tokens.size(), 1U);
  EXPECT_TRUE(first.current().revoked_tokens.empty());
}

}  // namespace
}  // namespace headgate::auth
