#include "api/admin_keys.h"

#include <set>

#include "base/encoding.h"
#include "testing/identity_api.h"

namespace headgate::api {
namespace {

using AdminKeys = testing::IdentityApi;

const std::string kGood = R"({"name":"app","scopes":["inference:text","jobs:read"],"tier":"pro"})";

TEST_F(AdminKeys, ANewKeyIsShownOnceAndWorksAtOnce) {
  const Answer made = post("/admin/keys", admin_key_, kGood);
  ASSERT_EQ(made.status, 201) << made.body;
  const std::string key = made.text("/key");
  EXPECT_TRUE(key.starts_with("hg_" + made.text("/id") + "_"));
  EXPECT_EQ(made.at("/scopes"), R"(["inference:text","jobs:read"])");
  EXPECT_NE(made.fields.find("Cache-Control: no-store"), std::string::npos);
  EXPECT_EQ(get("/admin/keys", key).status, 403) << "known, but no admin";
  const Answer list = get("/admin/keys", admin_key_);
  EXPECT_EQ(list.body.find(key), std::string::npos);
  EXPECT_EQ(list.body.find(key.substr(16)), std::string::npos);
  EXPECT_EQ(list.body.find("hash"), std::string::npos);
}

TEST_F(AdminKeys, OnlyAdminsReachThem) {
  for (const std::string& credential : {std::string(), plain_key_, std::string("hg_x")}) {
    const int expected = credential == plain_key_ ? 403 : 401;
    EXPECT_EQ(get("/admin/keys", credential).status, expected);
    EXPECT_EQ(post("/admin/keys", credential, kGood).status, expected);
    EXPECT_EQ(send(edge::Method::Delete, "/admin/keys/adminadminad", credential).status, expected);
  }
  const Answer refused = get("/admin/keys", plain_key_);
  EXPECT_NE(refused.body.find("admin"), std::string::npos) << "names the scope";
}

TEST_F(AdminKeys, NamesTheFieldAtFault) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"scopes":["admin"]})", "name"},
      {R"({"name":"a"})", "scopes"},
      {R"({"name":"","scopes":["admin"]})", "name"},
      {R"({"name":7,"scopes":["admin"]})", "name"},
      {R"({"name":"a","scopes":[]})", "scopes"},
      {R"({"name":"a","scopes":["jobs:steal"]})", "scopes"},
      {R"({"name":"a","scopes":[7]})", "scopes"},
      {R"({"name":"a","scopes":["admin"],"tier":"gold"})", "tier"},
      {R"({"name":"a","scopes":["admin"],"expires_at":"tomorrow"})", "expires_at"},
      {R"({"name":"a","scopes":["admin"],"expires_at":"2027-02-31T00:00:00Z"})", "expires_at"},
      {R"({"name":"a","scopes":["admin"],"expires_at":"2027-01-01T00:00:00+01:00"})", "expires_at"},
      {R"({"name":"a","scopes":["admin"],"expires_at":"2027-01-01T00:00:00.Z"})", "expires_at"},
      {R"({"name":"a","scopes":["admin"],"expires_at":"2020-01-01T00:00:00Z"})", "expires_at"},
      {R"({"name":"a","scopes":["admin"],"disabled":"yes"})", "disabled"},
      {R"({"name":"a","scopes":["admin"],"budget_day":"5"})", "budget_day"},
      {R"({"name":"a","scopes":["admin"],"budget_day":-1})", "budget_day"},
      {R"({"name":"a","scopes":["admin"],"budget_month":1e10})", "budget_month"},
      {R"({"name":"a","scopes":["admin"],"hash":"x"})", "hash"},
  };
  for (const auto& [body, param] : cases) {
    const Answer answer = post("/admin/keys", admin_key_, body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_EQ(answer.text("/error/param"), param) << body;
  }
  EXPECT_EQ(get("/admin/keys", admin_key_).json().at("data").as_array().size(), 2U);
}

TEST_F(AdminKeys, ExpireAsAskedOrAsConfigured) {
  const Answer timed =
      post("/admin/keys", admin_key_,
           R"({"name":"a","scopes":["admin"],"expires_at":"2026-01-16T00:00:00Z"})");
  ASSERT_EQ(timed.status, 201) << timed.body;
  EXPECT_EQ(timed.text("/expires_at"), "2026-01-16T00:00:00.000Z");
  key_lifetime_ = std::chrono::hours(1);
  const Answer standard = post("/admin/keys", admin_key_, R"({"name":"b","scopes":["admin"]})");
  EXPECT_EQ(standard.text("/expires_at"), rfc3339(clock_.unix_ms() + 3'600'000));
  const Answer for_ever =
      post("/admin/keys", admin_key_, R"({"name":"c","scopes":["admin"],"expires_at":null})");
  EXPECT_EQ(for_ever.at("/expires_at"), "null");
  clock_.advance(std::chrono::hours(12));
  EXPECT_EQ(get("/admin/keys", timed.text("/key")).status, 401);
  EXPECT_EQ(get("/admin/keys", standard.text("/key")).status, 401);
  EXPECT_EQ(get("/admin/keys", for_ever.text("/key")).status, 200);
}

TEST_F(AdminKeys, AChangeCountsAtOnce) {
  const std::string path = "/admin/keys/plainplainpl";
  EXPECT_EQ(patch(path, R"({"scopes":"admin"})").status, 200);
  EXPECT_EQ(get("/admin/keys", plain_key_).status, 200);
  const Answer disabled = patch(path, R"({"disabled":true})");
  EXPECT_EQ(disabled.text("/disabled_at"), rfc3339(clock_.unix_ms()));
  EXPECT_EQ(get("/admin/keys", plain_key_).status, 401);
  EXPECT_EQ(patch(path, R"({"disabled":false,"name":"again"})").status, 200);
  EXPECT_EQ(get("/admin/keys", plain_key_).status, 200);
  EXPECT_EQ(erase(path).status, 200);
  EXPECT_EQ(get("/admin/keys", plain_key_).status, 401);
  EXPECT_EQ(patch(path, R"({"disabled":false})").status, 200);
  EXPECT_EQ(get("/admin/keys", plain_key_).status, 401) << "revoked is for good";
  EXPECT_EQ(patch("/admin/keys/nosuchnosuch", R"({"name":"x"})").status, 404);
  EXPECT_EQ(erase("/admin/keys/nosuchnosuch").status, 404);
}

TEST_F(AdminKeys, CarryBudgetsInDollars) {
  const Answer made = post("/admin/keys", admin_key_,
                           R"({"name":"a","scopes":["admin"],"budget_day":0.5,"budget_month":7})");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_NE(made.body.find(R"("budget_day":0.50,"budget_month":7.00)"), std::string::npos);
  const std::string path = "/admin/keys/" + made.text("/id");
  const Answer changed = patch(path, R"({"budget_day":null,"budget_month":2.25})");
  EXPECT_NE(changed.body.find(R"("budget_day":null,"budget_month":2.25)"), std::string::npos);
  const Answer same = patch(path, R"({"name":"b"})");
  EXPECT_NE(same.body.find(R"("budget_day":null,"budget_month":2.25)"), std::string::npos);
}

TEST_F(AdminKeys, ListsPageByPage) {
  for (int i = 0; i < 5; ++i) {
    clock_.advance(std::chrono::seconds(1));
    ASSERT_EQ(post("/admin/keys", admin_key_, kGood).status, 201);
  }
  std::string after;
  std::vector<std::string> seen;
  for (int pages = 0; pages < 10; ++pages) {
    const Answer page = get("/admin/keys?limit=3" + after, admin_key_);
    ASSERT_EQ(page.status, 200) << page.body;
    for (const auto& key : page.json().at("data").as_array()) {
      seen.emplace_back(key.at("id").as_string());
    }
    if (page.at("/has_more") == "false") {
      break;
    }
    after = "&after=" + page.text("/last_id");
  }
  ASSERT_EQ(seen.size(), 7U);
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), 7U);
  EXPECT_EQ(get("/admin/keys?limit=0", admin_key_).status, 400);
  EXPECT_EQ(get("/admin/keys?limit=1001", admin_key_).status, 400);
  EXPECT_EQ(get("/admin/keys?limit=x", admin_key_).text("/error/param"), "limit");
  EXPECT_EQ(get("/admin/keys?after=nobody", admin_key_).text("/error/param"), "after");
}

}  // namespace
}  // namespace headgate::api
