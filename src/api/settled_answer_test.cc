#include "api/settled_answer.h"

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "testing/free_of_charge.h"
#include "testing/job_stores.h"
#include "testing/pieces.h"

namespace headgate::api {
namespace {

/// What a reader of the answer sees, and when it was settled.
std::string read(std::deque<std::string> pieces, std::optional<std::uint64_t> length = {},
                 std::optional<Error> error = {}, const std::string& error_code = "") {
  std::string journal;  // what happens, in order
  model::RequestContext context;
  context.error_code = error_code;
  context.spending = std::make_unique<testing::NotedSpending>(journal);
  edge::Response response;
  response.stream = std::make_unique<testing::Pieces>(std::move(pieces), std::move(error));
  response.stream_length = length;
  testing::run([](edge::Response& answer, model::RequestContext& of, std::string& to) -> Task<int> {
    co_await settle_answer(answer, of);
    while (true) {
      auto piece = co_await answer.stream->next();
      to += piece ? (piece->empty() ? "end" : std::string(*piece) + ";") : "error";
      if (!piece || piece->empty()) {
        co_return 0;
      }
    }
  }(response, context, journal));
  return journal;
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
  std::string journal;
  model::RequestContext context;
  context.spending = std::make_unique<testing::NotedSpending>(journal);
  edge::Response response;
  testing::run([](edge::Response& answer, model::RequestContext& of) -> Task<int> {
    co_await settle_answer(answer, of);
    co_return 0;
  }(response, context));
  EXPECT_EQ(journal, "complete;");
}

}  // namespace
}  // namespace headgate::api
