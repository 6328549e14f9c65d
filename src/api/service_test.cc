#include "api/service.h"

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/event_loop.h"

namespace headgate::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kLimits = "x-ratelimit-remaining-requests: 7\r\n";

/// Whoever sends any credential is known and may read jobs.
class Knows final : public Authenticator {
 public:
  Result<std::shared_ptr<const model::Principal>> authenticate(
      const edge::Request& request, const model::RequestContext&) const override {
    if (!request.field("authorization")) {
      return fail(unauthenticated("Who are you?"));
    }
    auto principal = std::make_shared<model::Principal>();
    principal->id = "key:a";
    principal->scopes.add(model::Scope::JobsRead);
    return std::shared_ptr<const model::Principal>(std::move(principal));
  }
};

/// Says kLimits to all, and counts what was taken.
class Admits final : public Admission {
 public:
  Result<std::shared_ptr<void>> admit(const edge::Request&, model::RequestContext& context,
                                      std::string& fields) const override {
    taken += context.kind.empty() ? 0 : 1;
    fields.append(kLimits);
    return std::shared_ptr<void>();
  }
  void add_limits(const model::RequestContext&, std::string& fields) const override {
    fields.append(kLimits);
  }
  Result<void> admit_job(std::string_view, model::RequestContext&) const override { return {}; }
  std::optional<std::int64_t> cost_of(const model::RequestContext&) const override {
    return std::nullopt;
  }
  mutable int taken = 0;
};

class Says final : public Endpoint {
 public:
  explicit Says(Result<void> outcome) : outcome_(std::move(outcome)) {}
  Task<Result<edge::Response>> handle(Call) const override {
    if (!outcome_) {
      co_return fail(outcome_.error());
    }
    edge::Response response;
    response.body = "{}";
    co_return response;
  }

 private:
  Result<void> outcome_;
};

struct ServiceTest : ::testing::Test {
  const Says yes{Result<void>()};
  const Says unknown{fail(not_found("No such job."))};

  static Route route(std::string_view pattern, RouteAuth auth, const Endpoint& endpoint,
                     std::string_view kind = {}) {
    return {.method = edge::Method::Get,
            .pattern = pattern,
            .auth = auth,
            .surface = Surface::Classic,
            .kind = kind,
            .tag = {},
            .summary = {},
            .request_schema = {},
            .response_schema = {},
            .endpoint = &endpoint};
  }
  const std::vector<Route> routes = {
      route("/open", Public{}, yes),
      route("/v1/jobs", model::Scope::JobsRead, yes),
      route("/v1/jobs/gone", model::Scope::JobsRead, unknown),
      route("/admin/keys", model::Scope::Admin, yes),
      route("/v1/chat", Authenticated{}, yes, "chat"),
  };
  const Knows knows;
  const Admits admits;
  const Service service{{.routes = routes,
                         .authenticator = &knows,
                         .admission = &admits,
                         .jobs = nullptr,
                         .idempotency = nullptr,
                         .finished = [](auto&&...) {},
                         .max_body = [] { return std::uint64_t{65536}; },
                         .admin_elsewhere = false}};
  EventLoop loop;

  edge::Response get(std::string_view path, std::vector<edge::Field> fields) {
    edge::Request request;
    request.method = edge::Method::Get;
    request.method_name = "GET";
    request.path = path;
    request.fields = fields;
    model::RequestContext context;
    auto admitted = service.admit(request, context);
    return admitted ? run_on(loop, service.handle(request, context)) : std::move(admitted.error());
  }
  edge::Response get_known(std::string_view path, std::vector<edge::Field> fields = {}) {
    fields.push_back({"Authorization", "Bearer x"});
    return get(path, std::move(fields));
  }
};

TEST_F(ServiceTest, TellsEveryoneItKnowsTheirLimits) {
  const std::pair<std::string_view, int> cases[] = {
      {"/v1/jobs", 200}, {"/v1/jobs/gone", 404}, {"/admin/keys", 403}, {"/v1/chat", 200}};
  for (const auto& [path, status] : cases) {
    const edge::Response answer = get_known(path);
    EXPECT_EQ(answer.status, status) << path;
    const std::size_t first = answer.fields.find(kLimits);
    EXPECT_NE(first, std::string::npos) << path;
    EXPECT_EQ(answer.fields.find(kLimits, first + 1), std::string::npos) << path << ": once";
  }
}

TEST_F(ServiceTest, TellsLimitsWithRefusedControlFields) {
  for (const std::string_view path : {"/v1/jobs", "/v1/chat"}) {
    const edge::Response answer = get_known(path, {{"X-Priority", "low"}, {"X-Priority", "high"}});
    EXPECT_EQ(answer.status, 400) << path;
    EXPECT_THAT(answer.fields, HasSubstr(kLimits)) << path;
  }
  EXPECT_EQ(admits.taken, 0);
}

TEST_F(ServiceTest, TellsLimitsWhereTheEdgeRefusesTheBodyOfSomebodyKnown) {
  edge::Request request;
  request.method = edge::Method::Get;
  request.method_name = "GET";
  request.path = "/v1/jobs";
  const std::array<edge::Field, 1> fields = {{{"Authorization", "Bearer x"}}};
  request.fields = fields;
  model::RequestContext context;
  ASSERT_TRUE(service.admit(request, context));
  const edge::Response answer = service.refuse(too_large("m"), &request, context);
  EXPECT_EQ(answer.status, 413);
  EXPECT_THAT(answer.fields, HasSubstr(kLimits));
}

TEST_F(ServiceTest, TellsNobodyElseAnyLimits) {
  EXPECT_EQ(get("/open", {}).status, 200);
  EXPECT_THAT(get("/open", {}).fields, Not(HasSubstr("x-ratelimit")));
  EXPECT_THAT(get_known("/open").fields, Not(HasSubstr("x-ratelimit"))) << "it is open to anyone";
  EXPECT_EQ(get("/v1/jobs", {}).status, 401);
  EXPECT_THAT(get("/v1/jobs", {}).fields, Not(HasSubstr("x-ratelimit")));
  EXPECT_THAT(get_known("/nowhere").fields, Not(HasSubstr("x-ratelimit")));
}

}  // namespace
}  // namespace headgate::api
