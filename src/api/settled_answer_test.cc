#include "api/settled_answer.h"

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "testing/job_stores.h"

namespace headgate::api {
namespace {

using End = model::Spending::End;

/// Writes down what happens, in order.
struct Journal {
  std::string text;
};

class NotedSpending final : public model::Spending {
 public:
  explicit NotedSpending(Journal& journal) : journal_(journal) {}
  Task<Result<void>> begin() override { co_return Result<void>(); }
  Task<void> settle(End end) override {
    if (!std::exchange(settled_, true)) {
      journal_.text += end == End::Complete ? "complete;" : end == End::Cut ? "cut;" : "refused;";
    }
    co_return;
  }

 private:
  Journal& journal_;
  bool settled_ = false;
};

/// Pieces, and then the end or an error.
class Pieces final : public edge::BodyStream {
 public:
  Pieces(std::deque<std::string> pieces, std::optional<Error> error)
      : pieces_(std::move(pieces)), error_(std::move(error)) {}
  Task<Result<std::string_view>> next() override {
    if (pieces_.empty()) {
      co_return error_ ? Result<std::string_view>(fail(*error_)) : std::string_view();
    }
    last_ = std::move(pieces_.front());
    pieces_.pop_front();
    co_return std::string_view(last_);
  }

 private:
  std::deque<std::string> pieces_;
  std::optional<Error> error_;
  std::string last_;
};

/// What a reader of the answer sees, and when it was settled.
std::string read(std::deque<std::string> pieces, std::optional<std::uint64_t> length = {},
                 std::optional<Error> error = {}, const std::string& error_code = "") {
  Journal journal;
  model::RequestContext context;
  context.error_code = error_code;
  context.spending = std::make_unique<NotedSpending>(journal);
  edge::Response response;
  response.stream = std::make_unique<Pieces>(std::move(pieces), std::move(error));
  response.stream_length = length;
  testing::run([](edge::Response& answer, model::RequestContext& of, Journal& to) -> Task<int> {
    co_await settle_answer(answer, of);
    while (true) {
      auto piece = co_await answer.stream->next();
      to.text += piece ? (piece->empty() ? "end" : std::string(*piece) + ";") : "error";
      if (!piece || piece->empty()) {
        co_return 0;
      }
    }
  }(response, context, journal));
  return journal.text;
}

TEST(SettledAnswer, TheLastPieceWaits) {
  EXPECT_EQ(read({"a", "b"}, 2), "a;complete;b;end");
  EXPECT_EQ(read({"a", "b"}), "a;b;complete;end") << "of unknown length: the end waits";
  EXPECT_EQ(read({"data: 1\n\n", "data: [DONE]\n\n"}), "data: 1\n\n;complete;data: [DONE]\n\n;end");
}

TEST(SettledAnswer, WhatBreaksOffIsNotComplete) {
  EXPECT_EQ(read({"a"}, 2, upstream_failed("cut")), "a;cut;error");
  EXPECT_EQ(read({}, {}, upstream_failed("refused")), "refused;error");
  EXPECT_EQ(read({}, {}, timed_out("late")), "cut;error") << "most likely carried out";
  EXPECT_EQ(read({"a"}, {}, {}, "upstream_error"), "a;cut;end");
}

TEST(SettledAnswer, ABodyIsSettledAtOnce) {
  Journal journal;
  model::RequestContext context;
  context.spending = std::make_unique<NotedSpending>(journal);
  edge::Response response;
  testing::run([](edge::Response& answer, model::RequestContext& of) -> Task<int> {
    co_await settle_answer(answer, of);
    co_return 0;
  }(response, context));
  EXPECT_EQ(journal.text, "complete;");
}

}  // namespace
}  // namespace headgate::api
