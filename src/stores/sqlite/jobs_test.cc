#include <atomic>
#include <string>
#include <thread>
#include <vector>

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

TEST(SqliteWriter, RefusesWhenTooManyWait) {
  SqliteJobs made;
  stores::sqlite::Writer writer(*made.database, {.waiting = 0, .batch = 1});
  const auto jobs = stores::sqlite::make_job_store(
      {made.database.get(), &writer, made.readers.get(), &made.pool});
  EXPECT_EQ(run(jobs->submit({})).error().kind, ErrorKind::Overloaded);
}

}  // namespace
}  // namespace headgate::testing
