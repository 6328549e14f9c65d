#include "api/response_items.h"

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "base/event_loop.h"
#include "base/event_loop_run.h"

namespace headgate::api {
namespace {

constexpr std::string_view kMessage =
    R"({"id":"msg_1","type":"message","role":"assistant","content":[]})";
constexpr std::string_view kCall = R"({"id":"fc_2", "type":"function_call","name":"f"})";

std::string output() { return "[" + std::string(kMessage) + "," + std::string(kCall) + "]"; }

class ResponseItemsTest : public ::testing::Test {
 protected:
  ResponseItemsTest() {
    auto principal = std::make_shared<model::Principal>();
    principal->id = "key:a";
    context_.principal = std::move(principal);
  }

  Result<std::string> resolve(const std::string& input, std::string_view principal = "key:a") {
    const std::string body = R"({"model":"m","input":)" + input + R"(,"store":true})";
    return items_.resolve(body, std::string_view(body).substr(21, input.size()), principal);
  }
  /// Whether the item is known.
  bool knows(const std::string& id, std::string_view principal = "key:a") {
    return resolve(R"([{"type":"item_reference","id":")" + id + "\"}]", principal).has_value();
  }

  ResponseItems items_{1U << 20U};
  model::RequestContext context_;
};

TEST_F(ResponseItemsTest, StandInThePlaceOfTheirNames) {
  items_.keep("key:a", JsonView(output()));
  const auto resolved = resolve(
      R"([{"role":"user","content":"hi"}, {"type":"item_reference","id":"msg_1"},)"
      R"({"id":"fc_2","type":"item_reference"},{"role":"user","content":"item_reference"}])");
  ASSERT_TRUE(resolved);
  EXPECT_EQ(*resolved, R"({"model":"m","input":[{"role":"user","content":"hi"}, )" +
                           std::string(kMessage) + "," + std::string(kCall) +
                           R"(,{"role":"user","content":"item_reference"}],"store":true})");
}

TEST_F(ResponseItemsTest, ARequestThatNamesNoneStaysAsItIs) {
  EXPECT_EQ(resolve(R"("what is an item_reference?")").value(), "");
  EXPECT_EQ(resolve(R"([{"role":"user","content":"item_reference"}])").value(), "");
}

TEST_F(ResponseItemsTest, WhatIsNotKnownIsNamed) {
  const auto unknown = resolve(R"([{"type":"item_reference","id":"msg_9"}])");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::NotFound);
  EXPECT_EQ(unknown.error().param, "input");
  EXPECT_NE(unknown.error().message.find("msg_9"), std::string::npos);
  EXPECT_FALSE(resolve(R"([{"type":"item_reference"}])"));
}

TEST_F(ResponseItemsTest, AnotherPrincipalsAreUnknown) {
  items_.keep("key:a", JsonView(output()));
  EXPECT_TRUE(knows("msg_1"));
  EXPECT_FALSE(knows("msg_1", "key:b"));
}

TEST_F(ResponseItemsTest, TakeNoMoreMemoryThanTheyMay) {
  items_.set_max_memory(0);
  items_.keep("key:a", JsonView(output()));
  EXPECT_FALSE(knows("msg_1"));
}

TEST_F(ResponseItemsTest, OfAWholeAnswerAreKeptAtOnce) {
  edge::Response response;
  response.body = R"({"id":"resp_1","output":)" + output() + "}";
  items_.keep_from(response, context_);
  EXPECT_TRUE(knows("msg_1"));
  EXPECT_TRUE(knows("fc_2"));
}

class Pieces final : public edge::BodyStream {
 public:
  explicit Pieces(std::deque<std::string> pieces) : pieces_(std::move(pieces)) {}
  Task<Result<std::string_view>> next() override {
    if (pieces_.empty()) {
      co_return std::string_view();
    }
    given_ = std::move(pieces_.front());
    pieces_.pop_front();
    co_return given_;
  }

 private:
  std::deque<std::string> pieces_;
  std::string given_;
};

Task<std::string> read_all(edge::BodyStream& stream) {
  std::string all;
  while (true) {
    auto piece = co_await stream.next();
    if (!piece || piece->empty()) {
      co_return all;
    }
    all.append(*piece);
  }
}

TEST_F(ResponseItemsTest, OfAStreamAreKeptWhenItsEndHasPassed) {
  const auto pass = [this](const std::string& end) {
    edge::Response response;
    response.stream = std::make_unique<Pieces>(std::deque<std::string>{
        "event: response.created\ndata: {\"response\":{\"output\":[]}}\n\n", end});
    items_.keep_from(response, context_);
    EventLoop loop;
    EXPECT_TRUE(run_on(loop, read_all(*response.stream)).ends_with(end));
  };
  const std::string data = "data: {\"type\":\"x\",\"response\":{\"output\":" + output() + "}}\n\n";
  pass("event: response.failed\n" + data);
  EXPECT_FALSE(knows("msg_1")) << "of a broken answer nothing is kept";
  pass("event: response.output_item.done\ndata: {}\n\nevent: response.completed\n" + data);
  EXPECT_TRUE(knows("msg_1"));
  EXPECT_TRUE(knows("fc_2"));
}

}  // namespace
}  // namespace headgate::api
