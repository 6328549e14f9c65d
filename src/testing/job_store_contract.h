#pragma once

#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "testing/job_stores.h"

// What every JobStore, EventLog and BlobStore must do. Included by one test file of each engine.
namespace headgate::testing {

using model::JobState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

inline std::vector<std::string> event_texts(stores::EventLog& log, model::JobSeq seq,
                                            std::int64_t after = 0) {
  std::vector<std::string> texts;
  for (const model::JobEvent& event : run(log.read(seq, after, 100)).value()) {
    texts.push_back(std::to_string(event.n) + " " + event.type + " " + event.data);
  }
  return texts;
}

TEST_P(JobContract, KeepsAllThatAJobCameWith) {
  stores::NewJob job = some_job();
  job.request.client_id = "Robert'); DROP TABLE jobs;--";
  job.request.priority = model::Priority::Low;
  job.request.work = 7;
  job.request.start_by = 5000;
  job.request.finish_by = 6000;
  job.request.request_id = "r";
  job.request.traceparent = "t";
  job.request.webhook_url = "https://example.com/hook";
  job.request.principal.tier = "pro";
  job.request.principal.scopes.add(model::Scope::InferenceText);
  job.request.body = std::string("\0{}", 3);
  const stores::Submitted submitted = submit(job);
  EXPECT_EQ(submitted.seq, job.id.seq);
  EXPECT_EQ(submitted.id, job.id.text());

  const auto loaded = run(jobs_.load(submitted.seq));
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->request.body, job.request.body);
  EXPECT_EQ(loaded->request.path, "/v1/chat/completions");
  EXPECT_EQ(loaded->request.content_type, "application/json");
  EXPECT_EQ(loaded->request.principal.id, "key:a");
  EXPECT_EQ(loaded->request.principal.tier, "pro");
  EXPECT_EQ(loaded->request.principal.scopes, job.request.principal.scopes);
  const model::Job& kept = loaded->job;
  EXPECT_EQ(kept.id, submitted.id);
  EXPECT_EQ(kept.owner, "key:a");
  EXPECT_EQ(kept.client_id, job.request.client_id);
  EXPECT_EQ(kept.kind, "chat");
  EXPECT_EQ(kept.model, "m");
  EXPECT_EQ(kept.state, JobState::Queued);
  EXPECT_EQ(kept.priority, model::Priority::Low);
  EXPECT_EQ(kept.work, 7U);
  EXPECT_EQ(kept.max_attempts, 3U);
  EXPECT_EQ(kept.created_at, 1000);
  EXPECT_EQ(kept.start_by, 5000);
  EXPECT_EQ(kept.finish_by, 6000);
  EXPECT_EQ(kept.request_id, "r");
  EXPECT_EQ(kept.traceparent, "t");
  EXPECT_EQ(kept.webhook_url, "https://example.com/hook");
  EXPECT_FALSE(kept.started_at || kept.completed_at);
  EXPECT_TRUE(kept.attempts.empty());
}

TEST_P(JobContract, KeepsALargeBodyWhole) {
  stores::NewJob job = some_job();
  job.request.body.assign(3 << 20, 'x');
  job.request.body[1 << 20] = '\0';
  const auto first = submit(job);
  stores::NewJob again = some_job();
  again.request.body = job.request.body;
  const auto second = submit(again);
  EXPECT_EQ(run(jobs_.load(first.seq))->request.body, job.request.body);
  EXPECT_EQ(run(jobs_.load(second.seq))->request.body, job.request.body);
}

TEST_P(JobContract, FindsAJobForItsOwnerOnly) {
  const auto submitted = submit(some_job("key:a"));
  EXPECT_TRUE(run(jobs_.find(submitted.id, "key:a")));
  EXPECT_TRUE(run(jobs_.find(submitted.id, "")));
  EXPECT_EQ(run(jobs_.find(submitted.id, "key:b")).error().kind, ErrorKind::NotFound);
  std::string guessed = submitted.id;
  guessed.back() = guessed.back() == '0' ? '1' : '0';
  EXPECT_EQ(run(jobs_.find(guessed, "key:a")).error().kind, ErrorKind::NotFound);
  EXPECT_EQ(run(jobs_.find("no-id", "")).error().kind, ErrorKind::NotFound);
}

TEST_P(JobContract, EndsExactlyOnceUnderTheNewestFence) {
  const auto submitted = submit(some_job());
  const std::int64_t first = begin(submitted.seq);
  const std::int64_t second = begin(submitted.seq, first, 2);
  EXPECT_GT(second, first);

  EXPECT_EQ(run(jobs_.begin_attempt(submitted.seq, first, attempts(3))).error().kind,
            ErrorKind::Conflict);
  EXPECT_EQ(run(jobs_.finish(submitted.seq, first, success())).error().kind, ErrorKind::Conflict);
  ASSERT_TRUE(run(jobs_.finish(submitted.seq, second, success())));
  EXPECT_EQ(run(jobs_.finish(submitted.seq, second, success("{}"))).error().kind,
            ErrorKind::Conflict);

  const auto job = run(jobs_.find(submitted.id, ""));
  ASSERT_TRUE(job);
  EXPECT_EQ(job->state, JobState::Succeeded);
  EXPECT_EQ(job->started_at, 1001);
  EXPECT_EQ(job->completed_at, 2000);
  EXPECT_EQ(job->input_tokens, 3);
  EXPECT_EQ(job->output_tokens, 4);
  EXPECT_EQ(job->cost, 0.5);
  EXPECT_EQ(run(jobs_.result(submitted.seq)).value(), R"({"ok":true})");
}

TEST_P(JobContract, RunsAgainAfterItWasPutBack) {
  const auto submitted = submit(some_job());
  const std::int64_t fence = begin(submitted.seq);
  ASSERT_TRUE(run(jobs_.put_back(submitted.seq, fence, left(attempts(2), 7777))));
  auto job = run(jobs_.find(submitted.id, ""));
  EXPECT_EQ(job->state, JobState::Queued);
  EXPECT_EQ(job->not_before, 7777);
  ASSERT_EQ(job->attempts.size(), 2U);
  EXPECT_EQ(job->attempts[0].outcome, "upstream_error");
  EXPECT_EQ(run(jobs_.put_back(submitted.seq, fence, left(attempts(2), 1))).error().kind,
            ErrorKind::Conflict)
      << "it does not run any more";
  EXPECT_GT(begin(submitted.seq, job->fence, 2), fence);
}

TEST_P(JobContract, WhatTheRunsOfAJobUsedAddsUp) {
  const auto submitted = submit(some_job());
  stores::JobReturn unknown = left(attempts(1), 1);
  unknown.cost = 0.125;
  ASSERT_TRUE(run(jobs_.put_back(submitted.seq, begin(submitted.seq), unknown)));
  EXPECT_EQ(run(jobs_.find(submitted.seq))->input_tokens, -1);
  stores::JobReturn known = left(attempts(2), 1);
  known.input_tokens = 10;
  known.output_tokens = 20;
  known.cost = 0.25;
  const std::int64_t fence = begin(submitted.seq, 1, 2);
  ASSERT_TRUE(run(jobs_.put_back(submitted.seq, fence, known)));
  EXPECT_FALSE(run(jobs_.put_back(submitted.seq, fence, known))) << "once";
  ASSERT_TRUE(run(jobs_.finish(submitted.seq, begin(submitted.seq, fence, 3), success())));
  const auto job = run(jobs_.find(submitted.seq));
  EXPECT_EQ(job->input_tokens, 13);
  EXPECT_EQ(job->output_tokens, 24);
  EXPECT_DOUBLE_EQ(job->cost, 0.875);
}

TEST_P(JobContract, ACancelledJobKeepsWhatItsRunsUsed) {
  const auto submitted = submit(some_job());
  stores::JobReturn back = left(attempts(1), 1);
  back.input_tokens = 10;
  back.cost = 0.25;
  ASSERT_TRUE(run(jobs_.put_back(submitted.seq, begin(submitted.seq), back)));
  const auto cancelled = run(jobs_.cancel(submitted.id, "", 1500));
  EXPECT_EQ(cancelled->input_tokens, 10);
  EXPECT_EQ(cancelled->output_tokens, -1);
  EXPECT_DOUBLE_EQ(cancelled->cost, 0.25);
}

TEST_P(JobContract, TheEndOfAJobAndWhatItUsedAreWrittenBothOrNeither) {
  const auto charged = [this] { return run(usage_.query({})).value().totals.micro_usd; };
  stores::JobEnding ending = success();
  ending.usage.records.push_back(
      {.day = 1, .principal = "key:a", .model = "m", .requests = 1, .micro_usd = 7});
  ASSERT_TRUE(run(usage_.open_reservation(
      {.id = "call",
       .estimate = {
           .day = 1, .principal = "key:a", .model = "m", .requests = 1, .micro_usd = 900}})));
  ending.usage.settlements.push_back(
      {.id = "call",
       .used = {.day = 1, .principal = "key:a", .model = "m", .requests = 1, .micro_usd = 30}});
  const auto submitted = submit(some_job());
  const std::int64_t fence = begin(submitted.seq);
  EXPECT_FALSE(run(jobs_.finish(submitted.seq, fence - 1, ending)));
  EXPECT_EQ(charged(), 0);
  EXPECT_EQ(run(jobs_.find(submitted.seq))->state, JobState::Running);
  ASSERT_TRUE(run(jobs_.finish(submitted.seq, fence, ending)));
  EXPECT_EQ(charged(), 37);
  EXPECT_FALSE(run(jobs_.finish(submitted.seq, fence, ending)));
  EXPECT_EQ(charged(), 37);
}

TEST_P(JobContract, NotesWhatBecameKnownOfAnAttempt) {
  const auto submitted = submit(some_job());
  auto known = attempts(1);
  known.back().remote_id = "r-1";
  EXPECT_EQ(run(jobs_.note_attempts(submitted.seq, 0, known)).error().kind, ErrorKind::Conflict)
      << "it does not run";
  const std::int64_t fence = begin(submitted.seq);
  EXPECT_EQ(run(jobs_.note_attempts(submitted.seq, fence - 1, known)).error().kind,
            ErrorKind::Conflict);
  ASSERT_TRUE(run(jobs_.note_attempts(submitted.seq, fence, known)));
  const auto job = run(jobs_.find(submitted.id, ""));
  EXPECT_EQ(job->attempts.at(0).remote_id, "r-1");
  EXPECT_EQ(job->fence, fence);
  EXPECT_EQ(job->state, JobState::Running);
}

TEST_P(JobContract, RecoversWhatIsUnderWayAtAProviderWithoutCountingIt) {
  auto only_try = some_job();
  only_try.request.max_attempts = 1;
  const auto submitted = submit(std::move(only_try));
  auto known = attempts(1);
  known.back().remote_id = "r-1";
  const std::int64_t fence = begin(submitted.seq);
  ASSERT_TRUE(run(jobs_.note_attempts(submitted.seq, fence, known)));
  const auto recovery = jobs_.recover(3000);
  ASSERT_TRUE(recovery);
  EXPECT_EQ(recovery->requeued, 1U);
  const auto job = run(jobs_.find(submitted.id, ""));
  EXPECT_EQ(job->state, JobState::Queued);
  EXPECT_GT(job->fence, fence) << "who had it may not write any more";
  ASSERT_EQ(job->attempts.size(), 1U);
  EXPECT_EQ(job->attempts[0].outcome, "");
  EXPECT_EQ(job->attempts[0].remote_id, "r-1");
}

TEST_P(JobContract, CancelsWhatHasNotEnded) {
  const auto queued = submit(some_job());
  auto cancelled = run(jobs_.cancel(queued.id, "key:a", 1500));
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(cancelled->state, JobState::Cancelled);
  EXPECT_EQ(cancelled->completed_at, 1500);
  EXPECT_EQ(run(jobs_.begin_attempt(queued.seq, 0, attempts(1))).error().kind, ErrorKind::Conflict);

  const auto running = submit(some_job());
  const std::int64_t fence = begin(running.seq);
  EXPECT_EQ(run(jobs_.cancel(running.id, "key:b", 1500)).error().kind, ErrorKind::NotFound);
  cancelled = run(jobs_.cancel(running.id, "", 1500));
  EXPECT_EQ(cancelled->attempts.at(0).outcome, "cancelled");
  EXPECT_EQ(run(jobs_.finish(running.seq, fence, success())).error().kind, ErrorKind::Conflict);

  const auto ended = submit(some_job());
  ASSERT_TRUE(run(jobs_.finish(ended.seq, begin(ended.seq), success())));
  EXPECT_EQ(run(jobs_.cancel(ended.id, "key:a", 1500))->state, JobState::Succeeded);
}

TEST_P(JobContract, ReplaysAnIdempotencyKey) {
  stores::NewJob job = some_job();
  job.idempotency = {.scope = sha256("scope"), .body = sha256("body"), .expires_at = 5000};
  const auto first = submit(job);
  EXPECT_FALSE(first.replayed);

  stores::NewJob again = some_job();
  again.idempotency = job.idempotency;
  const auto second = submit(again);
  EXPECT_TRUE(second.replayed);
  EXPECT_EQ(second.id, first.id);

  stores::NewJob other = some_job();
  other.idempotency = job.idempotency;
  other.idempotency->body = sha256("other");
  EXPECT_EQ(run(jobs_.submit(other)).error().kind, ErrorKind::Unprocessable);

  stores::NewJob later = some_job();
  later.idempotency = job.idempotency;
  later.created_at = 5000;
  EXPECT_FALSE(submit(later).replayed) << "the key has expired";
}

TEST_P(JobContract, ListsNewestFirstByPages) {
  std::vector<std::string> ids;
  ids.reserve(5);
  for (int i = 0; i < 5; ++i) {
    ids.push_back(submit(some_job(i == 2 ? "key:b" : "key:a", i == 3 ? "other" : "m")).id);
  }
  const auto list = [&](stores::JobFilter filter) {
    std::vector<std::string> found;
    for (const model::Job& job : run(jobs_.list(std::move(filter))).value()) {
      found.push_back(job.id);
    }
    return found;
  };
  EXPECT_THAT(list({.limit = 2}), ElementsAre(ids[4], ids[3]));
  EXPECT_THAT(list({.after = ids[3], .limit = 2}), ElementsAre(ids[2], ids[1]));
  EXPECT_THAT(list({.owner = "key:a", .limit = 10}), ElementsAre(ids[4], ids[3], ids[1], ids[0]));
  EXPECT_THAT(list({.model = "other", .limit = 10}), ElementsAre(ids[3]));
  ASSERT_TRUE(run(jobs_.cancel(ids[1], "", 1)));
  EXPECT_THAT(list({.owner = "key:a", .state = JobState::Cancelled}), ElementsAre(ids[1]));
  EXPECT_EQ(run(jobs_.list({.after = "junk"})).error().param, "after");
}

TEST_P(JobContract, QueuesOrphansAgainAndFailsPoison) {
  const auto orphan = submit(some_job());
  begin(orphan.seq);
  const auto poison = submit(some_job());
  begin(poison.seq, 0, 3);
  const auto ended = submit(some_job());
  ASSERT_TRUE(run(jobs_.finish(ended.seq, begin(ended.seq), success())));
  const auto waiting = submit(some_job());

  const auto recovery = jobs_.recover(3000);
  ASSERT_TRUE(recovery);
  EXPECT_EQ(recovery->requeued, 1U);
  EXPECT_EQ(recovery->failed, 1U);
  EXPECT_EQ(recovery->newest, waiting.seq);

  const auto again = run(jobs_.find(orphan.id, ""));
  EXPECT_EQ(again->state, JobState::Queued);
  EXPECT_EQ(again->attempts.at(0).outcome, "crashed");
  EXPECT_EQ(again->attempts.at(0).ended_at, 3000);
  const auto failed = run(jobs_.find(poison.id, ""));
  EXPECT_EQ(failed->state, JobState::Failed);
  EXPECT_THAT(failed->error_json, HasSubstr("crashed"));
  EXPECT_EQ(run(jobs_.find(ended.id, ""))->state, JobState::Succeeded);
  std::vector<model::JobSeq> order;
  ASSERT_TRUE(jobs_.each_waiting([&](const stores::WaitingJob& job) { order.push_back(job.seq); }));
  EXPECT_THAT(order, ElementsAre(orphan.seq, waiting.seq));
}

TEST_P(JobContract, ExpiresWhatIsDue) {
  stores::NewJob job = some_job();
  job.request.start_by = 4000;
  const auto first = submit(job);
  job = some_job();
  job.request.finish_by = 3000;
  const auto second = submit(job);
  job = some_job();
  job.request.start_by = 1000;
  const auto running = submit(job);
  begin(running.seq);
  submit(some_job());

  EXPECT_THAT(run(jobs_.expire(3500, 10)).value(),
              ElementsAre(::testing::Field(&model::Job::seq, second.seq)));
  EXPECT_THAT(run(jobs_.expire(4000, 10)).value(),
              ElementsAre(::testing::Field(&model::Job::seq, first.seq)));
  EXPECT_EQ(run(jobs_.find(first.id, ""))->state, JobState::Expired);
  EXPECT_EQ(run(jobs_.find(running.id, ""))->state, JobState::Running);
}

TEST_P(JobContract, DoesNotExpireByStartByWhatHasBegunOnce) {
  stores::NewJob job = some_job();
  job.request.start_by = 4000;
  const auto begun = submit(job);
  ASSERT_TRUE(run(jobs_.put_back(begun.seq, begin(begun.seq), left(attempts(2), 2000))));
  job = some_job();
  job.request.start_by = 4000;
  job.request.finish_by = 6000;
  const auto both = submit(job);
  ASSERT_TRUE(run(jobs_.put_back(both.seq, begin(both.seq), left(attempts(2), 2000))));

  EXPECT_TRUE(run(jobs_.expire(5999, 10)).value().empty());
  EXPECT_THAT(run(jobs_.expire(6000, 10)).value(),
              ElementsAre(::testing::Field(&model::Job::seq, both.seq)));
  EXPECT_EQ(run(jobs_.find(begun.id, ""))->state, JobState::Queued);
}

TEST_P(JobContract, AJobPutBackWithoutAttemptsHasNotBegun) {
  stores::NewJob job = some_job();
  job.request.start_by = 4000;
  const auto submitted = submit(job);
  ASSERT_TRUE(run(jobs_.put_back(submitted.seq, begin(submitted.seq), left({}, 0))));
  EXPECT_FALSE(run(jobs_.find(submitted.seq))->started_at);
  EXPECT_EQ(run(jobs_.expire(4000, 10)).value().size(), 1U);
}

TEST_P(JobContract, ListsOpenJobsInSteps) {
  std::vector<model::JobSeq> queued;
  queued.reserve(5);
  for (int i = 0; i < 5; ++i) {
    queued.push_back(submit(some_job()).seq);
  }
  const model::JobSeq running = queued[1];
  begin(running);
  const model::JobSeq ended = queued[2];
  ASSERT_TRUE(run(jobs_.finish(ended, begin(ended), success())));
  const auto open = [&](JobState state, model::JobSeq after, std::size_t limit) {
    std::vector<model::JobSeq> found;
    for (const stores::WaitingJob& job : run(jobs_.open_jobs(state, after, limit)).value()) {
      found.push_back(job.seq);
    }
    return found;
  };
  EXPECT_THAT(open(JobState::Queued, 0, 2), ElementsAre(queued[0], queued[3]));
  EXPECT_THAT(open(JobState::Queued, queued[3], 2), ElementsAre(queued[4]));
  EXPECT_THAT(open(JobState::Running, 0, 9), ElementsAre(running));
  EXPECT_EQ(run(jobs_.find(ended))->state, JobState::Succeeded);
  EXPECT_EQ(run(jobs_.find(queued[4] + 1)).error().kind, ErrorKind::NotFound);
}

TEST_P(JobContract, ForgetsOldJobsWithAllThatBelongsToThem) {
  stores::NewJob large = some_job();
  large.request.body.assign(1 << 20, 'x');
  const auto old = submit(large);
  ASSERT_TRUE(run(jobs_.finish(old.seq, begin(old.seq), success())));
  const auto waiting = submit(some_job());

  EXPECT_EQ(run(jobs_.forget("m", 2000, 10))->count, 0U) << "it ended at 2000, not before";
  const auto forgotten = run(jobs_.forget("m", 2001, 10)).value();
  EXPECT_EQ(forgotten.count, 1U);
  EXPECT_FALSE(forgotten.more);
  EXPECT_EQ(run(jobs_.find(old.id, "")).error().kind, ErrorKind::NotFound);
  EXPECT_TRUE(event_texts(events_, old.seq).empty());
  EXPECT_EQ(run(jobs_.result(old.seq)).value(), "");
  EXPECT_EQ(run(blobs_.get(sha256(large.request.body))).error().kind, ErrorKind::NotFound);
  EXPECT_TRUE(run(jobs_.find(waiting.id, "")));
  EXPECT_EQ(run(jobs_.counts()).value().at("m").succeeded, 1U) << "totals outlive the jobs";
}

TEST_P(JobContract, CountsWhatEndedWithoutBeingAJob) {
  ASSERT_TRUE(run(jobs_.finish(submit(some_job()).seq, 0, success())));
  ASSERT_TRUE(run(jobs_.add_counts({{"m", {.succeeded = 2, .failed = 1}}, {"n", {.expired = 4}}})));
  ASSERT_TRUE(run(jobs_.add_counts({{"m", {.failed = 3, .cancelled = 5}}})));
  const auto counts = run(jobs_.counts()).value();
  EXPECT_EQ(counts.at("m"),
            (stores::JobCounts{.succeeded = 3, .failed = 4, .expired = 0, .cancelled = 5}));
  EXPECT_EQ(counts.at("n"),
            (stores::JobCounts{.succeeded = 0, .failed = 0, .expired = 4, .cancelled = 0}));
}

TEST_P(JobContract, ForgetsTheJobsOfOneModelOldestFirst) {
  std::vector<stores::Submitted> jobs;
  for (const auto& [model, ended] :
       {std::pair{"a", 2000}, std::pair{"b", 1500}, std::pair{"a", 1900}, std::pair{"c", 3000}}) {
    jobs.push_back(submit(some_job("key:a", model)));
    stores::JobEnding ending = success();
    ending.completed_at = ended;
    ASSERT_TRUE(run(jobs_.finish(jobs.back().seq, 0, ending)));
  }
  submit(some_job("key:a", "waits"));
  const auto ended = [&](std::string after, std::size_t limit) {
    std::string text;
    for (const stores::EndedJobs& one : run(jobs_.ended(std::move(after), limit)).value()) {
      text += one.model + " " + std::to_string(one.oldest) + ";";
    }
    return text;
  };
  EXPECT_EQ(ended("", 10), "a 1900;b 1500;c 3000;");
  EXPECT_EQ(ended("a", 1), "b 1500;");

  const auto first = run(jobs_.forget("a", 9000, 1)).value();
  EXPECT_EQ(first.count, 1U);
  EXPECT_TRUE(first.more);
  EXPECT_EQ(ended("", 10), "a 2000;b 1500;c 3000;");
  EXPECT_EQ(run(jobs_.forget("a", 9000, 10))->count, 1U);
  EXPECT_EQ(ended("", 10), "b 1500;c 3000;");
  EXPECT_TRUE(run(jobs_.find(jobs[1].id, ""))) << "another model's";
}

TEST_P(JobContract, ForgetsWhatIsLargeInSmallSteps) {
  constexpr std::size_t kStep = 8;
  for (int i = 0; i < 3; ++i) {
    stores::NewJob large = some_job();
    large.request.body.assign(400'000, static_cast<char>('a' + i));
    ASSERT_TRUE(run(jobs_.finish(submit(large).seq, 0, success())));
  }
  for (int i = 0; i < 3; ++i) {
    const auto step = run(jobs_.forget("m", 9000, kStep)).value();
    EXPECT_EQ(step.count, 1U) << "the next one has its own step";
    EXPECT_EQ(step.more, i < 2);
  }

  const auto streamed = submit(some_job());
  const std::int64_t fence = begin(streamed.seq);
  ASSERT_TRUE(run(events_.append(streamed.seq, fence, std::vector<std::string>(300, "{}"))));
  ASSERT_TRUE(run(jobs_.finish(streamed.seq, fence, success())));
  std::size_t steps = 0;
  while (run(jobs_.forget("m", 9000, kStep))->more) {
    ASSERT_LT(++steps, 10U);
  }
  EXPECT_EQ(steps, 2U) << "of 303 events 128 went with each of them";
  EXPECT_TRUE(event_texts(events_, streamed.seq).empty());
  EXPECT_EQ(run(jobs_.find(streamed.id, "")).error().kind, ErrorKind::NotFound);
}

TEST_P(JobContract, FreesKeysWhoseDayIsOver) {
  const auto keyed = [&](const std::string& scope, std::int64_t expires_at) {
    stores::NewJob job = some_job();
    job.idempotency = {.scope = sha256(scope), .body = sha256("body"), .expires_at = expires_at};
    return job;
  };
  for (const auto& [scope, expires_at] :
       {std::pair{"a", 5000}, std::pair{"b", 4000}, std::pair{"c", 6000}}) {
    submit(keyed(scope, expires_at));
  }
  const auto first = run(jobs_.forget_keys(5000, 1)).value();
  EXPECT_EQ(first.count, 1U);
  EXPECT_TRUE(first.more);
  EXPECT_EQ(run(jobs_.forget_keys(5000, 10))->count, 1U);
  EXPECT_EQ(run(jobs_.forget_keys(5000, 10))->count, 0U);
  EXPECT_TRUE(submit(keyed("c", 6000)).replayed);
  EXPECT_FALSE(submit(keyed("a", 5000)).replayed);
}

TEST_P(JobContract, FindsTheJobThatAKeyHasMade) {
  stores::NewJob job = some_job();
  const stores::IdempotencyClaim claim{
      .scope = sha256("scope"), .body = sha256("body"), .expires_at = 5000};
  job.idempotency = claim;
  EXPECT_FALSE(run(jobs_.find_by_key(claim, 1000)).value());
  const auto submitted = submit(job);
  EXPECT_EQ(run(jobs_.find_by_key(claim, 1000)).value()->id, submitted.id);
  stores::IdempotencyClaim other = claim;
  other.body = sha256("other");
  EXPECT_EQ(run(jobs_.find_by_key(other, 1000)).error().kind, ErrorKind::Unprocessable);
  EXPECT_FALSE(run(jobs_.find_by_key(claim, 5000)).value()) << "its day is over";
}

TEST_P(JobContract, SaysThatTheJobOfAKeyIsNoLongerKept) {
  stores::NewJob job = some_job();
  job.idempotency = {.scope = sha256("scope"), .body = sha256("body"), .expires_at = 5000};
  ASSERT_TRUE(run(jobs_.finish(submit(job).seq, 0, success())));
  ASSERT_EQ(run(jobs_.forget("m", 9000, 10))->count, 1U);

  stores::NewJob again = some_job();
  again.idempotency = job.idempotency;
  EXPECT_EQ(run(jobs_.submit(again)).error().code, "idempotency_job_gone");
  EXPECT_EQ(run(jobs_.find_by_key(*job.idempotency, 1000)).error().kind, ErrorKind::Conflict);
}

TEST_P(JobContract, NumbersEventsWithoutGaps) {
  const auto submitted = submit(some_job());
  const std::int64_t fence = begin(submitted.seq);
  EXPECT_EQ(run(events_.append(submitted.seq, fence, {R"("a")", R"("b")"})).value(), 4);
  EXPECT_EQ(run(events_.append(submitted.seq, fence - 1, {R"("c")"})).error().kind,
            ErrorKind::Conflict);
  ASSERT_TRUE(run(jobs_.finish(submitted.seq, fence, success())));
  EXPECT_THAT(
      event_texts(events_, submitted.seq),
      ElementsAre(
          R"(1 status {"status":"queued","at":"1970-01-01T00:00:01.000Z"})",
          R"(2 status {"status":"running","attempt":1,"at":"1970-01-01T00:00:01.001Z"})",
          R"(3 delta "a")", R"(4 delta "b")",
          R"(5 status {"status":"succeeded","attempt":1,"at":"1970-01-01T00:00:02.000Z"})"));
  EXPECT_EQ(event_texts(events_, submitted.seq, 3).size(), 2U);
  EXPECT_EQ(event_texts(events_, submitted.seq, 1).size(), 4U);
  EXPECT_THAT(run(events_.read(submitted.seq, 0, 1)).value(),
              ElementsAre(::testing::Field(&model::JobEvent::n, 1)));
  EXPECT_EQ(run(events_.read(submitted.seq, 0, 3)).value().back().n, 3);
  EXPECT_TRUE(run(events_.read(submitted.seq, 0, 0)).value().empty());
  EXPECT_TRUE(run(events_.read(submitted.seq + 1, 0, 100)).value().empty()) << "no such job";
}

TEST_P(JobContract, KeepsABlobWhileSomebodyHoldsIt) {
  const std::string bytes("\0blob", 5);
  const Sha256 hash = run(blobs_.put(bytes)).value();
  EXPECT_EQ(hash, sha256(bytes));
  ASSERT_TRUE(run(blobs_.put(bytes)));
  ASSERT_TRUE(run(blobs_.release(hash)));
  EXPECT_EQ(run(blobs_.get(hash)).value(), bytes);
  ASSERT_TRUE(run(blobs_.release(hash)));
  EXPECT_EQ(run(blobs_.get(hash)).error().kind, ErrorKind::NotFound);
}

}  // namespace headgate::testing
