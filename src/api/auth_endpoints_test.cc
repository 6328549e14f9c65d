#include "api/auth_endpoints.h"

#include "testing/identity_api.h"

namespace headgate::api {
namespace {

using AuthEndpoints = testing::IdentityApi;

TEST_F(AuthEndpoints, TheReplacedFormLoginWorks) {
  const Answer answer = login("root", "correct+horse");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.text("/token_type"), "bearer");
  EXPECT_EQ(answer.at("/expires_in"), "900");
  EXPECT_EQ(answer.text("/scope"), "admin");
  EXPECT_NE(answer.fields.find("Cache-Control: no-store"), std::string::npos);
  EXPECT_EQ(get("/admin/keys", answer.text("/access_token")).status, 200);
  EXPECT_EQ(get("/admin/keys", answer.text("/refresh_token")).status, 401)
      << "a refresh token is no access token";
}

TEST_F(AuthEndpoints, WrongPasswordsHaveBothReadersShape) {
  const Answer answer = login("root", "wrong");
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(answer.text("/detail"), "Incorrect username or password");
  EXPECT_EQ(answer.text("/error/message"), "Incorrect username or password");
  EXPECT_EQ(answer.text("/error/code"), "invalid_grant");
  EXPECT_EQ(answer.text("/error/type"), "authentication_error");
  EXPECT_NE(answer.fields.find("WWW-Authenticate: Bearer"), std::string::npos);
}

TEST_F(AuthEndpoints, MissingFieldsAreListedAsFastApiDoes) {
  const Answer answer = form("/auth/token", "scope=admin");
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.at("/detail"),
            R"([{"type":"missing","loc":["body","username"],"msg":"Field required","input":null},)"
            R"({"type":"missing","loc":["body","password"],"msg":"Field required","input":null}])");
  EXPECT_EQ(answer.text("/error/param"), "username");
  EXPECT_EQ(form("/auth/token", "grant_type=refresh_token").status, 422);
  EXPECT_EQ(post("/auth/refresh", "", "{}").status, 422);
}

TEST_F(AuthEndpoints, RefusesOtherBodies) {
  EXPECT_EQ(post("/auth/token", "", R"({"username":"root","password":"correct horse"})").status,
            415);
  EXPECT_EQ(form("/auth/token", "username=root&username=ann&password=x").status, 400);
  EXPECT_EQ(form("/auth/token", "username=%zz&password=x").status, 400);
  EXPECT_EQ(form("/auth/token", "grant_type=client_credentials").status, 400);
  EXPECT_EQ(form("/auth/refresh", "refresh_token=x").status, 415);
  EXPECT_EQ(post("/auth/refresh", "", R"({"refresh_token":7})").status, 400);
  EXPECT_EQ(post("/auth/refresh", "", "[]").status, 400);
  EXPECT_EQ(form("/auth/token?username=root&password=correct+horse", "").status, 422)
      << "a password in the URL is not read";
}

TEST_F(AuthEndpoints, RefreshesByEitherRouteAndOnlyOnce) {
  const Answer first = login("root", "correct+horse");
  const Answer second =
      post("/auth/refresh", "", R"({"refresh_token":")" + first.text("/refresh_token") + "\"}");
  ASSERT_EQ(second.status, 200) << second.body;
  const Answer third = form(
      "/auth/token", "grant_type=refresh_token&refresh_token=" + second.text("/refresh_token"));
  ASSERT_EQ(third.status, 200) << third.body;
  EXPECT_EQ(get("/admin/keys", third.text("/access_token")).status, 200);
  const std::string used = R"({"refresh_token":")" + first.text("/refresh_token") + "\"}";
  EXPECT_EQ(post("/auth/refresh", "", used).status, 401);
  const std::string last = R"({"refresh_token":")" + third.text("/refresh_token") + "\"}";
  EXPECT_EQ(post("/auth/refresh", "", last).status, 401) << "the family went with the reuse";
}

TEST_F(AuthEndpoints, LogoutEndsTheAccessTokenAtOnce) {
  const std::string token = login("root", "correct+horse").text("/access_token");
  ASSERT_EQ(get("/admin/keys", token).status, 200);
  EXPECT_EQ(form("/auth/revoke", "", token).status, 200);
  EXPECT_EQ(get("/admin/keys", token).status, 401);
}

TEST_F(AuthEndpoints, RevokesARefreshTokenAndDoesNotPretendToRevokeAKey) {
  const Answer pair = login("root", "correct+horse");
  const std::string refresh_token = pair.text("/refresh_token");
  EXPECT_EQ(form("/auth/revoke", "token=" + refresh_token).status, 401) << "needs credentials";
  EXPECT_EQ(form("/auth/revoke", "token=" + refresh_token, plain_key_).status, 200);
  EXPECT_EQ(post("/auth/refresh", "", R"({"refresh_token":")" + refresh_token + "\"}").status, 401);
  EXPECT_EQ(form("/auth/revoke", "", plain_key_).status, 422);
}

TEST_F(AuthEndpoints, ManyWrongPasswordsGet429WithRetryAfter) {
  int tries = 0;
  Answer answer = login("ann", "wrong");
  while (answer.status == 401 && ++tries < 50) {
    answer = login("ann", "wrong");
  }
  EXPECT_EQ(answer.status, 429);
  EXPECT_LE(tries, 25);
  EXPECT_NE(answer.fields.find("Retry-After: 1\r\n"), std::string::npos) << answer.fields;
  EXPECT_EQ(form("/auth/token", "username=ann&password=correct+horse", "", "198.51.100.1").status,
            200);
}

TEST_F(AuthEndpoints, ThePasswordGrantCanBeSwitchedOff) {
  const Answer pair = login("root", "correct+horse");
  grant_ = TokenEndpoint::PasswordGrant::Refused;
  const Answer refused = login("root", "correct+horse");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.text("/error/code"), "unsupported_grant_type");
  EXPECT_EQ(
      form("/auth/token", "grant_type=refresh_token&refresh_token=" + pair.text("/refresh_token"))
          .status,
      200);
}

}  // namespace
}  // namespace headgate::api
