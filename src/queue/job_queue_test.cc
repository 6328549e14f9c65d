#include "queue/job_queue.h"

#include <array>
#include <future>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stores/sqlite/faulty_disk_testing.h"
#include "testing/fake_clock.h"
#include "testing/sqlite_jobs.h"
#include "testing/troubled_jobs.h"

namespace headgate::queue {
namespace {

using namespace std::chrono_literals;
using model::JobState;
using stores::sqlite::FaultyDisk;
using ::testing::HasSubstr;
using testing::Trouble;

/// Fails each job as often as its body says, then succeeds; "wait" runs until it is broken off.
class CountingRunner final : public JobRunner {
 public:
  Task<Result<std::string>> run(const model::JobRequest& request, model::RequestContext& context,
                                const DeltaSink& deltas) const override {
    auto begun = co_await context.ledger->begin("local", "t");
    if (!begun) {
      co_return fail(begun.error());
    }
    ++calls;
    auto kept = co_await deltas({R"("delta")"});
    if (!kept) {
      co_return fail(kept.error());
    }
    if (request.body == "wait") {
      Signal cancelled;
      OnCancel wake(context.cancel, [&] { cancelled.notify(); });
      co_await cancelled.wait();
      co_return fail(client_left());
    }
    const std::lock_guard lock(mutex_);
    if (failed_[request.request_id]++ < std::stoi(request.body)) {
      co_return fail(upstream_failed("not yet"));
    }
    co_return R"({"ok":true})";
  }
  mutable std::atomic<int> calls{0};

 private:
  mutable std::mutex mutex_;  // guards the next field
  mutable std::map<std::string, int> failed_;
};

/// A queue on two loops, over a store that can be troubled.
class Site final {
 public:
  Site(testing::JobStores stores, const Clock& clock, config::QueueSettings settings)
      : stores_(std::move(stores)), settings_(std::move(settings)) {
    queue_.emplace(JobQueue::Parts{
        .jobs = &jobs_,
        .events = &events_,
        .lines = &lines_,
        .runner = &runner,
        .clock = &clock,
        .loops = loops_,
        .settings = [this](std::string_view) { return settings_; },
        .webhook_due = [] {},
        .pauses = {.store = 1ms, .house = 1ms, .lost = {.step = 1ms, .rest = 1ms}}});
  }
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;
  ~Site() { stop(); }

  Result<stores::Recovery> start() {
    auto recovery = queue_->start();
    threads_.emplace_back([this] { first_.run(); });
    threads_.emplace_back([this] { second_.run(); });
    return recovery;
  }
  /// False if jobs were put back.
  bool stop(std::chrono::milliseconds patience = 0ms) {
    if (threads_.empty()) {
      return true;
    }
    const bool clean = queue_->stop(std::chrono::steady_clock::now() + patience);
    first_.stop();
    second_.stop();
    threads_.clear();
    return clean;
  }

  /// What a task comes to on the first loop.
  template <class T>
  T on_loop(Task<T> task) {
    std::promise<T> promise;
    const auto keep = [](Task<T> awaited, std::promise<T>& into) -> Task<void> {
      into.set_value(co_await std::move(awaited));
    };
    first_.post([&] { first_.spawn(keep(std::move(task), promise)); });
    return promise.get_future().get();
  }
  Result<JobQueue::Accepted> try_submit(const std::string& body,
                                        std::optional<std::int64_t> start_by = {}) {
    model::JobRequest request;
    request.path = "/v1/chat/completions";
    request.model = "m";
    request.principal.id = "key:a";
    request.request_id = "r" + std::to_string(++submitted_);
    request.body = body;
    request.start_by = start_by;
    return on_loop(queue_->submit(std::move(request), std::nullopt));
  }
  model::Job submit(const std::string& body, std::optional<std::int64_t> start_by = {}) {
    auto accepted = try_submit(body, start_by);
    EXPECT_TRUE(accepted) << accepted.error().message;
    return accepted ? accepted->job : model::Job();
  }
  /// The job once `is_so`, or as it is after a long time.
  model::Job until(model::JobSeq seq, std::function<bool(const model::Job&)> is_so) {
    return on_loop(wait_for(*this, seq, std::move(is_so)));
  }
  model::Job ended(model::JobSeq seq) {
    return until(seq, [](const model::Job& job) { return is_terminal(job.state); });
  }
  model::Job in_state(model::JobSeq seq, JobState state) {
    return until(seq, [state](const model::Job& job) { return job.state == state; });
  }
  JobQueue& queue() { return *queue_; }
  Lines& lines() { return lines_; }
  stores::JobStore& store() { return *stores_.jobs; }

  CountingRunner runner;
  testing::Troubles troubles;

 private:
  static Task<model::Job> wait_for(Site& self, model::JobSeq seq,
                                   std::function<bool(const model::Job&)> is_so) {
    const SteadyTime limit = std::chrono::steady_clock::now() + 30s;
    const auto watcher = self.queue_->watch().watch(seq);
    while (true) {
      auto job = co_await self.stores_.jobs->find(seq);
      const SteadyTime now = std::chrono::steady_clock::now();
      if ((job && is_so(*job)) || now >= limit) {
        co_return job ? *job : model::Job();
      }
      // Not every change is told of: what the disk did in doubt is found by looking.
      [[maybe_unused]] const bool told = co_await watcher->wait_until(now + 20ms);
    }
  }

  testing::JobStores stores_;
  testing::TroubledJobs jobs_{*stores_.jobs, troubles};
  testing::TroubledEvents events_{*stores_.events, troubles};
  config::QueueSettings settings_;
  Lines lines_{[this](std::string_view) {
    return LineSettings{.max_concurrent = settings_.max_concurrent,
                        .max_waiting = 10,
                        .max_backlog = settings_.max_backlog};
  }};
  EventLoop first_{0};
  EventLoop second_{1};
  std::array<EventLoop*, 2> loops_ = {&first_, &second_};
  std::optional<JobQueue> queue_;
  std::atomic<int> submitted_{0};
  std::vector<std::jthread> threads_;
};

config::QueueSettings settings(std::uint64_t slots = 10) {
  config::QueueSettings made;
  made.max_concurrent = slots;
  made.max_attempts = 4;
  made.retry.initial = 0ms;
  made.retry.jitter = "none";
  return made;
}

struct JobQueueTest : ::testing::Test {
  testing::FakeClock clock;
  testing::JobStores stores = testing::make_sqlite_jobs();

  /// Over the same disk as the one before it.
  testing::JobStores same_disk() const {
    auto& engine = *static_cast<testing::SqliteJobs*>(stores.engine.get());
    return {stores.engine, stores::sqlite::make_job_store(engine.engine),
            stores::sqlite::make_event_log(engine.engine),
            stores::sqlite::make_blob_store(engine.engine),
            stores::sqlite::make_usage_store(engine.engine)};
  }
};

TEST_F(JobQueueTest, CarriesAJobToItsEnd) {
  Site site(same_disk(), clock, settings());
  ASSERT_TRUE(site.start());
  const model::Job job = site.ended(site.submit("0").seq);
  EXPECT_EQ(job.state, JobState::Succeeded);
  EXPECT_EQ(site.on_loop(site.store().result(job.seq)).value(), R"({"ok":true})");
  EXPECT_TRUE(site.stop(20s));
  EXPECT_EQ(site.queue().stats().finished, 1U);
}

TEST_F(JobQueueTest, LosesNoJobThatIsTriedAgainAtOnce) {
  // The clock stands still, so nothing looks for lost jobs after the first time.
  Site site(same_disk(), clock, settings(50));
  ASSERT_TRUE(site.start());
  std::vector<model::JobSeq> jobs;
  for (int i = 0; i < 200; ++i) {
    jobs.push_back(site.submit("3").seq);
  }
  for (const model::JobSeq seq : jobs) {
    const model::Job job = site.ended(seq);
    ASSERT_EQ(job.state, JobState::Succeeded);
    ASSERT_EQ(job.attempts.size(), 4U);
  }
  EXPECT_EQ(site.queue().stats().retried, 600U);
  EXPECT_EQ(site.runner.calls, 800);
}

TEST_F(JobQueueTest, CountsAJobBetweenAttemptsInTheBacklog) {
  config::QueueSettings config = settings(1);
  config.max_backlog = 1;
  config.retry.initial = config.retry.max = 1h;
  Site site(same_disk(), clock, config);
  ASSERT_TRUE(site.start());
  const model::Job delayed = site.submit("1");
  site.until(delayed.seq, [&](const model::Job&) { return site.queue().stats().delayed == 1; });
  const model::Job blocker = site.submit("wait");
  EXPECT_EQ(site.try_submit("0").error().code, "queue_full");
  ASSERT_TRUE(site.on_loop(site.queue().cancel(delayed.id, "")));
  EXPECT_EQ(site.queue().stats().delayed, 0U);
  const model::Job waits = site.submit("0");
  ASSERT_TRUE(site.on_loop(site.queue().cancel(blocker.id, "")));
  EXPECT_EQ(site.ended(waits.seq).state, JobState::Succeeded);
}

TEST_F(JobQueueTest, TriesAgainWhenTheDelayIsOver) {
  config::QueueSettings config = settings();
  config.retry.initial = config.retry.max = 1h;
  Site site(same_disk(), clock, config);
  ASSERT_TRUE(site.start());
  const model::Job job = site.submit("1", clock.unix_ms() + 1000);
  site.until(job.seq, [&](const model::Job&) { return site.queue().stats().delayed == 1; });
  clock.advance(59min);
  EXPECT_EQ(site.in_state(job.seq, JobState::Queued).state, JobState::Queued);
  clock.advance(1min);
  EXPECT_EQ(site.ended(job.seq).state, JobState::Succeeded) << "its time to start is not counted";
  EXPECT_EQ(site.lines().view("m").delayed_jobs, 0U);
}

TEST_F(JobQueueTest, ExpiresAJobThatWaitsInLine) {
  Site site(same_disk(), clock, settings(1));
  ASSERT_TRUE(site.start());
  const model::Job blocker = site.submit("wait");
  site.in_state(blocker.seq, JobState::Running);
  const model::Job job = site.submit("0", clock.unix_ms() + 1000);
  clock.advance(1s);
  EXPECT_EQ(site.ended(job.seq).state, JobState::Expired);
  EXPECT_EQ(site.on_loop(site.store().find(blocker.seq))->state, JobState::Running);
}

TEST_F(JobQueueTest, ExpiresMoreJobsThanOneStepWithoutWaitingForTheNext) {
  Site site(same_disk(), clock, settings(1));
  std::atomic<int> steps = 0;
  site.troubles.on_call = [&](std::string_view call) { steps += call == "expire" ? 1 : 0; };
  ASSERT_TRUE(site.start());
  const model::Job blocker = site.submit("wait");
  site.in_state(blocker.seq, JobState::Running);
  std::vector<model::JobSeq> jobs;
  for (int i = 0; i < 350; ++i) {
    jobs.push_back(site.submit("0", clock.unix_ms() + 1000).seq);
  }
  steps = 0;
  clock.advance(1s);  // and stands still: the next regular look never comes
  for (const model::JobSeq seq : jobs) {
    ASSERT_EQ(site.ended(seq).state, JobState::Expired);
  }
  EXPECT_GE(steps, 4) << "small steps, between which others write";
  EXPECT_TRUE(site.on_loop(site.queue().cancel(blocker.id, "")));
  EXPECT_EQ(site.lines().view("m").waiting_jobs, 0U);
}

TEST_F(JobQueueTest, AStepOfHousekeepingThatBreaksDownIsNotRepeatedAtOnce) {
  std::atomic<int> steps = 0;
  Site site(same_disk(), clock, settings(1));
  site.troubles.on_call = [&](std::string_view call) { steps += call == "expire" ? 1 : 0; };
  site.troubles.add("expire", Trouble::Throws, 1'000'000);
  ASSERT_TRUE(site.start());
  EXPECT_EQ(site.ended(site.submit("0").seq).state, JobState::Succeeded);
  EXPECT_EQ(steps, 1) << "the clock stands still";
}

TEST_F(JobQueueTest, TellsWhileAnEndCannotBeWritten) {
  Site site(same_disk(), clock, settings());
  ASSERT_TRUE(site.start());
  site.troubles.add("finish", Trouble::Damaged, 1'000'000);
  const model::Job job = site.submit("0");
  site.until(job.seq, [&](const model::Job&) { return site.queue().stats().unwritten == 1; });
  EXPECT_EQ(site.queue().stats().unwritten, 1U);
  EXPECT_EQ(site.lines().view("m").running, 0U) << "its slot is for others";
  site.troubles.clear();
  EXPECT_EQ(site.ended(job.seq).state, JobState::Succeeded);
  site.until(job.seq, [&](const model::Job&) { return site.queue().stats().unwritten == 0; });
  EXPECT_EQ(site.queue().stats().unwritten, 0U);
  EXPECT_GE(site.queue().stats().write_failures, 1U);
}

TEST_F(JobQueueTest, BreaksOffACancelledJob) {
  Site site(same_disk(), clock, settings(1));
  ASSERT_TRUE(site.start());
  const model::Job job = site.submit("wait");
  site.in_state(job.seq, JobState::Running);
  ASSERT_TRUE(site.on_loop(site.queue().cancel(job.id, "")));
  EXPECT_TRUE(site.stop(20s)) << "nothing runs any more";
  EXPECT_EQ(site.lines().view("m").running, 0U);
}

TEST_F(JobQueueTest, PutsBackWhatRunsWhenItStopsAndTakesItUpAtTheNextStart) {
  model::JobSeq interrupted = 0;
  {
    Site site(same_disk(), clock, settings(1));
    ASSERT_TRUE(site.start());
    interrupted = site.submit("wait").seq;
    site.in_state(interrupted, JobState::Running);
    EXPECT_FALSE(site.stop());
  }
  Site next(same_disk(), clock, settings(1));
  ASSERT_TRUE(next.start());
  const model::Job job =
      next.until(interrupted, [](const model::Job& seen) { return seen.attempts.size() == 2; });
  ASSERT_EQ(job.attempts.size(), 2U);
  EXPECT_EQ(job.attempts[0].outcome, "interrupted");
}

TEST_F(JobQueueTest, RunsAJobWhoseSubmissionWasInDoubt) {
  const SystemClock real;
  Site site(same_disk(), real, settings());
  ASSERT_TRUE(site.start());
  site.troubles.add("submit", Trouble::InDoubt);
  EXPECT_FALSE(site.try_submit("0"));
  const auto listed = site.on_loop(site.store().list({}));
  ASSERT_EQ(listed->size(), 1U) << "it is on disk";
  EXPECT_EQ(site.ended(listed->front().seq).state, JobState::Succeeded);
}

TEST_F(JobQueueTest, RunsAJobThatCouldNotBeReadForAWhile) {
  const SystemClock real;
  Site site(same_disk(), real, settings());
  ASSERT_TRUE(site.start());
  site.troubles.add("load", Trouble::Refused, 6);
  EXPECT_EQ(site.ended(site.submit("0").seq).state, JobState::Succeeded);
}

TEST_F(JobQueueTest, AnExceptionLeavesNothingBehind) {
  const SystemClock real;
  Site site(same_disk(), real, settings());
  ASSERT_TRUE(site.start());
  site.troubles.add("load", Trouble::Throws);
  EXPECT_EQ(site.ended(site.submit("0").seq).state, JobState::Succeeded) << "taken up again";
  site.troubles.add("finish", Trouble::Throws, 2);
  const model::Job job = site.ended(site.submit("0").seq);
  EXPECT_EQ(job.state, JobState::Succeeded) << "no run is in the table that does not run";
  EXPECT_EQ(job.attempts.size(), 2U);
  site.troubles.add("expire", Trouble::Throws);
  EXPECT_EQ(site.ended(site.submit("0").seq).state, JobState::Succeeded);
  EXPECT_TRUE(site.stop(20s));
}

TEST_F(JobQueueTest, EndsEveryJobWhateverIsInDoubt) {
  const SystemClock real;
  config::QueueSettings config = settings();
  config.max_attempts = 100;
  Site site(same_disk(), real, config);
  ASSERT_TRUE(site.start());
  std::vector<model::JobSeq> jobs;
  for (int i = 0; i < 60; ++i) {
    for (const char* call :
         {"begin_attempt", "append", "put_back", "finish", "load", "open_jobs"}) {
      site.troubles.add(call, i % 2 == 0 ? Trouble::InDoubt : Trouble::Refused);
    }
    jobs.push_back(site.submit("1").seq);
  }
  for (const model::JobSeq seq : jobs) {
    const model::Job job = site.ended(seq);
    ASSERT_EQ(job.state, JobState::Succeeded) << job.error_json;
    ASSERT_GE(job.attempts.size(), 2U);
  }
  EXPECT_EQ(site.runner.calls, 120) << "two calls each: doubt of the store causes no call";
  EXPECT_TRUE(site.stop(20s));
  EXPECT_EQ(site.lines().view("m").running, 0U);
}

TEST(JobQueueOnAFaultyDisk, EndsEveryJobThatIsOnDisk) {
  FaultyDisk disk;
  const SystemClock real;
  config::QueueSettings config = settings();
  config.max_attempts = 1000;
  Site site(testing::make_sqlite_jobs(), real, config);
  ASSERT_TRUE(site.start());
  std::vector<std::string> accepted;
  for (int i = 0; i < 40; ++i) {
    disk.fail(i % 3 == 0 ? FaultyDisk::Operation::Sync : FaultyDisk::Operation::Write, 1 + i % 7,
              i % 2 == 0 ? FaultyDisk::Fault::IoError : FaultyDisk::Fault::Short);
    if (auto submitted = site.try_submit("1")) {
      accepted.push_back(submitted->job.id);
    }
  }
  disk.repair();
  ASSERT_FALSE(accepted.empty());
  const auto listed = site.on_loop(site.store().list({.limit = 1000}));
  ASSERT_TRUE(listed);
  for (const model::Job& job : *listed) {
    const model::Job end = site.ended(job.seq);
    EXPECT_EQ(end.state, JobState::Succeeded) << end.id << end.error_json;
    std::erase(accepted, end.id);
  }
  EXPECT_TRUE(accepted.empty()) << "what was accepted is on disk";
  EXPECT_TRUE(site.stop(20s));
}

}  // namespace
}  // namespace headgate::queue
