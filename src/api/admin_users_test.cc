#include "api/admin_users.h"

#include "testing/identity_api.h"

namespace headgate::api {
namespace {

using AdminUsers = testing::IdentityApi;

TEST_F(AdminUsers, ANewUserCanLogIn) {
  const Answer made = post("/admin/users", admin_key_,
                           R"({"name":"bob@example.org","password":"battery staple",)"
                           R"("scopes":["jobs:read"],"tier":"pro"})");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.text("/name"), "bob@example.org");
  EXPECT_EQ(made.body.find("argon2"), std::string::npos);
  EXPECT_EQ(made.body.find("battery"), std::string::npos);
  const Answer in = login("bob%40example.org", "battery+staple");
  ASSERT_EQ(in.status, 200) << in.body;
  EXPECT_EQ(in.text("/scope"), "jobs:read");
  EXPECT_EQ(get("/admin/users", in.text("/access_token")).status, 403);
  EXPECT_EQ(get("/admin/users", admin_key_).body.find("argon2"), std::string::npos);
  const Answer twice = post("/admin/users", admin_key_,
                            R"({"name":"ann","password":"battery staple","scopes":["admin"]})");
  EXPECT_EQ(twice.status, 409);
}

TEST_F(AdminUsers, NamesTheFieldAtFault) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"password":"battery staple","scopes":["admin"]})", "name"},
      {R"({"name":"bob","scopes":["admin"]})", "password"},
      {R"({"name":"bob","password":"battery staple"})", "scopes"},
      {R"({"name":"b/b","password":"battery staple","scopes":["admin"]})", "name"},
      {R"({"name":"bobby tables'); --","password":"battery staple","scopes":["admin"]})", "name"},
      {R"({"name":"bob","password":"short","scopes":["admin"]})", "password"},
      {R"({"name":"bobbobbob","password":"bobbobbob","scopes":["admin"]})", "password"},
      {R"({"name":"bob","password":"password","scopes":["admin"]})", "password"},
      {R"({"name":"bob","password":")" + std::string(1025, 'x') + R"(","scopes":["admin"]})",
       "password"},
      {R"({"name":"bob","password":"battery staple","scopes":["admin"],"tier":"gold"})", "tier"},
      {R"({"name":"bob","password":"battery staple","scopes":["admin"],"epoch":1})", "epoch"},
  };
  for (const auto& [body, param] : cases) {
    const Answer answer = post("/admin/users", admin_key_, body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_EQ(answer.text("/error/param"), param) << body;
  }
}

TEST_F(AdminUsers, AChangeEndsTheTokensAtOnce) {
  post("/admin/users", admin_key_,
       R"({"name":"second","password":"battery staple","scopes":["admin"]})");
  const Answer before = login("second", "battery+staple");
  ASSERT_EQ(get("/admin/users", before.text("/access_token")).status, 200);
  ASSERT_EQ(patch("/admin/users/second", R"({"password":"another one"})").status, 200);
  EXPECT_EQ(get("/admin/users", before.text("/access_token")).status, 401);
  const std::string refresh = R"({"refresh_token":")" + before.text("/refresh_token") + "\"}";
  EXPECT_EQ(post("/auth/refresh", "", refresh).status, 401);
  EXPECT_EQ(login("second", "battery+staple").status, 401);
  EXPECT_EQ(login("second", "another+one").status, 200);
  ASSERT_EQ(patch("/admin/users/second", R"({"disabled":true})").status, 200);
  EXPECT_EQ(login("second", "another+one").status, 401);
  EXPECT_EQ(patch("/admin/users/nobody", R"({"tier":"pro"})").status, 404);
  EXPECT_EQ(patch("/admin/users/second", R"({"name":"third"})").text("/error/param"), "name");
  EXPECT_EQ(patch("/admin/users/second", R"({"password":"second"})").text("/error/param"),
            "password");
}

TEST_F(AdminUsers, TheLastAdminStays) {
  for (const Answer& answer :
       {erase("/admin/users/root"), patch("/admin/users/root", R"({"scopes":["jobs:read"]})"),
        patch("/admin/users/root", R"({"disabled":true})")}) {
    EXPECT_EQ(answer.status, 422);
    EXPECT_EQ(answer.text("/error/code"), "last_admin");
  }
  EXPECT_EQ(erase("/admin/users/ann").status, 200);
  EXPECT_EQ(erase("/admin/users/ann").status, 404);
  EXPECT_EQ(login("root", "correct+horse").status, 200);
}

TEST_F(AdminUsers, AUserMadeAgainDoesNotInheritOldTokens) {
  const std::string made = R"({"name":"bob","password":"battery staple","scopes":["admin"]})";
  post("/admin/users", admin_key_, made);
  const std::string token = login("bob", "battery+staple").text("/access_token");
  ASSERT_EQ(get("/admin/users", token).status, 200);
  ASSERT_EQ(erase("/admin/users/bob").status, 200);
  EXPECT_EQ(get("/admin/users", token).status, 401);
  clock_.advance(std::chrono::milliseconds(1));
  ASSERT_EQ(post("/admin/users", admin_key_, made).status, 201);
  EXPECT_EQ(get("/admin/users", token).status, 401);
}

TEST_F(AdminUsers, ListsByNameAndPage) {
  const Answer page = get("/admin/users?limit=1", admin_key_);
  EXPECT_EQ(page.text("/data/0/name"), "ann");
  EXPECT_EQ(page.at("/has_more"), "true");
  EXPECT_EQ(get("/admin/users?limit=1&after=ann", admin_key_).text("/data/0/name"), "root");
  EXPECT_EQ(get("/admin/users?limit=1&after=ann", admin_key_).at("/has_more"), "false");
}

}  // namespace
}  // namespace headgate::api
