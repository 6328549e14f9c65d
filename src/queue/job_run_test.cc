#include "queue/job_run.h"

#include <optional>
#include <stdexcept>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/fake_clock.h"
#include "testing/sqlite_jobs.h"
#include "testing/troubled_jobs.h"

namespace headgate::queue {
namespace {

using namespace std::chrono_literals;
using model::JobState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Trouble;

/// Does what a test says.
struct ScriptedRunner final : JobRunner {
  std::function<Task<Result<std::string>>(model::RequestContext&, const DeltaSink&)> script;
  Task<Result<std::string>> run(const model::JobRequest& /*request*/,
                                model::RequestContext& context,
                                const DeltaSink& deltas) const override {
    return script(context, deltas);
  }
};

struct TestSlot final : model::HeldSlot {
  explicit TestSlot(bool& is_held) : held(is_held) { held = true; }
  ~TestSlot() override { held = false; }
  bool& held;
};

/// Uses 7 millionths of a dollar, and notes what becomes of them.
class TestSpending final : public model::Spending {
 public:
  TestSpending(std::string& notes, bool& lives) : notes_(notes), lives_(lives) { lives = true; }
  TestSpending(const TestSpending&) = delete;
  TestSpending& operator=(const TestSpending&) = delete;
  ~TestSpending() override { lives_ = false; }
  Task<Result<void>> begin() override { co_return Result<void>(); }
  Task<void> settle(End end) override {
    if (!std::exchange(settled_, true)) {
      notes_ += end == End::Complete ? "complete;" : "cut;";
    }
    co_return;
  }
  model::UsageBatch hand_over() override {
    return {.records = {{.day = 1,
                         .principal = "key:a",
                         .model = "m",
                         .requests = 1,
                         .input_tokens = 3,
                         .output_tokens = 4,
                         .micro_usd = 7}}};
  }
  void handed_over(HandedOver outcome) override {
    notes_ += outcome == HandedOver::Written ? "written;" : "refused;";
  }
  Task<void> write() override {
    notes_ += "by itself;";
    co_return;
  }

 private:
  std::string& notes_;
  bool& lives_;
  bool settled_ = false;
};

struct JobRunTest : ::testing::Test {
  using Script = Task<Result<std::string>>(JobRunTest&, model::RequestContext&, const DeltaSink&);

  JobRunTest() {
    config_.max_attempts = 3;
    act([](JobRunTest& self, model::RequestContext& context, const DeltaSink&) {
      return self.call(context, std::string(R"({"ok":true})"));
    });
  }

  void act(Script* script) {
    runner_.script = [this, script](model::RequestContext& context, const DeltaSink& deltas) {
      return script(*this, context, deltas);
    };
  }

  /// One attempt that ends so.
  Task<Result<std::string>> call(model::RequestContext& context, Result<std::string> outcome) {
    auto begun = co_await context.ledger->begin("local", "t");
    if (!begun) {
      co_return fail(begun.error());
    }
    ++calls_;
    co_return outcome;
  }
  model::JobSeq submit(std::function<void(model::JobRequest&)> change = [](auto&) {}) {
    stores::NewJob job;
    job.id = ids_.next(clock_.unix_ms(), 7);
    job.request.path = "/v1/chat/completions";
    job.request.model = "m";
    job.request.principal.id = "key:a";
    job.request.max_attempts = 3;
    job.created_at = clock_.unix_ms();
    change(job.request);
    const auto submitted = testing::run(stores_.jobs->submit(std::move(job)));
    EXPECT_TRUE(submitted);
    return submitted->seq;
  }
  RunEnd run_once(model::JobSeq seq) {
    JobRun run(shared_, seq, loop_, std::make_unique<TestSlot>(slot_held_));
    running_ = &run;
    RunEnd end = RunEnd::Left;
    const auto await = [](JobRun& each, RunEnd& into) -> Task<void> { into = co_await each.run(); };
    loop_.run_until_done(await(run, end));
    EXPECT_FALSE(spending_lives_) << "a stop that waits for runs must find it settled";
    running_ = nullptr;
    return end;
  }
  model::Job job(model::JobSeq seq) { return testing::run(stores_.jobs->find(seq)).value(); }
  /// One attempt that costs something and ends so.
  Task<Result<std::string>> paid_call(model::RequestContext& context, Result<std::string> outcome) {
    context.spending = std::make_unique<TestSpending>(spending_, spending_lives_);
    context.micro_usd = 7;
    context.input_tokens = 3;
    context.output_tokens = 4;
    auto called = co_await call(context, std::move(outcome));
    if (called) {
      co_await context.spending->settle(model::Spending::End::Complete);
    }
    co_return called;
  }
  std::int64_t charged() { return testing::run(stores_.usage->query({})).value().totals.micro_usd; }
  std::vector<std::string> deltas_of(model::JobSeq seq) {
    std::vector<std::string> found;
    for (const auto& event : testing::run(stores_.events->read(seq, 0, 100)).value()) {
      if (event.type == "delta") {
        found.push_back(event.data);
      }
    }
    return found;
  }

  testing::FakeClock clock_;
  EventLoop loop_;
  testing::JobStores stores_ = testing::make_sqlite_jobs();
  testing::Troubles troubles_;
  testing::TroubledJobs jobs_{*stores_.jobs, troubles_};
  testing::TroubledEvents events_{*stores_.events, troubles_};
  ScriptedRunner runner_;
  config::QueueSettings config_;
  int webhooks_due_ = 0;
  std::function<config::QueueSettings()> settings_ = [this] { return config_; };
  EventLoop* loops_[1] = {&loop_};
  JobQueue::Parts parts_{.jobs = &jobs_,
                         .events = &events_,
                         .lines = nullptr,
                         .runner = &runner_,
                         .clock = &clock_,
                         .loops = loops_,
                         .settings = [this](std::string_view) { return settings_(); },
                         .webhook_due = [this] { ++webhooks_due_; },
                         .pauses = {.store = 1ms, .house = 1ms}};
  JobWatch watch_;
  JobRun::Shared shared_{.parts = parts_, .watch = watch_};
  JobRun* running_ = nullptr;
  model::JobIds ids_;
  int calls_ = 0;
  std::string spending_;  // what became of what a call cost
  bool spending_lives_ = false;
  bool slot_held_ = false;
};

TEST_F(JobRunTest, EndsAJobThatSucceeds) {
  const auto seq = submit();
  EXPECT_EQ(run_once(seq), RunEnd::Ended);
  EXPECT_EQ(job(seq).state, JobState::Succeeded);
  EXPECT_EQ(job(seq).attempts.at(0).outcome, "succeeded");
  EXPECT_EQ(testing::run(stores_.jobs->result(seq)).value(), R"({"ok":true})");
  EXPECT_EQ(shared_.unwritten, 0U);
  EXPECT_EQ(run_once(seq), RunEnd::Ended) << "nothing is left to do";
  EXPECT_EQ(calls_, 1);
}

TEST_F(JobRunTest, PutsBackWhatMaySucceedLaterUntilNoAttemptIsLeft) {
  act([](JobRunTest& self, model::RequestContext& context, const DeltaSink&) {
    return self.call(context, fail(upstream_failed("no")));
  });
  const auto seq = submit();
  EXPECT_EQ(run_once(seq), RunEnd::PutBack);
  EXPECT_EQ(job(seq).state, JobState::Queued);
  EXPECT_EQ(run_once(seq), RunEnd::PutBack);
  EXPECT_EQ(run_once(seq), RunEnd::Ended);
  EXPECT_EQ(job(seq).state, JobState::Failed);
  EXPECT_EQ(calls_, 3);
}

TEST_F(JobRunTest, TheEndOfAJobCarriesWhatTheRunUsed) {
  act([](JobRunTest& self, model::RequestContext& context, const DeltaSink&) {
    return self.paid_call(context, std::string("{}"));
  });
  const auto seq = submit();
  EXPECT_EQ(run_once(seq), RunEnd::Ended);
  EXPECT_EQ(charged(), 7);
  EXPECT_EQ(spending_, "complete;written;");
  EXPECT_DOUBLE_EQ(job(seq).cost, 7e-6);
}

TEST_F(JobRunTest, ALateOwnersFinishBooksNothing) {
  act([](JobRunTest& self, model::RequestContext& context,
         const DeltaSink&) -> Task<Result<std::string>> {
    auto called = co_await self.paid_call(context, std::string("{}"));
    const auto jobs = co_await self.stores_.jobs->list({});
    const model::Job& held = jobs->front();
    auto taken = co_await self.stores_.jobs->begin_attempt(held.seq, held.fence, held.attempts);
    EXPECT_TRUE(taken);
    co_return called;
  });
  const auto seq = submit();
  EXPECT_EQ(run_once(seq), RunEnd::Ended);
  EXPECT_EQ(job(seq).state, JobState::Running) << "under the new owner";
  EXPECT_EQ(charged(), 0);
  EXPECT_EQ(spending_, "complete;refused;");
}

TEST_F(JobRunTest, AnEndThatWasInDoubtIsChargedOnce) {
  act([](JobRunTest& self, model::RequestContext& context, const DeltaSink&) {
    return self.paid_call(context, std::string("{}"));
  });
  troubles_.add("finish", Trouble::InDoubt);
  EXPECT_EQ(run_once(submit()), RunEnd::Ended);
  EXPECT_EQ(charged(), 7);
  EXPECT_EQ(spending_, "complete;written;") << "nobody may take it for refused";
  troubles_.add("finish", Trouble::Refused);
  EXPECT_EQ(run_once(submit()), RunEnd::Ended);
  EXPECT_EQ(charged(), 14);
}

TEST_F(JobRunTest, AnEndThatWasRefusedAndThenOvertakenByACancelIsNotTakenForWritten) {
  act([](JobRunTest& self, model::RequestContext& context,
         const DeltaSink&) -> Task<Result<std::string>> {
    auto called = co_await self.paid_call(context, std::string("{}"));
    const auto jobs = co_await self.stores_.jobs->list({});
    auto cancelled =
        co_await self.stores_.jobs->cancel(jobs->front().id, "", self.clock_.unix_ms());
    EXPECT_TRUE(cancelled);
    co_return called;
  });
  troubles_.add("finish", Trouble::Refused);
  troubles_.add("find", Trouble::Refused);
  const auto seq = submit();
  EXPECT_EQ(run_once(seq), RunEnd::Ended);
  EXPECT_EQ(job(seq).state, JobState::Cancelled);
  EXPECT_EQ(spending_, "complete;refused;");
}

TEST_F(JobRunTest, AnEndInDoubtIsStillOursAfterAnException) {
  act([](JobRunTest& self, model::RequestContext& context, const DeltaSink&) {
    return self.paid_call(context, std::string("{}"));
  });
  troubles_.add("finish", Trouble::InDoubt);
  troubles_.add("finish", Trouble::Throws);
  const auto seq = submit();
  EXPECT_EQ(run_once(seq), RunEnd::Ended);
  EXPECT_EQ(job(seq).state, JobState::Succeeded);
  EXPECT_EQ(charged(), 7);
  EXPECT_EQ(spending_, "complete;written;");
}

TEST_F(JobRunTest, AJobCostsWhatAllItsRunsCost) {
  act([](JobRunTest& self, model::RequestContext& context, const DeltaSink&) {
    return self.paid_call(context, self.calls_ == 0
                                       ? Result<std::string>(fail(upstream_failed("no")))
                                       : std::string("{}"));
  });
  troubles_.add("put_back", Trouble::InDoubt);
  const auto seq = submit();
  EXPECT_EQ(run_once(seq), RunEnd::PutBack);
  EXPECT_DOUBLE_EQ(job(seq).cost, 7e-6);
  EXPECT_EQ(run_once(seq), RunEnd::Ended);
  EXPECT_DOUBLE_EQ(job(seq).cost, 14e-6);
  EXPECT_EQ(job(seq).input_tokens, 6);
  EXPECT_EQ(job(seq).output_tokens, 8);
}

/// Begins at a provider that gives it the id r-1, and has the gateway stop then.
Task<Result<std::string>> begin_remotely_and_stop(JobRun& run, model::RequestContext& context) {
  auto begun = co_await context.ledger->begin("runpod", "ep");
  EXPECT_TRUE(begun);
  auto noted = co_await context.ledger->remote("r-1");
  EXPECT_TRUE(noted);
  EXPECT_FALSE(context.ledger->leaves_remote());
  run.stop(JobRun::Stop::GatewayStops);
  EXPECT_TRUE(context.ledger->leaves_remote());
  context.ledger->failed(client_left());
  co_return fail(client_left());
}

TEST_F(JobRunTest, WorkAtAProviderIsTakenUpAgainAfterTheGatewayStopped) {
  act([](JobRunTest& self, model::RequestContext& context, const DeltaSink&) {
    return begin_remotely_and_stop(*self.running_, context);
  });
  const auto seq = submit([](auto& request) { request.max_attempts = 1; });
  EXPECT_EQ(run_once(seq), RunEnd::PutBack);
  ASSERT_EQ(job(seq).attempts.size(), 1U);
  EXPECT_EQ(job(seq).attempts[0].outcome, "") << "it goes on there";
  EXPECT_EQ(job(seq).attempts[0].remote_id, "r-1");

  act([](JobRunTest&, model::RequestContext& context,
         const DeltaSink&) -> Task<Result<std::string>> {
    EXPECT_NE(context.ledger->under_way(), nullptr);
    auto begun = co_await context.ledger->begin("runpod", "ep");
    EXPECT_TRUE(begun);
    EXPECT_EQ(context.ledger->under_way()->remote_id, "r-1");
    co_return std::string("{}");
  });
  EXPECT_EQ(run_once(seq), RunEnd::Ended);
  EXPECT_EQ(job(seq).state, JobState::Succeeded);
  ASSERT_EQ(job(seq).attempts.size(), 1U) << "it was one attempt all the time";
  EXPECT_EQ(job(seq).attempts[0].outcome, "succeeded");
}

TEST_F(JobRunTest, WorkAtAProviderIsGivenUpWhenAnotherTargetIsAsked) {
  act([](JobRunTest& self, model::RequestContext& context, const DeltaSink&) {
    return begin_remotely_and_stop(*self.running_, context);
  });
  const auto seq = submit();
  EXPECT_EQ(run_once(seq), RunEnd::PutBack);
  act([](JobRunTest& self, model::RequestContext& context, const DeltaSink&) {
    return self.call(context, std::string("{}"));
  });
  EXPECT_EQ(run_once(seq), RunEnd::Ended);
  ASSERT_EQ(job(seq).attempts.size(), 2U);
  EXPECT_EQ(job(seq).attempts[0].outcome, "failed");
  EXPECT_EQ(job(seq).attempts[1].remote_id, "");
}

TEST_F(JobRunTest, AnIdThatCannotBeWrittenIsNotHeld) {
  act([](JobRunTest&, model::RequestContext& context,
         const DeltaSink&) -> Task<Result<std::string>> {
    auto begun = co_await context.ledger->begin("runpod", "ep");
    EXPECT_TRUE(begun);
    auto noted = co_await context.ledger->remote("r-1");
    EXPECT_FALSE(noted);
    EXPECT_EQ(context.ledger->under_way(), nullptr);
    co_return fail(noted.error());
  });
  troubles_.add("note_attempts", Trouble::Refused);
  EXPECT_EQ(run_once(submit()), RunEnd::PutBack);
}

TEST_F(JobRunTest, WaitsAsLongAsTheModelServerAsks) {
  act([](JobRunTest& self, model::RequestContext& context, const DeltaSink&) {
    Error error = upstream_failed("slow down");
    error.kind = ErrorKind::RateLimited;
    error.retry_after = 1h;
    return self.call(context, fail(std::move(error)));
  });
  const auto seq = submit();
  EXPECT_EQ(run_once(seq), RunEnd::PutBack);
  EXPECT_EQ(job(seq).not_before, clock_.unix_ms() + 3'600'000);
}

TEST_F(JobRunTest, KeepsNoRequestWhileItsEndWaitsToBeWritten) {
  const auto seq = submit([](auto& request) { request.body.assign(1 << 20, 'x'); });
  std::optional<std::size_t> kept;
  troubles_.on_call = [&](std::string_view call) {
    if (call == "finish") {
      kept = running_->loaded().request.body.capacity();
    }
  };
  EXPECT_EQ(run_once(seq), RunEnd::Ended);
  ASSERT_TRUE(kept);
  EXPECT_LT(*kept, 100U);
}

TEST_F(JobRunTest, AnAttemptThatIsTriedAgainPaysForItself) {
  act([](JobRunTest& self, model::RequestContext& context, const DeltaSink&) {
    return self.paid_call(context, fail(upstream_failed("no")));
  });
  EXPECT_EQ(run_once(submit()), RunEnd::PutBack);
  EXPECT_EQ(spending_, "cut;by itself;");
  EXPECT_EQ(charged(), 0);
}

TEST_F(JobRunTest, DoesNotCallForAJobWhoseTimeIsOver) {
  const auto late_start = submit([&](auto& request) { request.start_by = clock_.unix_ms() + 50; });
  const auto late_end = submit([&](auto& request) { request.finish_by = clock_.unix_ms() + 50; });
  clock_.advance(50ms);
  for (const auto seq : {late_start, late_end}) {
    EXPECT_EQ(run_once(seq), RunEnd::Ended);
    EXPECT_EQ(job(seq).state, JobState::Expired);
    EXPECT_THAT(job(seq).error_json, HasSubstr(R"("code":"expired")"));
  }
  EXPECT_EQ(calls_, 0);
}

TEST_F(JobRunTest, DoesNotCallForAJobWhoseTimeEndsBeforeItsAttemptBegins) {
  act([](JobRunTest& self, model::RequestContext& context, const DeltaSink&) {
    self.clock_.advance(100ms);
    return self.call(context, std::string("{}"));
  });
  const auto seq = submit([&](auto& request) { request.start_by = clock_.unix_ms() + 50; });
  EXPECT_EQ(run_once(seq), RunEnd::Ended);
  EXPECT_EQ(job(seq).state, JobState::Expired);
  EXPECT_EQ(calls_, 0);
}

TEST_F(JobRunTest, TheTimeToStartIsOverOnceAJobHasBegun) {
  const auto seq = submit([&](auto& request) { request.start_by = clock_.unix_ms() + 50; });
  act([](JobRunTest& self, model::RequestContext& context, const DeltaSink&) {
    return self.call(context, fail(upstream_failed("no")));
  });
  EXPECT_EQ(run_once(seq), RunEnd::PutBack);
  clock_.advance(1h);
  EXPECT_EQ(run_once(seq), RunEnd::PutBack) << "it was called again";
  EXPECT_EQ(calls_, 2);
}

TEST_F(JobRunTest, KeepsDeltasThroughTroubleOfTheStoreOnceEach) {
  act([](JobRunTest& self, model::RequestContext& context,
         const DeltaSink& deltas) -> Task<Result<std::string>> {
    auto begun = co_await context.ledger->begin("local", "t");
    EXPECT_TRUE(begun);
    self.troubles_.add("append", Trouble::InDoubt);
    self.troubles_.add("read", Trouble::Refused);
    auto first = co_await deltas({R"("a")", R"("b")"});
    EXPECT_TRUE(first) << first.error().message;
    self.troubles_.add("append", Trouble::Refused, 3);
    self.troubles_.add("append", Trouble::InDoubt);
    auto second = co_await deltas({R"("c")"});
    EXPECT_TRUE(second) << second.error().message;
    auto third = co_await deltas({R"("d")"});
    EXPECT_TRUE(third);
    co_return std::string("{}");
  });
  const auto seq = submit();
  EXPECT_EQ(run_once(seq), RunEnd::Ended);
  EXPECT_EQ(job(seq).state, JobState::Succeeded);
  EXPECT_THAT(deltas_of(seq), ElementsAre(R"("a")", R"("b")", R"("c")", R"("d")"));
}

TEST_F(JobRunTest, WaitsForTheStoreNoLongerThanItMayRun) {
  act([](JobRunTest& self, model::RequestContext& context,
         const DeltaSink& deltas) -> Task<Result<std::string>> {
    auto begun = co_await context.ledger->begin("local", "t");
    EXPECT_TRUE(begun);
    self.troubles_.add("append", Trouble::Refused, 1'000'000);
    auto kept = co_await deltas({R"("a")"});
    EXPECT_FALSE(kept);
    co_return fail(kept.error());
  });
  config_.timeout = 40ms;
  const auto seq = submit();
  EXPECT_EQ(run_once(seq), RunEnd::Ended);
  EXPECT_EQ(job(seq).state, JobState::Failed);
  EXPECT_EQ(job(seq).attempts.at(0).outcome, "timeout");
}

TEST_F(JobRunTest, FailsAJobWhoseRequestIsGone) {
  const auto seq = submit([](auto& request) { request.webhook_url = "https://example.com/"; });
  auto& engine = *static_cast<testing::SqliteJobs*>(stores_.engine.get());
  ASSERT_TRUE(engine.database->transaction([](stores::sqlite::Database::Session& session) {
    return session.prepare("DELETE FROM job_requests")->run();
  }));
  EXPECT_EQ(run_once(seq), RunEnd::Ended);
  EXPECT_EQ(job(seq).state, JobState::Failed);
  EXPECT_THAT(job(seq).error_json, HasSubstr("can no longer be read"));
  EXPECT_EQ(webhooks_due_, 1);
  EXPECT_FALSE(slot_held_);
}

TEST_F(JobRunTest, GivesUpASlotWhenTheStoreCannotBeRead) {
  const auto seq = submit();
  troubles_.add("load", Trouble::Refused, 2);
  EXPECT_EQ(run_once(seq), RunEnd::Ended) << "a short trouble is waited for";
  const auto other = submit();
  troubles_.add("load", Trouble::Refused, 1'000);
  EXPECT_EQ(run_once(other), RunEnd::Left);
  EXPECT_EQ(job(other).state, JobState::Queued);
  EXPECT_FALSE(slot_held_);
}

TEST_F(JobRunTest, GivesItsSlotBackBeforeTheEndIsWritten) {
  std::vector<bool> held;
  troubles_.on_call = [&](std::string_view call) {
    if (call == "finish" || call == "begin_attempt") {
      held.push_back(slot_held_);
    }
  };
  troubles_.add("finish", Trouble::Refused, 2);
  const auto seq = submit();
  EXPECT_EQ(run_once(seq), RunEnd::Ended);
  EXPECT_THAT(held, ElementsAre(true, false, false, false));
  EXPECT_EQ(job(seq).state, JobState::Succeeded);
}

TEST_F(JobRunTest, KeepsItsSlotWhileTooMuchWaitsToBeWritten) {
  std::optional<bool> held;
  troubles_.on_call = [&](std::string_view call) {
    if (call == "finish") {
      held = slot_held_;
    }
  };
  shared_.unwritten = 1U << 30U;
  run_once(submit());
  EXPECT_EQ(held, true);
  EXPECT_EQ(shared_.unwritten, 1U << 30U);
  EXPECT_FALSE(slot_held_);
}

TEST_F(JobRunTest, AnExceptionFailsTheJob) {
  settings_ = []() -> config::QueueSettings { throw std::runtime_error("a bug"); };
  const auto seq = submit();
  EXPECT_EQ(run_once(seq), RunEnd::Ended);
  EXPECT_EQ(job(seq).state, JobState::Failed);
  EXPECT_THAT(job(seq).error_json, HasSubstr("internal_error"));
  EXPECT_FALSE(slot_held_);
}

TEST_F(JobRunTest, AnAttemptWhoseBeginIsInDoubtCountsAndTheJobGoesOn) {
  const auto seq = submit();
  troubles_.add("begin_attempt", Trouble::InDoubt);
  EXPECT_EQ(run_once(seq), RunEnd::PutBack);
  EXPECT_EQ(calls_, 0);
  EXPECT_EQ(job(seq).state, JobState::Running) << "on disk it is under way, in truth it is not";
  EXPECT_EQ(run_once(seq), RunEnd::Ended);
  EXPECT_EQ(job(seq).state, JobState::Succeeded);
  ASSERT_EQ(job(seq).attempts.size(), 2U);
  EXPECT_EQ(job(seq).attempts[0].outcome, "interrupted");
  EXPECT_EQ(calls_, 1);
}

TEST_F(JobRunTest, ComesBackAlsoIfThePutBackIsInDoubt) {
  act([](JobRunTest& self, model::RequestContext& context, const DeltaSink&) {
    return self.call(context, fail(upstream_failed("no")));
  });
  const auto seq = submit();
  troubles_.add("put_back", Trouble::InDoubt);
  EXPECT_EQ(run_once(seq), RunEnd::PutBack);
  EXPECT_EQ(job(seq).state, JobState::Queued);
}

TEST_F(JobRunTest, TellsOfAnEndThatWasInDoubt) {
  const auto seq = submit([](auto& request) { request.webhook_url = "https://example.com/"; });
  troubles_.add("finish", Trouble::InDoubt);
  EXPECT_EQ(run_once(seq), RunEnd::Ended);
  EXPECT_EQ(webhooks_due_, 1);
}

TEST_F(JobRunTest, AnEndThatIsRefusedLastinglyIsTriedAgain) {
  std::vector<std::size_t> waiting;
  troubles_.on_call = [&](std::string_view call) {
    if (call == "finish") {
      waiting.push_back(shared_.trouble.lasting());
    }
  };
  troubles_.add("finish", Trouble::Damaged, 7);
  const auto seq = submit();
  EXPECT_EQ(run_once(seq), RunEnd::Ended);
  EXPECT_EQ(job(seq).state, JobState::Succeeded);
  EXPECT_THAT(waiting, ElementsAre(0, 1, 1, 1, 1, 1, 1, 1));
  EXPECT_EQ(shared_.trouble.lasting(), 0U);
  EXPECT_EQ(shared_.trouble.failures(), 7U);
  EXPECT_FALSE(slot_held_);
}

TEST_F(JobRunTest, APutBackThatIsRefusedLastinglyIsTriedAgain) {
  act([](JobRunTest& self, model::RequestContext& context, const DeltaSink&) {
    return self.call(context, fail(upstream_failed("no")));
  });
  troubles_.add("put_back", Trouble::Damaged, 2);
  EXPECT_EQ(run_once(submit()), RunEnd::PutBack);
  EXPECT_EQ(shared_.trouble.failures(), 2U);
  EXPECT_EQ(shared_.trouble.lasting(), 0U);
}

TEST_F(JobRunTest, AnOrderlyStopDoesNotWaitForAStoreThatRefusesLastingly) {
  // Every further wait would be as long as the longest.
  parts_.pauses.store = 10ms;
  int tries = 0;
  troubles_.on_call = [&](std::string_view call) {
    if (call == "finish" && ++tries == 3) {
      running_->stop(JobRun::Stop::GatewayStops);
    }
  };
  troubles_.add("finish", Trouble::Damaged, 1'000'000);
  const auto seq = submit();
  EXPECT_EQ(run_once(seq), RunEnd::Left);
  EXPECT_EQ(tries, 4);
  EXPECT_EQ(shared_.trouble.lasting(), 0U);
  EXPECT_EQ(job(seq).state, JobState::Running) << "the next start takes it up";
}

TEST_F(JobRunTest, AnOrderlyStopTakesBackAnAttemptThatWasNotMade) {
  const auto seq = submit([&](auto& request) { request.start_by = clock_.unix_ms() + 50; });
  troubles_.on_call = [this](std::string_view call) {
    if (call == "begin_attempt") {
      running_->stop(JobRun::Stop::GatewayStops);
    }
  };
  EXPECT_EQ(run_once(seq), RunEnd::PutBack);
  EXPECT_EQ(calls_, 0);
  EXPECT_EQ(job(seq).state, JobState::Queued);
  EXPECT_TRUE(job(seq).attempts.empty());
  EXPECT_FALSE(job(seq).started_at);
}

TEST_F(JobRunTest, AnOrderlyStopCountsACallThatMayHaveGoneOut) {
  act([](JobRunTest& self, model::RequestContext& context,
         const DeltaSink&) -> Task<Result<std::string>> {
    auto called = co_await self.call(context, std::string("{}"));
    EXPECT_TRUE(called);
    self.running_->stop(JobRun::Stop::GatewayStops);
    co_return fail(client_left());
  });
  const auto seq = submit();
  EXPECT_EQ(run_once(seq), RunEnd::PutBack);
  ASSERT_EQ(job(seq).attempts.size(), 1U);
  EXPECT_EQ(job(seq).attempts[0].outcome, "interrupted");
}

}  // namespace
}  // namespace headgate::queue
