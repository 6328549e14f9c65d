#include <algorithm>
#include <array>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/signal.h"
#include "base/task_group.h"
#include "queue/job_queue.h"
#include "testing/fake_clock.h"
#include "testing/troubled_jobs.h"

// Many lives of one queue over a store that outlives them: arrivals, cancellations, failures, jumps
// of the clock, changes in doubt, and crashes that leave everything where it stands. To repeat:
// HEADGATE_SIM_SEED=<seed> queue_test --gtest_filter='JobQueueSimulation.*'

namespace headgate::queue {
namespace {

using namespace std::chrono_literals;
using model::JobState;
using testing::Trouble;

constexpr int kSteps = 100'000;
constexpr std::uint32_t kMaxAttempts = 4;
constexpr std::uint64_t kSlots = 6;

std::uint64_t seed_of_this_run() {
  const char* given =
      std::getenv("HEADGATE_SIM_SEED");  // NOLINT(concurrency-mt-unsafe): one thread
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 20'261'121;
}

/// Comes back in a later turn of the loop, as what other threads do.
Task<void> later() {
  Signal done;
  EventLoop::current()->post([&done] { done.notify(); });
  co_await done.wait();
}

Error not_held() {
  Error error;
  error.kind = ErrorKind::Conflict;
  return error;
}

/// What a store must do for a queue, in memory. A change happens between a call and its answer, and
/// a crash may come before or after it: then the life that made the call writes nothing any more.
class MemoryJobs final : public stores::JobStore {
 public:
  struct Kept {
    model::JobRequest request;
    model::Job job;
    int ends = 0;
  };

  Task<Result<stores::Submitted>> submit(stores::NewJob job) override {
    co_await later();
    if (crashed) {
      co_return fail(not_held());
    }
    Kept kept;
    kept.job.seq = job.id.seq;
    kept.job.id = job.id.text();
    kept.job.owner = job.request.principal.id;
    kept.job.model = job.request.model;
    kept.job.max_attempts = job.request.max_attempts;
    kept.job.created_at = job.created_at;
    kept.job.start_by = job.request.start_by;
    kept.job.finish_by = job.request.finish_by;
    kept.job.request_id = job.request.request_id;
    kept.request = std::move(job.request);
    const stores::Submitted submitted{.seq = kept.job.seq, .id = kept.job.id};
    open_.insert(submitted.seq);
    EXPECT_TRUE(jobs.emplace(submitted.seq, std::move(kept)).second);
    co_await later();
    co_return submitted;
  }
  Task<Result<stores::LoadedJob>> load(model::JobSeq seq) override {
    co_await later();
    if (crashed) {
      co_return fail(not_found(""));
    }
    const Kept& kept = jobs.at(seq);
    stores::LoadedJob loaded{.job = kept.job, .request = kept.request};
    co_await later();
    co_return loaded;
  }
  Task<Result<std::int64_t>> begin_attempt(model::JobSeq seq, std::int64_t fence,
                                           std::vector<model::JobAttempt> attempts) override {
    co_await later();
    if (crashed) {
      co_return fail(not_held());
    }
    model::Job& job = jobs.at(seq).job;
    if (is_terminal(job.state) || job.fence != fence) {
      co_return fail(not_held());
    }
    EXPECT_GE(attempts.size(), job.attempts.size()) << "an attempt is forgotten";
    job.started_at = job.started_at.value_or(attempts.back().started_at);
    job.state = JobState::Running;
    job.attempts = std::move(attempts);
    const std::int64_t taken = ++job.fence;
    co_await later();
    co_return taken;
  }
  Task<Result<void>> note_attempts(model::JobSeq seq, std::int64_t fence,
                                   std::vector<model::JobAttempt> attempts) override {
    co_await later();
    if (crashed) {
      co_return fail(not_held());
    }
    model::Job& job = jobs.at(seq).job;
    if (job.state != JobState::Running || job.fence != fence) {
      co_return fail(not_held());
    }
    job.attempts = std::move(attempts);
    co_await later();
    co_return Result<void>{};
  }
  Task<Result<void>> put_back(model::JobSeq seq, std::int64_t fence,
                              stores::JobReturn back) override {
    co_await later();
    if (crashed) {
      co_return fail(not_held());
    }
    model::Job& job = jobs.at(seq).job;
    if (job.state != JobState::Running || job.fence != fence) {
      co_return fail(not_held());
    }
    job.state = JobState::Queued;
    job.not_before = back.not_before;
    job.attempts = std::move(back.attempts);
    co_await later();
    co_return Result<void>{};
  }
  Task<Result<void>> finish(model::JobSeq seq, std::int64_t fence,
                            stores::JobEnding ending) override {
    co_await later();
    if (crashed) {
      co_return fail(not_held());
    }
    model::Job& job = jobs.at(seq).job;
    if (is_terminal(job.state) || job.fence != fence) {
      co_return fail(not_held());
    }
    job.attempts = std::move(ending.attempts);
    end(seq, ending.state);
    co_await later();
    co_return Result<void>{};
  }
  Task<Result<model::Job>> cancel(std::string id, std::string /*owner*/, std::int64_t) override {
    co_await later();
    if (crashed) {
      co_return fail(not_held());
    }
    for (const model::JobSeq seq : open_) {
      if (jobs.at(seq).job.id == id) {
        end(seq, JobState::Cancelled);
        const model::Job ended = jobs.at(seq).job;
        co_await later();
        co_return ended;
      }
    }
    co_return fail(not_found("no such open job"));
  }
  Task<Result<model::Job>> find(model::JobSeq seq) override {
    co_await later();
    if (crashed) {
      co_return fail(not_found(""));
    }
    co_return jobs.at(seq).job;
  }
  Task<Result<std::vector<stores::WaitingJob>>> open_jobs(JobState state, model::JobSeq after,
                                                          std::size_t limit) override {
    co_await later();
    if (crashed) {
      co_return fail(not_held());
    }
    std::vector<stores::WaitingJob> found;
    for (auto at = open_.upper_bound(after); at != open_.end() && found.size() < limit; ++at) {
      if (jobs.at(*at).job.state == state) {
        found.push_back(waiting(jobs.at(*at).job));
      }
    }
    co_return found;
  }
  Task<Result<std::vector<model::Job>>> expire(std::int64_t now, std::size_t limit) override {
    co_await later();
    if (crashed) {
      co_return fail(not_held());
    }
    std::vector<model::Job> expired;
    for (const model::JobSeq seq : std::vector(open_.begin(), open_.end())) {
      const model::Job& job = jobs.at(seq).job;
      const bool late = (job.finish_by && *job.finish_by <= now) ||
                        (job.start_by && !job.started_at && *job.start_by <= now);
      if (job.state == JobState::Queued && late && expired.size() < limit) {
        end(seq, JobState::Expired);
        expired.push_back(job);
      }
    }
    co_return expired;
  }
  Result<stores::Recovery> recover(std::int64_t) override {
    stores::Recovery recovery{.newest = jobs.empty() ? 0 : jobs.rbegin()->first};
    for (const model::JobSeq seq : std::vector(open_.begin(), open_.end())) {
      model::Job& job = jobs.at(seq).job;
      if (job.state == JobState::Running) {
        job.attempts.back().outcome = "crashed";
        if (job.attempts.size() >= job.max_attempts) {
          end(seq, JobState::Failed);
        } else {
          job.state = JobState::Queued;
        }
      }
    }
    return recovery;
  }
  Result<void> each_waiting(const std::function<void(const stores::WaitingJob&)>& visit) override {
    for (const model::JobSeq seq : open_) {
      visit(waiting(jobs.at(seq).job));
    }
    return {};
  }

  // Not asked for here.
  Task<Result<model::Job>> find(std::string, std::string) override { co_return model::Job(); }
  Task<Result<std::string>> result(model::JobSeq) override { co_return std::string(); }
  Task<Result<std::vector<model::Job>>> list(stores::JobFilter) override {
    co_return std::vector<model::Job>();
  }
  Task<Result<std::optional<model::Job>>> find_by_key(stores::IdempotencyClaim,
                                                      std::int64_t) override {
    co_return std::nullopt;
  }
  Task<Result<std::map<std::string, stores::JobCounts>>> counts() override {
    co_return std::map<std::string, stores::JobCounts>();
  }
  Task<Result<void>> add_counts(std::map<std::string, stores::JobCounts>) override {
    co_return Result<void>();
  }
  Task<Result<std::vector<stores::EndedJobs>>> ended(std::string, std::size_t) override {
    co_return std::vector<stores::EndedJobs>();
  }
  Task<Result<stores::Forgotten>> forget(std::string, std::int64_t, std::size_t) override {
    co_return stores::Forgotten();
  }
  Task<Result<stores::Forgotten>> forget_keys(std::int64_t, std::size_t) override {
    co_return stores::Forgotten();
  }

  std::map<model::JobSeq, Kept> jobs;
  bool crashed = false;
  std::size_t open() const { return open_.size(); }

 private:
  static stores::WaitingJob waiting(const model::Job& job) {
    return {.seq = job.seq,
            .model = job.model,
            .owner = job.owner,
            .client_id = {},
            .not_before = job.not_before,
            .created_at = job.created_at};
  }
  void end(model::JobSeq seq, JobState state) {
    Kept& kept = jobs.at(seq);
    EXPECT_EQ(++kept.ends, 1);
    kept.job.state = state;
    open_.erase(seq);
  }

  std::set<model::JobSeq> open_;
};

class NoEvents final : public stores::EventLog {
 public:
  Task<Result<std::int64_t>> append(model::JobSeq, std::int64_t,
                                    std::vector<std::string>) override {
    co_return 1;
  }
  Task<Result<std::vector<model::JobEvent>>> read(model::JobSeq, std::int64_t,
                                                  std::size_t) override {
    co_return std::vector<model::JobEvent>();
  }
};

/// Calls that end when they are told to.
class Upstream final : public JobRunner {
 public:
  enum class Outcome : std::uint8_t { Answered, Down, Refused };
  struct Call {
    Call(const Upstream& upstream, const std::string& id) : at(upstream), job(id) {
      EXPECT_TRUE(at.under_way.emplace(job, this).second) << job << " is run by two";
      EXPECT_LE(at.under_way.size(), kSlots);
      EXPECT_LE(++at.calls[job], kMaxAttempts) << job;
    }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    ~Call() { at.under_way.erase(job); }
    void end(Outcome with) {
      outcome = with;
      done.notify();
    }
    const Upstream& at;
    const std::string job;
    Signal done;
    std::optional<Outcome> outcome;
  };

  explicit Upstream(const MemoryJobs& store) : store_(store) {}
  Task<Result<std::string>> run(const model::JobRequest& request, model::RequestContext& context,
                                const DeltaSink& /*deltas*/) const override {
    auto begun = co_await context.ledger->begin("local", "t");
    if (!begun || store_.crashed) {
      co_return fail(begun ? client_left() : begun.error());
    }
    Call call(*this, request.request_id);
    const OnCancel broken_off(context.cancel, [&call] { call.done.notify(); });
    co_await call.done.wait();
    if (call.outcome == Outcome::Answered) {
      co_return "{}";
    }
    co_return fail(!call.outcome                    ? client_left()
                   : *call.outcome == Outcome::Down ? upstream_failed("down")
                                                    : invalid_request("no"));
  }

  mutable std::map<std::string, Call*> under_way;
  mutable std::map<std::string, std::uint32_t> calls;

 private:
  const MemoryJobs& store_;
};

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed) : random_(seed) {}

  /// From a start to a crash. What is under way when it comes is gone, but for the store.
  void live(int steps) {
    World world(*this);
    ASSERT_TRUE(world.queue.start());
    world.loop->run_until_done(steps_of(world, steps));
    store.crashed = false;
  }
  /// Until nothing is open any more.
  void end_all() {
    World world(*this);
    ASSERT_TRUE(world.queue.start());
    troubles_.clear();
    world.loop->run_until_done(drain(world));
    store.crashed = false;
  }
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  MemoryJobs store;
  Upstream upstream{store};
  std::set<model::JobSeq> acknowledged;

 private:
  /// One life of the gateway. The loop dies first, with whatever is left on it.
  struct World {
    explicit World(Simulation& of)
        : jobs(of.store, of.troubles_),
          queue({.jobs = &jobs,
                 .events = &of.events_,
                 .lines = &lines,
                 .runner = &of.upstream,
                 .clock = &of.clock_,
                 .loops = loops,
                 .settings = [](std::string_view) { return settings(); },
                 .webhook_due = [] {},
                 .pauses = {.store = 1ms, .house = 1ms, .lost = {.step = 1ms, .rest = 1ms}}}) {}
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    ~World() { loop.reset(); }
    static config::QueueSettings settings() {
      config::QueueSettings made;
      made.max_concurrent = kSlots;
      made.max_attempts = kMaxAttempts;
      made.retry.initial = made.retry.max = 100ms;
      return made;
    }

    std::unique_ptr<EventLoop> loop = std::make_unique<EventLoop>();
    EventLoop* loops[1] = {loop.get()};
    testing::TroubledJobs jobs;
    Lines lines{[](std::string_view) {
      return LineSettings{.max_concurrent = kSlots, .max_waiting = 10, .max_backlog = 200};
    }};
    JobQueue queue;
    TaskGroup clients;
  };

  Task<void> steps_of(World& world, int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      step(world);
      co_await later();
    }
    co_await crash(world);
  }

  /// Nothing that happens from now on reaches the store; what is under way finds its end.
  Task<void> crash(World& world) {
    store.crashed = true;
    world.lines.close_to_jobs();
    world.queue.begin_stop();
    while (!world.queue.at_rest()) {
      for (const auto& [job, call] : upstream.under_way) {
        call->done.notify();
      }
      co_await sleep_for(1ms);  // some pause in the loop's own time
    }
    co_await world.clients.close(SteadyTime::max());
    co_await later();
  }

  void step(World& world) {
    const std::uint64_t dice = below(1'000);
    if (dice < 300) {
      world.clients.spawn(submit(world));
    } else if (dice < 700) {
      end_a_call();
    } else if (dice < 730) {
      if (!recent_.empty()) {
        world.clients.spawn(cancel(world, recent_[below(recent_.size())]));
      }
    } else if (dice < 760) {
      constexpr std::array<const char*, 5> kCalls = {"begin_attempt", "put_back", "finish", "load",
                                                     "submit"};
      troubles_.add(kCalls[below(kCalls.size())],
                    below(2) == 0 ? Trouble::InDoubt : Trouble::Refused);
    } else {
      clock_.advance(std::chrono::milliseconds(dice == 999 ? 3'600'000 : below(30)));
    }
  }

  void end_a_call() {
    if (!upstream.under_way.empty()) {
      auto call = upstream.under_way.begin();
      std::advance(call, static_cast<std::ptrdiff_t>(below(upstream.under_way.size())));
      const std::uint64_t dice = below(10);
      using enum Upstream::Outcome;
      call->second->end(dice < 7 ? Answered : dice < 9 ? Down : Refused);
    }
  }

  Task<void> submit(World& world) {
    model::JobRequest request;
    request.model = "m";
    request.principal.id = "key:" + std::to_string(below(3));
    request.request_id = "r" + std::to_string(++submitted_);
    if (below(10) == 0) {
      request.finish_by = clock_.unix_ms() + static_cast<std::int64_t>(below(2'000));
    }
    auto accepted = co_await world.queue.submit(std::move(request), std::nullopt);
    if (accepted && !store.crashed) {
      acknowledged.insert(accepted->job.seq);
      recent_.push_back(accepted->job.id);
      if (recent_.size() > 40) {
        recent_.pop_front();
      }
    }
  }

  static Task<void> cancel(World& world, std::string id) {
    [[maybe_unused]] const auto cancelled = co_await world.queue.cancel(std::move(id), "");
  }

  Task<void> drain(World& world) {
    constexpr int kMostTurns = 200'000;
    const auto busy = [&] { return store.open() != 0 || world.queue.stats().running != 0; };
    for (int i = 0; i < kMostTurns && busy(); ++i) {
      end_a_call();
      clock_.advance(1ms);
      if (i % 100 == 0) {
        co_await sleep_for(1ms);  // for those who pause in the loop's own time
      }
      co_await later();
    }
    EXPECT_EQ(store.open(), 0U) << "a job is lost";
    EXPECT_EQ(world.lines.view("m").running, 0U) << "a slot has leaked";
    EXPECT_EQ(world.lines.view("m").waiting_jobs, 0U);
    EXPECT_EQ(world.lines.view("m").delayed_jobs, 0U);
    co_await crash(world);
  }

  std::mt19937_64 random_;
  testing::FakeClock clock_;
  testing::Troubles troubles_;
  NoEvents events_;
  std::deque<std::string> recent_;
  std::uint64_t submitted_ = 0;
};

TEST(JobQueueSimulation, NoJobIsLostOrEndedTwiceOrRunByTwo) {
  const std::uint64_t seed = seed_of_this_run();
  SCOPED_TRACE("HEADGATE_SIM_SEED=" + std::to_string(seed));
  Simulation simulation(seed);
  int left = kSteps;
  int crashes = 0;
  for (; left > 0; ++crashes) {
    const int steps = std::min(left, static_cast<int>(1 + simulation.below(2'000)));
    simulation.live(steps);
    ASSERT_FALSE(HasFailure());
    ASSERT_TRUE(simulation.upstream.under_way.empty()) << "a crash ends every call";
    left -= steps;
  }
  simulation.end_all();

  std::map<JobState, std::size_t> ended;
  for (const auto& [seq, kept] : simulation.store.jobs) {
    ASSERT_EQ(kept.ends, 1) << seq;
    ++ended[kept.job.state];
  }
  for (const model::JobSeq seq : simulation.acknowledged) {
    ASSERT_TRUE(simulation.store.jobs.contains(seq)) << seq;
  }
  EXPECT_GT(crashes, 50);
  EXPECT_GT(simulation.acknowledged.size(), 10'000U);
  EXPECT_GT(ended[JobState::Succeeded], 5'000U);
  for (const JobState state : {JobState::Failed, JobState::Cancelled, JobState::Expired}) {
    EXPECT_GT(ended[state], 50U) << name_of(state) << " must happen";
  }
}

}  // namespace
}  // namespace headgate::queue
