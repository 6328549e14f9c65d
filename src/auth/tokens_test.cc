#include "auth/tokens.h"

#include <atomic>
#include <vector>

#include <gtest/gtest.h>

#include "auth/passwords.h"
#include "base/event_loop.h"
#include "base/task_group.h"
#include "testing/fake_clock.h"
#include "testing/sqlite_identity.h"

namespace headgate::auth {
namespace {

using namespace std::chrono_literals;
using model::Scope;

/// Hashing is slow under sanitizers, and the same for every test.
const std::string& good_hash() {
  static const std::string kHash = hash_password("correct horse").value();
  return kHash;
}

class TokenServiceTest : public ::testing::Test {
 protected:
  TokenServiceTest() {
    add("ann", {Scope::JobsRead, Scope::InferenceText});
    add("root", {Scope::Admin});
  }

  void add(const std::string& name, const std::vector<Scope>& scopes) {
    stores::UserRecord record = testing::some_user(name, scopes.front());
    for (const Scope scope : scopes) {
      record.scopes.add(scope);
    }
    record.password_hash = good_hash();
    ASSERT_TRUE(stores_.users->add(record));
  }

  Result<TokenPair> login(const std::string& user, const std::string& password,
                          const std::string& scope = "", const std::string& from = "192.0.2.1") {
    return run_on(loop_, service_.login(user, password, scope, from));
  }
  Result<TokenPair> refresh(const std::string& token) {
    return run_on(loop_, service_.refresh(token));
  }
  static std::string code_of(const Result<TokenPair>& result) {
    return result ? "" : std::string(wire_code(result.error()));
  }
  AccessClaims claims_of(const TokenPair& pair) {
    return signer_.verify(pair.access_token, clock_.unix_ms() / 1000).value();
  }

  testing::FakeClock clock_;
  testing::IdentityStores stores_ = testing::make_sqlite_identity();
  EventLoop loop_;
  Directory directory_;
  JwtSigner signer_{config::Secret("a secret that has more than thirty-two bytes"), {}, "headgate"};
  BlockingPool store_pool_{"store", 2, 64};
  BlockingPool password_pool_{"password", 2, 16};
  int refreshes_ = 0;
  TokenService service_{{.users = stores_.users.get(),
                         .tokens = stores_.tokens.get(),
                         .directory = &directory_,
                         .signer = &signer_,
                         .store_pool = &store_pool_,
                         .password_pool = &password_pool_,
                         .clock = &clock_,
                         .access_ttl = 15min,
                         .refresh_ttl = 24h,
                         .refresh_directory = [this] { ++refreshes_; }}};
};

TEST_F(TokenServiceTest, TheRightPasswordYieldsAPair) {
  const auto pair = login("ann", "correct horse");
  ASSERT_TRUE(pair) << pair.error().message;
  EXPECT_EQ(pair->expires_in, 900s);
  EXPECT_EQ(pair->scope, "inference:text jobs:read");
  EXPECT_TRUE(pair->refresh_token.starts_with("rt_"));
  EXPECT_EQ(pair->refresh_token.size(), 46U);
  const AccessClaims claims = claims_of(*pair);
  EXPECT_EQ(claims.subject, "ann");
  EXPECT_EQ(claims.epoch, 1000);
  EXPECT_EQ(claims.expires_at - claims.issued_at, 900);
}

TEST_F(TokenServiceTest, WrongNameAndWrongPasswordLookTheSame) {
  const auto wrong_password = login("ann", "correct cow");
  const auto wrong_name = login("nobody", "correct horse");
  for (const auto& refused : {wrong_password, wrong_name, login("ann", ""),
                              login("ann", std::string(2000, 'x')), login("'; --", "x")}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::Unauthenticated);
    EXPECT_EQ(refused.error().message, wrong_name.error().message);
    EXPECT_EQ(wire_code(refused.error()), "invalid_grant");
  }
}

TEST_F(TokenServiceTest, ADisabledUserCannotLogIn) {
  ASSERT_TRUE(stores_.users->change("ann", {.password_hash = {},
                                            .scopes = {},
                                            .tier = {},
                                            .disabled_at = std::optional<std::int64_t>(5)}));
  EXPECT_EQ(code_of(login("ann", "correct horse")), "invalid_grant");
}

TEST_F(TokenServiceTest, ALoginMayAskForLessButNotForMore) {
  const auto less = login("ann", "correct horse", "jobs:read");
  ASSERT_TRUE(less);
  EXPECT_EQ(less->scope, "jobs:read");
  EXPECT_EQ(code_of(login("ann", "correct horse", "jobs:read admin")), "invalid_scope");
  EXPECT_FALSE(login("ann", "correct horse", "no:such"));
  const auto root = login("root", "correct horse", "jobs:write");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->scope, "jobs:write");
}

TEST_F(TokenServiceTest, ARefreshGivesNoMoreThanItsLogin) {
  const auto narrow = login("root", "correct horse", "jobs:read");
  ASSERT_TRUE(narrow);
  const auto again = refresh(narrow->refresh_token);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->scope, "jobs:read");

  const auto wide = login("ann", "correct horse");
  ASSERT_TRUE(wide);
  model::ScopeSet fewer;
  fewer.add(Scope::JobsRead);
  ASSERT_TRUE(stores_.users->change(
      "ann", {.password_hash = {}, .scopes = fewer, .tier = {}, .disabled_at = {}}));
  const auto after = refresh(wide->refresh_token);
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(after->scope, "jobs:read");
  EXPECT_EQ(claims_of(*after).epoch, 1001);
}

TEST_F(TokenServiceTest, AUsedRefreshTokenEndsItsFamily) {
  const auto first = login("ann", "correct horse");
  ASSERT_TRUE(first);
  const auto second = refresh(first->refresh_token);
  ASSERT_TRUE(second);
  const auto third = refresh(second->refresh_token);
  ASSERT_TRUE(third);
  const auto thief = refresh(first->refresh_token);
  EXPECT_EQ(code_of(thief), "invalid_grant");
  EXPECT_NE(thief.error().detail.find("ann"), std::string::npos) << "told to the log";
  EXPECT_EQ(code_of(refresh(third->refresh_token)), "invalid_grant");
}

Task<void> count_refresh(TokenService& service, std::string token, int& good) {
  auto pair = co_await service.refresh(std::move(token));
  good += pair ? 1 : 0;
}

Task<void> refresh_many(TokenService& service, std::string token, int times, int& good) {
  TaskGroup group;
  for (int i = 0; i < times; ++i) {
    group.spawn(count_refresh(service, token, good));
  }
  co_await group.close(SteadyTime::max());
}

TEST_F(TokenServiceTest, OfEightRefreshesAtOnceOneWins) {
  const auto pair = login("ann", "correct horse");
  ASSERT_TRUE(pair);
  int good = 0;
  loop_.run_until_done(refresh_many(service_, pair->refresh_token, 8, good));
  EXPECT_EQ(good, 1);
  EXPECT_EQ(code_of(refresh(pair->refresh_token)), "invalid_grant");
}

TEST_F(TokenServiceTest, RefreshTokensExpireAndEndWithTheUser) {
  const auto old = login("ann", "correct horse");
  const auto removed = login("ann", "correct horse");
  ASSERT_TRUE(old && removed);
  clock_.advance(24h);
  EXPECT_EQ(code_of(refresh(old->refresh_token)), "invalid_grant");
  const auto fresh = login("ann", "correct horse");
  ASSERT_TRUE(fresh);
  ASSERT_TRUE(stores_.users->remove("ann"));
  EXPECT_EQ(code_of(refresh(fresh->refresh_token)), "invalid_grant");
  EXPECT_EQ(code_of(refresh("rt_never-was")), "invalid_grant");
  EXPECT_EQ(code_of(refresh("")), "invalid_grant");
}

TEST_F(TokenServiceTest, WrongTriesAreSlowedAndTheOwnerElsewhereIsNot) {
  int wrong = 0;
  Result<TokenPair> answer = login("ann", "wrong");
  while (!answer && answer.error().kind == ErrorKind::Unauthenticated && wrong < 100) {
    ++wrong;
    answer = login("ann", "wrong");
  }
  EXPECT_GE(wrong, 3);
  EXPECT_LE(wrong, 25);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::RateLimited);
  ASSERT_TRUE(answer.error().retry_after);
  EXPECT_LE(*answer.error().retry_after, 60s);
  EXPECT_EQ(login("ann", "correct horse").error().kind, ErrorKind::RateLimited);
  EXPECT_TRUE(login("ann", "correct horse", "", "192.0.2.2"));
  clock_.advance(*answer.error().retry_after);
  EXPECT_TRUE(login("ann", "correct horse")) << "never a lock for good";
}

TEST_F(TokenServiceTest, ALoginFloodIsTurnedAwayAndNotHeldAgainstAnyone) {
  std::atomic<bool> started{false};
  std::atomic<bool> release{false};
  BlockingPool busy("password", 1, 1);
  ASSERT_TRUE(busy.post([&] {
    started = true;
    started.notify_all();
    release.wait(false);
  }));
  started.wait(false);
  ASSERT_TRUE(busy.post([] {}));
  TokenService service({.users = stores_.users.get(),
                        .tokens = stores_.tokens.get(),
                        .directory = &directory_,
                        .signer = &signer_,
                        .store_pool = &store_pool_,
                        .password_pool = &busy,
                        .clock = &clock_,
                        .access_ttl = 15min,
                        .refresh_ttl = 24h,
                        .refresh_directory = [] {}});
  for (int i = 0; i < 30; ++i) {
    const auto refused = run_on(loop_, service.login("ann", "correct horse", "", "192.0.2.1"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::Overloaded);
  }
  release = true;
  release.notify_all();
}

TEST_F(TokenServiceTest, RevokesEitherKindOfToken) {
  const auto pair = login("ann", "correct horse");
  ASSERT_TRUE(pair);
  ASSERT_TRUE(run_on(loop_, service_.revoke(pair->access_token)));
  EXPECT_EQ(refreshes_, 1);
  const auto revoked = stores_.tokens->revoked_access(clock_.unix_ms());
  ASSERT_TRUE(revoked);
  ASSERT_EQ(revoked->size(), 1U);
  EXPECT_EQ(revoked->front().jti, claims_of(*pair).jti);
  EXPECT_TRUE(stores_.tokens->revoked_access(clock_.unix_ms() + 950'000)->size() == 1)
      << "kept as long as the leeway lets the token live";

  ASSERT_TRUE(run_on(loop_, service_.revoke(pair->refresh_token)));
  EXPECT_EQ(code_of(refresh(pair->refresh_token)), "invalid_grant");
  EXPECT_TRUE(run_on(loop_, service_.revoke("rt_never-was"))) << "RFC 7009: no oracle";
  EXPECT_TRUE(run_on(loop_, service_.revoke("eyJ.not.ours")));
}

TEST(Scopes, ReadWhatTheyWrite) {
  const auto scopes = parse_scopes("jobs:read  inference:text,admin");
  ASSERT_TRUE(scopes);
  EXPECT_EQ(scope_text(*scopes), "inference:text jobs:read admin");
  EXPECT_TRUE(parse_scopes("")->empty());
  const auto unknown = parse_scopes("jobs:read jobs:steal");
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("jobs:steal"), std::string::npos);
}

}  // namespace
}  // namespace headgate::auth
