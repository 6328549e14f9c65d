#include "dispatch/cached_answer.h"

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/event_loop.h"
#include "base/event_loop_run.h"

namespace headgate::dispatch {
namespace {

using std::chrono::seconds;
using Use = model::CacheWish::Use;

std::shared_ptr<const model::Principal> principal(std::string id) {
  auto made = std::make_shared<model::Principal>();
  made->id = std::move(id);
  return made;
}

class CacheKeyTest : public ::testing::Test {
 protected:
  CacheKeyTest() {
    model_.name = "m";
    model_.cache.ttl = seconds(60);
    context_.principal = principal("key:a");
    context_.route = "/v1/chat/completions";
  }

  std::optional<Sha256> key(const std::string& body, model::Kind kind = model::Kind::Chat,
                            model::Dialect dialect = model::Dialect::OpenAi) {
    model::InferenceRequest request;
    request.kind = kind;
    request.dialect = dialect;
    request.delivery = delivery_;
    request.body = body;
    request.fields = fields_;
    return cache_key(model_, request, context_);
  }
  /// Of a request that any cache takes, with `more` members.
  Sha256 sure_key(const std::string& more = "") {
    return key(R"({"model":"m","temperature":0,"messages":[])" + more + "}").value();
  }

  routing::Model model_;
  model::RequestContext context_;
  model::Delivery delivery_ = model::Delivery::Whole;
  std::string fields_;
};

TEST_F(CacheKeyTest, OnlyRequestsThatAskForTheSameAnswerHaveOne) {
  EXPECT_TRUE(key(R"({"temperature":0})"));
  EXPECT_TRUE(key(R"({"temperature":0.0})"));
  EXPECT_TRUE(key(R"({"seed":7})"));
  EXPECT_TRUE(key(R"({"seed":7,"temperature":0.9})"));
  EXPECT_FALSE(key("{}")) << "vendors take a temperature of 1 then";
  EXPECT_FALSE(key(R"({"temperature":0.1})"));
  EXPECT_FALSE(key(R"({"temperature":"0"})"));
  EXPECT_FALSE(key(R"({"temperature":null,"seed":null})"));
  EXPECT_TRUE(key(R"({"temperature":0})", model::Kind::Chat, model::Dialect::Anthropic));
  EXPECT_FALSE(key(R"({"seed":7})", model::Kind::Chat, model::Dialect::Anthropic));
  EXPECT_TRUE(key("{}", model::Kind::Embedding));
}

TEST_F(CacheKeyTest, AllRequestsHaveOneIfTheModelOrTheClientSaysSo) {
  model_.cache.of = routing::CacheRule::Of::All;
  EXPECT_TRUE(key("{}"));
  model_.cache.of = routing::CacheRule::Of::Repeatable;
  context_.cache_wish.any = true;
  EXPECT_TRUE(key("{}"));
}

TEST_F(CacheKeyTest, ThereIsNoneWithoutATimeOrForWhoDoesNotWantIt) {
  context_.cache_wish.use = Use::Fresh;
  EXPECT_TRUE(key(R"({"temperature":0})")) << "it is kept";
  context_.cache_wish.use = Use::None;
  EXPECT_FALSE(key(R"({"temperature":0})"));
  context_.cache_wish.use = Use::Full;
  context_.principal = nullptr;
  EXPECT_FALSE(key(R"({"temperature":0})"));
  context_.principal = principal("key:a");
  model_.cache.ttl = seconds(0);
  EXPECT_FALSE(key(R"({"temperature":0})"));
}

TEST_F(CacheKeyTest, AFormHasNone) {
  model_.cache.of = routing::CacheRule::Of::All;
  EXPECT_FALSE(key("--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n--b--"));
}

TEST_F(CacheKeyTest, ItIsAnotherForEverythingThatTheAnswerDependsOn) {
  const Sha256 usual = sure_key();
  EXPECT_EQ(sure_key(), usual);
  EXPECT_NE(sure_key(R"(,"max_tokens":5)"), usual);
  EXPECT_NE(sure_key(R"(,"user":"u")"), usual) << "the caller's own users are kept apart";

  context_.principal = principal("key:b");
  EXPECT_NE(sure_key(), usual);
  context_.principal = principal("key:a");
  context_.route = "/v1/messages";
  EXPECT_NE(sure_key(), usual);
  context_.route = "/v1/chat/completions";
  model_.name = "n";
  EXPECT_NE(sure_key(), usual);
  model_.name = "m";
  delivery_ = model::Delivery::Stream;
  EXPECT_NE(sure_key(), usual);
  delivery_ = model::Delivery::Whole;
  fields_ = "anthropic-beta: x\r\n";
  EXPECT_NE(sure_key(), usual);
  fields_.clear();
  EXPECT_EQ(sure_key(), usual);
}

TEST_F(CacheKeyTest, ThePartsOfARequestCannotPassForOneAnother) {
  EXPECT_NE(key(R"({"seed":1,"a":"bc"})"), key(R"({"seed":1,"ab":"c"})"));
  EXPECT_NE(key(R"({"seed":1,"a":"1:b"})"), key(R"({"seed":1,"a":"1","b":""})"));
}

TEST_F(CacheKeyTest, ItIsTheSameWhateverTheAnswerDoesNotDependOn) {
  const Sha256 usual = sure_key();
  EXPECT_EQ(sure_key(R"(,"metadata":{"a":"b"},"store":false,"prompt_cache_key":"k")"), usual);
  EXPECT_EQ(key(R"({"model":"alias-of-m", "stream":false, "temperature":0, "messages":[] })"),
            usual);
  context_.client_id = "app";
  context_.request_id = "r";
  EXPECT_EQ(sure_key(), usual);
}

TEST_F(CacheKeyTest, AClientThatARuleMayBeAboutHasItsOwn) {
  model_.rules.emplace_back();
  const Sha256 usual = sure_key();
  context_.client_id = "app";
  EXPECT_NE(sure_key(), usual);
}

/// A stream of these pieces; an empty one is the end, and nothing at all a break.
class Pieces final : public edge::BodyStream {
 public:
  Pieces(std::deque<std::string> pieces, std::optional<Error> then, model::RequestContext& context)
      : pieces_(std::move(pieces)), then_(std::move(then)), context_(context) {}
  Task<Result<std::string_view>> next() override {
    if (pieces_.empty()) {
      co_return then_ ? Result<std::string_view>(fail(*then_)) : std::string_view();
    }
    given_ = std::move(pieces_.front());
    pieces_.pop_front();
    if (given_ == "ERROR") {
      context_.error_code = "upstream_error";
    }
    co_return given_;
  }

 private:
  std::deque<std::string> pieces_;
  std::optional<Error> then_;
  model::RequestContext& context_;
  std::string given_;
};

class KeepAnswerTest : public ::testing::Test {
 protected:
  KeepAnswerTest() { context_.provider = "p"; }

  /// What a reader of the kept stream gets.
  std::string read(std::deque<std::string> pieces, std::optional<Error> then = std::nullopt,
                   std::optional<std::uint64_t> length = std::nullopt) {
    edge::Response response;
    response.stream = std::make_unique<Pieces>(std::move(pieces), std::move(then), context_);
    response.stream_length = length;
    keep_answer(cache_, sha256("k"), seconds(60), model::Dialect::OpenAi, response, context_);
    EventLoop loop;
    return run_on(loop, read_all(*response.stream, length));
  }
  std::string kept() {
    const auto found = cache_.find(sha256("k"), std::chrono::steady_clock::now());
    return found ? found->body : "(none)";
  }

  ResponseCache cache_{{.max_memory = 1U << 20U, .max_answer = 64}};
  model::RequestContext context_;

 private:
  /// As the edge does: of an answer of known length nothing is asked for behind it.
  static Task<std::string> read_all(edge::BodyStream& stream, std::optional<std::uint64_t> length) {
    std::string all;
    while (!length || all.size() < *length) {
      auto piece = co_await stream.next();
      if (!piece || piece->empty()) {
        co_return all;
      }
      all.append(*piece);
    }
    co_return all;
  }
};

TEST_F(KeepAnswerTest, AStreamIsKeptWhenItHasEndedWithoutItsPings) {
  EXPECT_EQ(read({"data: a\n\n", ": ping\n\n", "data: [DONE]\n\n"}),
            "data: a\n\n: ping\n\ndata: [DONE]\n\n");
  EXPECT_EQ(kept(), "data: a\n\ndata: [DONE]\n\n");
}

TEST_F(KeepAnswerTest, AStreamThatBreaksOffIsNot) {
  read({"data: a\n\n"}, upstream_failed("broken"));
  EXPECT_EQ(kept(), "(none)");
}

TEST_F(KeepAnswerTest, AStreamThatTellsOfAnErrorIsNot) {
  EXPECT_EQ(read({"data: a\n\n", "ERROR"}), "data: a\n\nERROR");
  EXPECT_EQ(kept(), "(none)");
}

TEST_F(KeepAnswerTest, AStreamThatNobodyReadsToItsEndIsNot) {
  edge::Response response;
  response.stream =
      std::make_unique<Pieces>(std::deque<std::string>{"data: a\n\n"}, std::nullopt, context_);
  keep_answer(cache_, sha256("k"), seconds(60), model::Dialect::OpenAi, response, context_);
  response.stream.reset();
  EXPECT_EQ(kept(), "(none)");
}

TEST_F(KeepAnswerTest, AStreamThatIsTooLargeIsHandedOnWholeAllTheSame) {
  const std::string large(100, 'x');
  EXPECT_EQ(read({large, "y"}), large + "y");
  EXPECT_EQ(kept(), "(none)");
}

TEST_F(KeepAnswerTest, AnAnswerOfKnownLengthIsKeptWithItsLastByte) {
  EXPECT_EQ(read({"{\"a\":", "1}"}, std::nullopt, 7), "{\"a\":1}");
  EXPECT_EQ(kept(), "{\"a\":1}");
}

TEST_F(KeepAnswerTest, AnAnswerOfAnotherTypeIsNot) {
  edge::Response response;
  response.content_type = "audio/mpeg";
  response.body = "x";
  keep_answer(cache_, sha256("k"), seconds(60), model::Dialect::OpenAi, response, context_);
  EXPECT_EQ(kept(), "(none)");
}

TEST_F(KeepAnswerTest, AKeptStreamIsGivenAsAStreamAndSaysHowOldItIs) {
  auto answer = std::make_shared<KeptAnswer>();
  answer->body = "data: a\n\ndata: [DONE]\n\n";
  answer->provider = "p";
  context_.provider.clear();
  context_.model = "m";
  edge::Response response = answer_from(answer, model::Delivery::Stream, context_,
                                        answer->kept_at + std::chrono::milliseconds(61'900));
  EXPECT_EQ(context_.cache, model::CacheOutcome::Hit);
  EXPECT_TRUE(context_.streamed);
  EXPECT_EQ(response.content_type, "text/event-stream; charset=utf-8");
  for (const char* field : {"x-headgate-cache: hit\r\n", "age: 61\r\n",
                            "x-headgate-provider: p\r\n", "x-headgate-attempts: 0\r\n"}) {
    EXPECT_NE(response.fields.find(field), std::string::npos) << field;
  }
  EXPECT_EQ(**response.stream->at_hand(), answer->body);
  EXPECT_EQ(**response.stream->at_hand(), "") << "its end";
}

TEST_F(KeepAnswerTest, AKeptAnswerIsGivenWhole) {
  auto answer = std::make_shared<KeptAnswer>();
  answer->body = "{}";
  const edge::Response response =
      answer_from(answer, model::Delivery::Whole, context_, answer->kept_at);
  EXPECT_FALSE(response.stream);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(response.body, "{}");
}

}  // namespace
}  // namespace headgate::dispatch
