#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "base/task_group.h"
#include "stores/sqlite/job_rows.h"
#include "stores/sqlite/stores.h"
#include "testing/job_store_contract.h"
#include "testing/sqlite_jobs.h"

namespace headgate::testing {
namespace {

INSTANTIATE_TEST_SUITE_P(Sqlite, JobContract,
                         ::testing::Values(MakeJobStores{"sqlite", make_sqlite_jobs}));

TEST(SqliteEventLog, TellsOfTheSubmissionOnceToThoseWhoseStoreHasKeptIt) {
  SqliteJobs made;
  const auto jobs = stores::sqlite::make_job_store(made.engine);
  const auto events = stores::sqlite::make_event_log(made.engine);
  stores::NewJob job;
  job.id = {.seq = 7, .tail = 1};
  job.created_at = 1000;
  ASSERT_TRUE(run(jobs->submit(std::move(job))));
  const auto now = event_texts(*events, 7);
  ASSERT_EQ(now.size(), 1U);
  // Programs before this one wrote a row for it.
  ASSERT_TRUE(made.database->transaction([](stores::sqlite::Database::Session& session) {
    return stores::sqlite::insert_event(
        session, 7, 1, "status", stores::sqlite::status_event(model::JobState::Queued, 0, 1000));
  }));

  EXPECT_EQ(event_texts(*events, 7), now);
}

TEST(SqliteWriter, AnswersEveryLoopThatWaits) {
  SqliteJobs made;
  const auto jobs = stores::sqlite::make_job_store(made.engine);
  model::JobIds ids;
  std::atomic<int> accepted{0};
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        stores::NewJob job;
        job.id = ids.next(1000, 1);
        accepted += run(jobs->submit(std::move(job))).has_value() ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(accepted, 200);
  EXPECT_EQ(run(jobs->list({.limit = 1000})).value().size(), 200U);
}

TEST(SqliteWriter, AChangeThatFailsHalfwayFailsAloneAndKeepsItsKind) {
  SqliteJobs made;
  const auto jobs = stores::sqlite::make_job_store(made.engine);
  const auto events = stores::sqlite::make_event_log(made.engine);
  const auto usage = stores::sqlite::make_usage_store(made.engine);
  stores::NewJob job;
  job.id = {.seq = 7, .tail = 1};
  ASSERT_TRUE(run(jobs->submit(std::move(job))));
  const auto begun = run(jobs->begin_attempt(7, 0, {{.n = 1, .started_at = 1}}));
  ASSERT_TRUE(begun);
  // The end of the job will find its event there already.
  ASSERT_TRUE(made.database->transaction([](stores::sqlite::Database::Session& session) {
    return stores::sqlite::insert_event(session, 7, 3, "status", "{}");
  }));
  const auto all = [](stores::JobStore& on, stores::UsageStore& other, std::int64_t fence,
                      std::vector<Result<void>>& outcomes,
                      std::promise<void>& all_wait) -> Task<void> {
    const auto keep = [](Task<Result<void>> task, Result<void>& into) -> Task<void> {
      into = co_await std::move(task);
    };
    const auto spend = [](std::int64_t day) {
      return stores::UsageBatch{
          .records = {{.day = day, .principal = "key:a", .model = "m", .requests = 1}}};
    };
    TaskGroup group;
    group.spawn(keep(other.write(spend(1)), outcomes[0]));
    stores::JobEnding ending;
    ending.completed_at = 2;
    group.spawn(keep(on.finish(7, fence, std::move(ending)), outcomes[1]));
    group.spawn(keep(other.write(spend(2)), outcomes[2]));
    all_wait.set_value();
    co_await group.close(SteadyTime::max());
  };
  std::vector<Result<void>> outcomes(3);
  EventLoop loop;
  // What comes while the database is held shares a transaction.
  std::promise<void> held;
  std::promise<void> go_on;
  std::thread holder([&] {
    [[maybe_unused]] const auto done =
        made.database->with([&](stores::sqlite::Database::Session&) -> Result<void> {
          held.set_value();
          go_on.get_future().wait();
          return {};
        });
  });
  held.get_future().wait();
  loop.run_until_done(all(*jobs, *usage, *begun, outcomes, go_on));
  holder.join();

  EXPECT_TRUE(outcomes[0]);
  EXPECT_TRUE(outcomes[2]);
  ASSERT_FALSE(outcomes[1]);
  EXPECT_EQ(outcomes[1].error().kind, ErrorKind::Internal) << "neither passing nor a conflict";
  EXPECT_EQ(run(jobs->find(7))->state, model::JobState::Running) << "nothing of it is written";
  EXPECT_EQ(run(usage->query({})).value().totals.requests, 2);
}

TEST(SqliteWriter, RefusesWhenTooManyWait) {
  SqliteJobs made;
  stores::sqlite::Writer writer(*made.database, {.waiting = 0, .batch = 1});
  const auto jobs = stores::sqlite::make_job_store(
      {made.database.get(), &writer, made.readers.get(), &made.pool});
  EXPECT_EQ(run(jobs->submit({})).error().kind, ErrorKind::Overloaded);
}

}  // namespace
}  // namespace headgate::testing
