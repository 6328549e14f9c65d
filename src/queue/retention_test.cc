#include "queue/retention.h"

#include <map>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "base/deadline_list.h"
#include "base/event_loop.h"
#include "base/signal.h"
#include "model/job_id.h"
#include "stores/sqlite/schema.h"
#include "stores/sqlite/stores.h"
#include "testing/fake_clock.h"
#include "testing/temp_folder.h"

namespace headgate::queue {
namespace {

using namespace std::chrono_literals;

class RetentionTest : public ::testing::Test {
 protected:
  testing::TempFolder folder_;
  testing::FakeClock clock_;
  BlockingPool pool_{"pool", 1, 64};
  std::unique_ptr<stores::sqlite::Database> database_ =
      stores::sqlite::Database::open(folder_.file("jobs.db"), stores::sqlite::schema()).value();
  std::unique_ptr<stores::sqlite::Readers> readers_ =
      stores::sqlite::Readers::open(folder_.file("jobs.db"), 1).value();
  stores::sqlite::Writer writer_{*database_};
  const std::unique_ptr<stores::JobStore> jobs_ =
      stores::sqlite::make_job_store({database_.get(), &writer_, readers_.get(), &pool_});
  EventLoop loop_;
  model::JobIds ids_;
  std::map<std::string, std::chrono::milliseconds, std::less<>> of_models_;
  Retention retention_{*jobs_, clock_, [this](std::string_view model) {
                         const auto found = of_models_.find(model);
                         return found == of_models_.end() ? 1h : found->second;
                       }};

  Task<void> add(std::string model, std::size_t& left, Signal& all) {
    stores::NewJob job;
    job.created_at = clock_.unix_ms();
    job.id = ids_.next(job.created_at, 1);
    job.request.model = std::move(model);
    job.request.max_attempts = 1;
    auto submitted = co_await jobs_->submit(std::move(job));
    EXPECT_TRUE(submitted);
    auto ended = co_await jobs_->finish(submitted->seq, 0,
                                        {.state = model::JobState::Succeeded,
                                         .attempts = {},
                                         .completed_at = clock_.unix_ms(),
                                         .result = "{}",
                                         .error_json = {}});
    EXPECT_TRUE(ended);
    if (--left == 0) {
      all.notify();
    }
  }
  /// Jobs that end now; they share their commits.
  void add_ended(const std::string& model, std::size_t count) {
    Signal all;
    std::size_t left = count;
    for (std::size_t i = 0; i < count; ++i) {
      loop_.spawn(add(model, left, all));
    }
    loop_.run_until_done(all.wait());
  }
  std::size_t kept(const std::string& model) {
    return run_on(loop_, jobs_->list({.model = model, .limit = 10'000}))->size();
  }
  /// Steps on until nothing more can be forgotten; the time that this took by the clock, on which
  /// a step takes no time but the wait until the next, as late as the loop's timers may be.
  std::chrono::milliseconds forget_all() {
    const SteadyTime begin = clock_.steady();
    while (true) {
      const SteadyTime next = run_on(loop_, retention_.step());
      const auto pause = std::chrono::ceil<std::chrono::milliseconds>(next - clock_.steady());
      if (pause >= 1s) {
        return std::chrono::ceil<std::chrono::milliseconds>(clock_.steady() - begin);
      }
      clock_.advance(pause + 2 * DeadlineList::kTick);
    }
  }
};

TEST_F(RetentionTest, HonoursTheRetentionOfEachModel) {
  of_models_["short"] = 1min;
  of_models_["long"] = 48h;
  for (const char* model : {"long", "short", "usual"}) {
    add_ended(model, 3);
  }
  forget_all();
  EXPECT_EQ(kept("short"), 3U);

  clock_.advance(2min);
  forget_all();
  EXPECT_EQ(kept("short"), 0U);
  EXPECT_EQ(kept("usual"), 3U);

  clock_.advance(2h);
  forget_all();
  EXPECT_EQ(kept("usual"), 0U);
  EXPECT_EQ(kept("long"), 3U);
}

TEST_F(RetentionTest, LooksAtMoreModelsThanFitInOneGo) {
  for (int i = 0; i < 150; ++i) {
    add_ended("model " + std::to_string(i), 1);
  }
  clock_.advance(2h);
  forget_all();
  EXPECT_TRUE(run_on(loop_, jobs_->ended("", 10))->empty());
}

TEST_F(RetentionTest, KeepsUpWithThreeThousandJobsPerSecond) {
  add_ended("m", 1500);
  clock_.advance(2h);
  EXPECT_LT(forget_all(), 500ms - 1500ms / 10) << "and a tenth of it may go into the changes";
  EXPECT_EQ(kept("m"), 0U);
}

TEST_F(RetentionTest, ASettingThatChangesCountsFromTheNextPassOn) {
  of_models_["m"] = 48h;
  add_ended("m", 2);
  clock_.advance(2h);
  forget_all();
  EXPECT_EQ(kept("m"), 2U);
  of_models_["m"] = 1h;
  forget_all();
  EXPECT_EQ(kept("m"), 0U);
}

}  // namespace
}  // namespace headgate::queue
