#include "api/admin_usage.h"

#include <string>
#include <vector>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/event_loop.h"
#include "testing/job_stores.h"
#include "testing/sqlite_usage.h"
#include "testing/temp_folder.h"

namespace headgate::api {
namespace {

using ::testing::HasSubstr;

class UsageReportTest : public ::testing::Test {
 protected:
  UsageReportTest() {
    const UtcDay day = parse_day("2026-01-15").value();
    EXPECT_TRUE(testing::run(
        made_.store->write({.records = {testing::some_usage(day, "key:a", "gpt", 1'250'000),
                                        testing::some_usage(day, "key:b", "gpt", 1),
                                        testing::some_usage(day + 1, "key:a", "tiny", 0)}})));
  }
  Result<std::string> get(const std::string& query) {
    edge::Request request;
    request.method = edge::Method::Get;
    request.path = "/admin/usage";
    request.query = query;
    model::RequestContext context;
    auto response = testing::run(report_.handle({request, context, {}}));
    return response ? Result<std::string>(std::move(response->body)) : fail(response.error());
  }

  testing::TempFolder folder_;
  testing::UsageStoreUnderTest made_ = testing::make_sqlite_usage(folder_.path());
  UsageReport report_{*made_.store};
};

TEST_F(UsageReportTest, ShowsEveryRowWithItsCostAndTheTotals) {
  const auto all = get("");
  ASSERT_TRUE(all);
  EXPECT_THAT(
      *all,
      HasSubstr(
          R"([{"day":"2026-01-15","principal":"key:a","model":"gpt",)"
          R"("requests":1,"input_tokens":10,"output_tokens":20,)"
          R"("cost_usd":1.25,"estimated_requests":0},{"day":"2026-01-15","principal":"key:b")"));
  EXPECT_THAT(*all, HasSubstr(R"("totals":{"requests":3,"input_tokens":30,"output_tokens":60,)"
                              R"("cost_usd":1.250001,"estimated_requests":0},"has_more":false)"));
}

TEST_F(UsageReportTest, GroupsAndFilters) {
  EXPECT_THAT(get("group=model").value(), HasSubstr(R"([{"model":"gpt","requests":2,)"));
  EXPECT_THAT(get("group=day").value(), HasSubstr(R"([{"day":"2026-01-15","requests":2,)"));
  EXPECT_THAT(get("group=principal").value(), HasSubstr(R"([{"principal":"key:a","requests":2,)"));
  EXPECT_THAT(get("principal=key%3Ab").value(), HasSubstr(R"("totals":{"requests":1,)"));
  EXPECT_THAT(get("from=2026-01-16").value(), HasSubstr(R"("totals":{"requests":1,)"));
  EXPECT_THAT(get("to=2026-01-14").value(), HasSubstr(R"("data":[],"totals":{"requests":0,)"));
}

TEST_F(UsageReportTest, PagesFollowOneAnother) {
  std::string after;
  std::vector<std::string> seen;
  for (int pages = 0; pages < 5; ++pages) {
    const boost::json::value page = boost::json::parse(get("limit=1" + after).value());
    const auto& row = page.at("data").at(0);
    seen.emplace_back(row.at("day").as_string());
    seen.back().append(" ").append(std::string_view(row.at("principal").as_string()));
    if (!page.at("has_more").as_bool()) {
      break;
    }
    after = "&after=" + std::string(page.at("last_id").as_string());
  }
  EXPECT_THAT(seen,
              ::testing::ElementsAre("2026-01-15 key:a", "2026-01-15 key:b", "2026-01-16 key:a"));
}

TEST_F(UsageReportTest, NamesTheParameterAtFault) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"from=yesterday", "from"}, {"to=2026-02-30", "to"}, {"from=2026-01-02&to=2026-01-01", "to"},
      {"group=hour", "group"},    {"limit=0", "limit"},    {"limit=1001", "limit"},
      {"after=x!", "after"},      {"after=eA", "after"},   {"key=a", "key"},
  };
  for (const auto& [query, param] : cases) {
    const auto refused = get(query);
    ASSERT_FALSE(refused) << query;
    EXPECT_EQ(refused.error().kind, ErrorKind::InvalidRequest) << query;
    EXPECT_EQ(refused.error().param, param) << query;
  }
}

}  // namespace
}  // namespace headgate::api
