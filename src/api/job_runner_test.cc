#include "api/job_runner.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "testing/admits_all.h"
#include "testing/job_stores.h"
#include "testing/pieces.h"

namespace headgate::api {
namespace {

/// Stands for a connection that breaks, as the last piece.
constexpr std::string_view kCut = "!cut";

enum class Delivery : std::uint8_t { Whole, Events };

class Answers final : public Endpoint {
 public:
  Answers(Delivery delivery, std::deque<std::string> pieces, std::string type)
      : delivery_(delivery), pieces_(std::move(pieces)), type_(std::move(type)) {}
  Task<Result<edge::Response>> handle(Call call) const override {
    call.context.streamed = delivery_ == Delivery::Events;
    edge::Response response;
    if (!type_.empty()) {
      response.content_type = {};
      response.add_field("Content-Type", type_);
    }
    auto pieces = pieces_;
    std::optional<Error> error;
    if (!pieces.empty() && pieces.back() == kCut) {
      pieces.pop_back();
      error = upstream_failed("The model server closed the connection.");
    }
    response.stream = std::make_unique<testing::Pieces>(std::move(pieces), std::move(error));
    co_return response;
  }

 private:
  Delivery delivery_;
  std::deque<std::string> pieces_;
  std::string type_;
};

struct Ran {
  Result<std::string> result;
  std::vector<std::string> deltas;
  std::string ended;
};

Task<Result<void>> append_to(std::vector<std::string>& kept, std::vector<std::string> deltas) {
  std::ranges::move(deltas, std::back_inserter(kept));
  co_return Result<void>();
}

Ran run_job(Delivery delivery, std::deque<std::string> pieces, std::string type = {}) {
  const Answers endpoint(delivery, std::move(pieces), std::move(type));
  std::string ended;
  const testing::AdmitsAll admission(
      [&ended] { return std::make_unique<testing::NotedSpending>(ended); });
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
  const auto keep = [&kept](std::vector<std::string> deltas) {
    return append_to(kept, std::move(deltas));
  };
  auto result = testing::run(runner.run(request, context, keep));
  return {std::move(result), std::move(kept), std::move(ended)};
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

TEST(EndpointRunner, WhatIsNoJsonIsKeptInsideOfIt) {
  EXPECT_EQ(run_job(Delivery::Whole, {"ab", "c\xFF"}, "audio/mpeg").result.value(),
            R"({"content_type":"audio/mpeg","data":"YWJj/w=="})");
  EXPECT_EQ(run_job(Delivery::Whole, {"WEBVTT\n\n\"x\""}, "text/vtt").result.value(),
            R"({"content_type":"text/vtt","text":"WEBVTT\n\n\"x\""})");
  EXPECT_FALSE(run_job(Delivery::Whole, {"abc", std::string(kCut)}, "audio/mpeg").result);
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

constexpr std::string_view kStream =
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Gr\xC3\xBC\"}}]}\n\n"
    ": ping\n\n"
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\xC3\x9F"
    "e\"},\"finish_reason\":\"stop\"}]}\n\n"
    "data: [DONE]\n\n";

std::deque<std::string> in_pieces_of(std::size_t size, std::string_view text) {
  std::deque<std::string> pieces;
  for (std::size_t at = 0; at < text.size(); at += size) {
    pieces.emplace_back(text.substr(at, size));
  }
  return pieces;
}

TEST(EndpointRunner, AWholeAnswerIsTheSameInOneReadAndInMany) {
  constexpr std::string_view kAnswer = R"({"choices":[{"message":{"content":"Gr\u00fc\u00dfe"}}]})";
  for (const std::size_t size : {kAnswer.size(), std::size_t{5}, std::size_t{1}}) {
    const auto ran = run_job(Delivery::Whole, in_pieces_of(size, kAnswer));
    ASSERT_TRUE(ran.result) << size;
    EXPECT_EQ(*ran.result, kAnswer);
    EXPECT_TRUE(ran.deltas.empty());
    EXPECT_EQ(ran.ended, "complete;");
  }
}

TEST(EndpointRunner, AStreamsDeltasAreKeptOnceEachInOneReadAndInMany) {
  const auto at_once = run_job(Delivery::Events, {std::string(kStream)});
  ASSERT_TRUE(at_once.result);
  EXPECT_NE(at_once.result->find("\"Gr\xC3\xBC\xC3\x9F"
                                 "e\""),
            std::string::npos)
      << *at_once.result;
  ASSERT_EQ(at_once.deltas.size(), 2U) << "neither the ping nor the end mark";
  for (const std::size_t size : {std::size_t{7}, std::size_t{1}}) {
    const auto ran = run_job(Delivery::Events, in_pieces_of(size, kStream));
    ASSERT_TRUE(ran.result) << size;
    EXPECT_EQ(*ran.result, *at_once.result);
    EXPECT_EQ(ran.deltas, at_once.deltas);
  }
}

TEST(EndpointRunner, AnAnswerThatIsCutFailsTheAttempt) {
  const auto ran = run_job(Delivery::Whole, {R"({"choices":[)", std::string(kCut)});
  ASSERT_FALSE(ran.result);
  EXPECT_EQ(ran.result.error().kind, ErrorKind::UpstreamFailed);
  EXPECT_EQ(ran.ended, "cut;");
}

TEST(EndpointRunner, AStreamThatIsCutFailsTheAttemptAndItsDeltasStay) {
  auto pieces = in_pieces_of(kStream.find("data: [DONE]") - 1, kStream);
  pieces.back() = kCut;  // in the middle of the second event's end
  const auto ran = run_job(Delivery::Events, pieces);
  ASSERT_FALSE(ran.result);
  EXPECT_EQ(ran.result.error().kind, ErrorKind::UpstreamFailed);
  EXPECT_EQ(ran.deltas.size(), 1U) << "half an event is none";
  EXPECT_EQ(ran.ended, "cut;");
}

TEST(EndpointRunner, AnErrorInAStreamFailsTheAttempt) {
  const auto ran =
      run_job(Delivery::Events,
              {"data: {\"choices\":[]}\n\n",
               "data: {\"error\":{\"message\":\"out of memory\",\"type\":\"upstream_error\"}}"
               "\n\ndata: [DONE]\n\n"});
  ASSERT_FALSE(ran.result);
  EXPECT_EQ(ran.deltas.size(), 1U);
}

}  // namespace
}  // namespace headgate::api
