#include "api/whole_answer.h"

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

edge::Response answer(std::deque<std::string> pieces, std::optional<std::uint64_t> length = {},
                      std::optional<Error> error = {}) {
  edge::Response response;
  response.stream = std::make_unique<testing::Pieces>(std::move(pieces), std::move(error));
  response.stream_length = length;
  return response;
}

TEST(WholeAnswer, ASmallAnswerIsReadToItsEnd) {
  model::RequestContext context;
  for (const auto length : {std::optional<std::uint64_t>(3), std::optional<std::uint64_t>()}) {
    edge::Response response = answer({"a", "bc"}, length);
    ASSERT_TRUE(may_be_read(response, context));
    ASSERT_TRUE(testing::run(read_whole(response, context)));
    EXPECT_EQ(response.body, "abc");
    EXPECT_FALSE(response.stream);
    EXPECT_FALSE(response.stream_length);
  }
}

TEST(WholeAnswer, ALargeOneGoesOnAsAStream) {
  model::RequestContext context;
  EXPECT_FALSE(may_be_read(answer({}, kMostKept + 1), context));
  edge::Response response = answer({std::string(kMostKept, 'a'), "b", "c", "d"});
  ASSERT_TRUE(testing::run(read_whole(response, context)));
  ASSERT_TRUE(response.stream);
  EXPECT_TRUE(response.body.empty());
  std::string read;
  for (int i = 0; i < 4; ++i) {
    read += std::string(testing::run(response.stream->next()).value());
  }
  EXPECT_EQ(read, std::string(kMostKept, 'a') + "bcd");
}

TEST(WholeAnswer, EventsAreNotHeldBack) {
  model::RequestContext context;
  context.streamed = true;
  EXPECT_FALSE(may_be_read(answer({"a"}), context));
}

TEST(WholeAnswer, AnAnswerThatBreaksOffIsAnErrorThatIsPaidFor) {
  std::string note;
  model::RequestContext context;
  context.spending = std::make_unique<testing::NotedSpending>(note);
  edge::Response cut = answer({"a"}, 3, upstream_failed("cut"));
  EXPECT_EQ(testing::run(read_whole(cut, context)).error().kind, ErrorKind::UpstreamFailed);
  EXPECT_EQ(note, "cut;");
  context.spending = std::make_unique<testing::NotedSpending>(note);
  edge::Response early = answer({"a"}, 3);
  EXPECT_EQ(testing::run(read_whole(early, context)).error().kind, ErrorKind::UpstreamFailed)
      << "an end before the length that was announced";
  context.spending = std::make_unique<testing::NotedSpending>(note);
  edge::Response refused = answer({}, 3, upstream_failed("refused"));
  EXPECT_FALSE(testing::run(read_whole(refused, context)));
  EXPECT_EQ(note, "cut;cut;") << "a refusal before the first byte is settled as one";
}

}  // namespace
}  // namespace headgate::api
