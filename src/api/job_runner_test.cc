#include "api/job_runner.h"

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "testing/job_stores.h"

namespace headgate::api {
namespace {

class FreeOfCharge final : public model::Spending {
 public:
  Task<Result<void>> begin() override { co_return Result<void>(); }
  Task<void> settle(End) override { co_return; }
};

class AdmitsAll final : public Admission {
 public:
  Result<std::shared_ptr<void>> admit(const edge::Request&, model::RequestContext&,
                                      std::string&) const override {
    return std::shared_ptr<void>();
  }
  Result<void> admit_job(std::string_view, model::RequestContext& context) const override {
    context.spending = std::make_unique<FreeOfCharge>();
    return {};
  }
  std::optional<std::int64_t> cost_of(const model::RequestContext&) const override {
    return std::nullopt;
  }
};

class Pieces final : public edge::BodyStream {
 public:
  explicit Pieces(std::deque<std::string> pieces) : pieces_(std::move(pieces)) {}
  Task<Result<std::string_view>> next() override {
    last_.clear();
    if (!pieces_.empty()) {
      last_ = std::move(pieces_.front());
      pieces_.pop_front();
    }
    co_return std::string_view(last_);
  }

 private:
  std::deque<std::string> pieces_;
  std::string last_;
};

enum class Delivery : std::uint8_t { Whole, Events };

class Answers final : public Endpoint {
 public:
  Answers(Delivery delivery, std::deque<std::string> pieces)
      : delivery_(delivery), pieces_(std::move(pieces)) {}
  Task<Result<edge::Response>> handle(Call call) const override {
    call.context.streamed = delivery_ == Delivery::Events;
    edge::Response response;
    response.stream = std::make_unique<Pieces>(pieces_);
    co_return response;
  }

 private:
  Delivery delivery_;
  std::deque<std::string> pieces_;
};

struct Ran {
  Result<std::string> result;
  std::vector<std::string> deltas;
};

Ran run_job(Delivery delivery, std::deque<std::string> pieces) {
  const Answers endpoint(delivery, std::move(pieces));
  const AdmitsAll admission;
  Route route{};
  route.method = edge::Method::Post;
  route.pattern = "/v1/chat/completions";
  route.kind = "chat";
  route.endpoint = &endpoint;
  EndpointRunner runner;
  runner.use(std::span(&route, 1), admission);
  model::JobRequest request;
  request.path = "/v1/chat/completions";
  model::RequestContext context;
  std::vector<std::string> kept;
  const auto keep = [&kept](std::vector<std::string> deltas) -> Task<Result<void>> {
    for (std::string& delta : deltas) {
      kept.push_back(std::move(delta));
    }
    co_return Result<void>();
  };
  auto result = testing::run(runner.run(request, context, keep));
  return {std::move(result), std::move(kept)};
}

TEST(EndpointRunner, AResultIsJson) {
  EXPECT_EQ(run_job(Delivery::Whole, {"{\"a\":", "\n1}"}).result.value(), "{\"a\":\n1}");
  for (const char* bad : {"", "not json", "{\"a\":1", "{\"a\":1}{\"b\":2}", "{\"a\":\"\n\"}"}) {
    const auto ran = run_job(Delivery::Whole, {bad});
    ASSERT_FALSE(ran.result) << bad;
    EXPECT_EQ(ran.result.error().kind, ErrorKind::UpstreamFailed)
        << "another attempt may do better";
  }
}

TEST(EndpointRunner, ADeltaOfSeveralLinesIsKeptAsOne) {
  const auto ran =
      run_job(Delivery::Events,
              {"data: {\"choices\":\ndata: [{\"index\":0,\"delta\":{\"content\":\"a\\nb\"},\n"
               "data: \"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"});
  ASSERT_TRUE(ran.result);
  EXPECT_NE(ran.result->find(R"("content":"a\nb")"), std::string::npos);
  ASSERT_EQ(ran.deltas.size(), 1U);
  EXPECT_EQ(ran.deltas[0],
            "{\"choices\": [{\"index\":0,\"delta\":{\"content\":\"a\\nb\"}, "
            "\"finish_reason\":\"stop\"}]}")
      << "on one line";
}

}  // namespace
}  // namespace headgate::api
