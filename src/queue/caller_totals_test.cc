#include "queue/caller_totals.h"

#include <optional>

#include <gtest/gtest.h>

#include "base/event_loop.h"

namespace headgate::queue {
namespace {

using stores::JobCounts;
using enum CallerTotals::Ending;
using Batch = std::map<std::string, JobCounts>;

/// Totals whose writes are kept, or fail.
struct CallerTotalsTest : ::testing::Test {
  Task<Result<void>> write(Batch ended) {
    if (broken) {
      co_return fail(overloaded("The disk is full.", std::chrono::seconds(1)));
    }
    written.push_back(std::move(ended));
    co_return Result<void>{};
  }
  Task<void> count_all(std::vector<std::pair<std::string, CallerTotals::Ending>> endings) {
    for (const auto& [model, ending] : endings) {
      totals.count(model, ending);
    }
    co_return;
  }
  void count(std::vector<std::pair<std::string, CallerTotals::Ending>> endings, unsigned on = 0) {
    (on == 0 ? first : second).run_until_done(count_all(std::move(endings)));
  }
  void flush() { first.run_until_done(totals.flush()); }

  bool broken = false;
  std::vector<Batch> written;
  EventLoop first{0};
  EventLoop second{1};
  CallerTotals totals{[this](Batch ended) { return write(std::move(ended)); }, 2};
};

TEST_F(CallerTotalsTest, AreWrittenOnceForAllLoops) {
  count({{"m", Succeeded}, {"m", Succeeded}, {"n", Expired}});
  count({{"m", Failed}, {"m", Cancelled}}, 1);
  EXPECT_TRUE(written.empty()) << "no write for each request";
  EXPECT_EQ(totals.pending("m"),
            (JobCounts{.succeeded = 2, .failed = 1, .expired = 0, .cancelled = 1}));
  flush();
  ASSERT_EQ(written.size(), 1U);
  EXPECT_EQ(written[0],
            (Batch{{"m", {.succeeded = 2, .failed = 1, .expired = 0, .cancelled = 1}},
                   {"n", {.succeeded = 0, .failed = 0, .expired = 1, .cancelled = 0}}}));
  EXPECT_EQ(totals.pending("m"), JobCounts());
  flush();
  EXPECT_EQ(written.size(), 1U) << "nothing new, nothing written";
}

TEST_F(CallerTotalsTest, WaitForTheNextFlushIfTheDiskFails) {
  broken = true;
  count({{"m", Succeeded}});
  flush();
  EXPECT_EQ(totals.pending("m").succeeded, 1U);
  count({{"m", Succeeded}}, 1);
  broken = false;
  flush();
  ASSERT_EQ(written.size(), 1U);
  EXPECT_EQ(written[0].at("m").succeeded, 2U);
}

TEST_F(CallerTotalsTest, OfInventedModelsAreBounded) {
  std::vector<std::pair<std::string, CallerTotals::Ending>> endings;
  for (int i = 0; i < 1500; ++i) {
    endings.emplace_back("invented-" + std::to_string(i), Succeeded);
  }
  count(std::move(endings));
  flush();
  ASSERT_EQ(written.size(), 1U);
  EXPECT_LE(written[0].size(), 1001U);
  EXPECT_EQ(written[0].at("_other").succeeded, 500U) << "none is lost";
}

}  // namespace
}  // namespace headgate::queue
