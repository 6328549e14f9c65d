#include "api/idempotency.h"

#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "base/event_loop.h"
#include "testing/fake_clock.h"

namespace headgate::api {
namespace {

/// One key, and what has become of it.
class OneKey final : public stores::IdempotencyStore {
 public:
  Task<Result<std::optional<stores::KeptAnswer>>> claim(stores::IdempotencyClaim,
                                                        std::int64_t) override {
    ++claims;
    if (answer) {
      co_return std::optional(*answer);
    }
    state = "claimed";
    co_return std::optional<stores::KeptAnswer>();
  }
  Task<Result<void>> settle(Sha256, stores::KeptAnswer kept) override {
    state = "kept";
    answer = std::move(kept);
    co_return Result<void>();
  }
  Task<Result<void>> drop(Sha256) override {
    state = "free";
    co_return Result<void>();
  }

  std::string state = "free";
  std::optional<stores::KeptAnswer> answer;
  int claims = 0;
};

/// Pieces, and then the end. "!" stands for an error, "?" for an event that tells of one.
class Script final : public edge::BodyStream {
 public:
  Script(std::deque<std::string> pieces, model::RequestContext& context)
      : pieces_(std::move(pieces)), context_(context) {}
  Task<Result<std::string_view>> next() override {
    last_.clear();
    if (!pieces_.empty()) {
      last_ = std::move(pieces_.front());
      pieces_.pop_front();
    }
    if (last_ == "!") {
      co_return fail(upstream_failed("cut"));
    }
    if (last_ == "?") {
      context_.error_code = "upstream_error";
    }
    co_return std::string_view(last_);
  }

 private:
  std::deque<std::string> pieces_;
  model::RequestContext& context_;
  std::string last_;
};

class Streams final : public Endpoint {
 public:
  explicit Streams(std::deque<std::string> pieces) : pieces_(std::move(pieces)) {}
  Task<Result<edge::Response>> handle(Call call) const override {
    edge::Response response;
    response.stream = std::make_unique<Script>(pieces_, call.context);
    co_return response;
  }

 private:
  std::deque<std::string> pieces_;
};

class Speaks final : public Endpoint {
 public:
  Task<Result<edge::Response>> handle(Call) const override {
    edge::Response response;
    response.content_type = {};
    response.add_field("Content-Type", "audio/mpeg");
    response.body = std::string("\x00\xFF", 2);
    co_return response;
  }
};

class Fails final : public Endpoint {
 public:
  Task<Result<edge::Response>> handle(Call) const override {
    co_return fail(upstream_failed("no answer"));
  }
};

class Throws final : public Endpoint {
 public:
  Task<Result<edge::Response>> handle(Call) const override {
    throw std::runtime_error("a bug");
    co_return edge::Response();
  }
};

class IdempotencyTest : public ::testing::Test {
 protected:
  IdempotencyTest() { context_.principal = std::make_shared<model::Principal>(); }

  Result<edge::Response> ask(const Endpoint& endpoint) {
    const edge::Field fields[] = {{"Idempotency-Key", "k"}};
    edge::Request request;
    request.fields = fields;
    context_.error_code.clear();
    return run_on(loop_, idempotency_.answer(endpoint, Call{request, context_, {}}));
  }
  /// Each piece as it arrives, with the state of the key at that moment.
  std::string read(edge::BodyStream& stream) {
    std::string text;
    while (true) {
      const auto piece = run_on(loop_, stream.next());
      text.append(!piece ? "error" : piece->empty() ? "end" : std::string(*piece));
      text.append(" ").append(store_.state).append(";");
      if (!piece || piece->empty()) {
        return text;
      }
    }
  }

  EventLoop loop_;
  testing::FakeClock clock_;
  OneKey store_;
  const Idempotency idempotency_{store_, clock_};
  model::RequestContext context_;
};

TEST_F(IdempotencyTest, AnAnswerKeepsTheTypeThatItsFieldsName) {
  const Speaks endpoint;
  ASSERT_TRUE(ask(endpoint));
  EXPECT_EQ(store_.answer->content_type, "audio/mpeg");
  const auto again = ask(endpoint);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->media_type(), "audio/mpeg");
  EXPECT_EQ(again->body, std::string("\x00\xFF", 2));
}

TEST_F(IdempotencyTest, AWholeStreamIsKeptAndGivenAgain) {
  const Streams endpoint({"a", "b"});
  auto first = ask(endpoint);
  ASSERT_TRUE(first);
  EXPECT_EQ(read(*first->stream), "a claimed;b claimed;end kept;");
  auto again = ask(endpoint);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->body, "ab");
  EXPECT_NE(again->fields.find("Idempotent-Replayed: true"), std::string::npos);
}

TEST_F(IdempotencyTest, AStreamThatTellsOfAnErrorFreesTheKeyBeforeTheClientKnows) {
  const Streams endpoint({"a", "?"});
  auto first = ask(endpoint);
  ASSERT_TRUE(first);
  EXPECT_EQ(read(*first->stream), "a claimed;? free;end free;");
  EXPECT_FALSE(store_.answer);
  auto retry = ask(endpoint);
  ASSERT_TRUE(retry);
  EXPECT_TRUE(retry->stream) << "it runs again";
}

TEST_F(IdempotencyTest, AStreamThatBreaksOffFreesTheKey) {
  const Streams endpoint({"a", "!"});
  auto first = ask(endpoint);
  ASSERT_TRUE(first);
  EXPECT_EQ(read(*first->stream), "a claimed;error free;");
}

TEST_F(IdempotencyTest, AStreamThatNobodyReadsToItsEndFreesTheKey) {
  const Streams endpoint({"a", "b"});
  auto first = ask(endpoint);
  ASSERT_TRUE(first);
  const auto leave = [](std::unique_ptr<edge::BodyStream> stream) -> Task<int> {
    stream.reset();
    co_return 0;
  };
  run_on(loop_, leave(std::move(first->stream)));
  run_on(loop_, leave(nullptr));  // the loop gets to what it was given
  EXPECT_EQ(store_.state, "free");
}

TEST_F(IdempotencyTest, ATooLargeAnswerIsNotKeptButBlocksTheKeyUntilItsEnd) {
  const std::string large(5 << 20, 'x');
  const Streams endpoint({large, large, "a"});
  auto first = ask(endpoint);
  ASSERT_TRUE(first);
  EXPECT_EQ(read(*first->stream),
            large + " claimed;" + large + " claimed;" + "a claimed;end free;");
}

TEST_F(IdempotencyTest, AnErrorFreesTheKey) {
  EXPECT_FALSE(ask(Fails()));
  EXPECT_EQ(store_.state, "free");
}

TEST_F(IdempotencyTest, ABugFreesTheKey) {
  EXPECT_ANY_THROW(static_cast<void>(ask(Throws())));
  run_on(loop_, [] -> Task<int> { co_return 0; }());
  EXPECT_EQ(store_.state, "free");
}

}  // namespace
}  // namespace headgate::api
