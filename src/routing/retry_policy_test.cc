#include "routing/retry_policy.h"

#include <gtest/gtest.h>

#include "upstream/failure.h"

namespace headgate::routing {
namespace {

using namespace std::chrono_literals;
using Kind = NextStep::Kind;

constexpr SteadyTime kStart = SteadyTime(1000h);

class Retries : public ::testing::Test {
 protected:
  Retries() {
    for (int i = 0; i < 1000; ++i) {
      budget_.request(kStart);
    }
  }
  NextStep decide(const FailedAttempt& failed) {
    return next_step(retry_, failed, budget_, random_, kStart);
  }

  config::RetrySettings retry_;
  RetryBudget budget_;
  Random random_{7};
};

Error error_of(ErrorKind kind, std::string code = {}) {
  Error error;
  error.kind = kind;
  error.origin = Origin::Upstream;
  error.code = std::move(code);
  return error;
}

TEST(Trouble, IsReadFromTheErrorAndTheStatus) {
  const auto permanent = [](ErrorKind kind) {
    Error error = error_of(kind);
    error.permanent = true;
    return error;
  };
  using upstream::FailurePhase;
  EXPECT_EQ(trouble_of(error_of(ErrorKind::InvalidRequest), 400), Trouble::CallersFault);
  EXPECT_EQ(trouble_of(error_of(ErrorKind::Unprocessable), 422), Trouble::CallersFault);
  EXPECT_EQ(trouble_of(invalid_request("cannot be expressed"), 0), Trouble::Inexpressible);
  EXPECT_EQ(trouble_of(error_of(ErrorKind::TooLarge), 413), Trouble::CallersFault);
  EXPECT_EQ(trouble_of(error_of(ErrorKind::NotFound), 404), Trouble::Misfit);
  EXPECT_EQ(trouble_of(error_of(ErrorKind::Forbidden), 403), Trouble::Misfit);
  EXPECT_EQ(trouble_of(error_of(ErrorKind::RequestTimeout), 408), Trouble::Broken);
  EXPECT_EQ(trouble_of(error_of(ErrorKind::InvalidRequest, "context_length_exceeded"), 400),
            Trouble::ContextLength);
  EXPECT_EQ(trouble_of(error_of(ErrorKind::InvalidRequest, "content_policy_violation"), 400),
            Trouble::ContentPolicy);
  EXPECT_EQ(trouble_of(permanent(ErrorKind::UpstreamFailed), 401), Trouble::Key);
  EXPECT_EQ(trouble_of(permanent(ErrorKind::UpstreamFailed), 403), Trouble::Misfit);
  EXPECT_EQ(trouble_of(permanent(ErrorKind::UpstreamFailed), 404), Trouble::Misfit);
  Error account = permanent(ErrorKind::UpstreamFailed);
  account.code = kAccountRefused;
  EXPECT_EQ(trouble_of(account, 400), Trouble::Key);
  Error unusable = error_of(ErrorKind::UpstreamFailed);
  unusable.code = kUnusableAnswer;
  EXPECT_EQ(trouble_of(unusable, 200), Trouble::ModelsFault);
  EXPECT_EQ(trouble_of(error_of(ErrorKind::UpstreamFailed), 429), Trouble::Key)
      << "the account is used up";
  EXPECT_EQ(trouble_of(error_of(ErrorKind::RateLimited), 429), Trouble::RateLimit);
  EXPECT_EQ(trouble_of(error_of(ErrorKind::UpstreamFailed), 500), Trouble::Broken);
  EXPECT_EQ(trouble_of(error_of(ErrorKind::Overloaded), 503), Trouble::Broken);
  EXPECT_EQ(trouble_of(upstream::failure(FailurePhase::Connect, ""), 0), Trouble::Unreachable);
  EXPECT_EQ(trouble_of(upstream::failure(FailurePhase::ConnectTimeout, ""), 0),
            Trouble::Unreachable);
  EXPECT_EQ(trouble_of(upstream::failure(FailurePhase::Reset, ""), 0), Trouble::Broken);
  EXPECT_EQ(trouble_of(upstream::failure(FailurePhase::Truncated, ""), 200), Trouble::Broken);
  EXPECT_EQ(trouble_of(upstream::failure(FailurePhase::FirstByteTimeout, ""), 0), Trouble::Silent);
  EXPECT_EQ(trouble_of(upstream::failure(FailurePhase::IdleTimeout, ""), 200), Trouble::Silent);
  EXPECT_EQ(trouble_of(timed_out("no first token"), 200), Trouble::Silent);
  EXPECT_EQ(trouble_of(upstream::failure(FailurePhase::TotalTimeout, ""), 0),
            Trouble::DeadlineOver);
  EXPECT_EQ(trouble_of(client_left(), 0), Trouble::Ours);
  EXPECT_EQ(trouble_of(internal_error("store"), 0), Trouble::Ours);
}

TEST(Trouble, OnlyTheProvidersOwnCountsAgainstIt) {
  EXPECT_EQ(result_of(Trouble::CallersFault), CallResult::CallerFault);
  EXPECT_EQ(result_of(Trouble::ContextLength), CallResult::CallerFault);
  EXPECT_EQ(result_of(Trouble::Misfit), CallResult::CallerFault);
  EXPECT_EQ(result_of(Trouble::ModelsFault), CallResult::CallerFault);
  EXPECT_EQ(result_of(Trouble::Key), CallResult::BadKey);
  EXPECT_EQ(result_of(Trouble::RateLimit), CallResult::RateLimited);
  EXPECT_EQ(result_of(Trouble::Broken), CallResult::ProviderFault);
  EXPECT_EQ(result_of(Trouble::Silent), CallResult::ProviderFault);
  EXPECT_EQ(result_of(Trouble::Ours), CallResult::Cancelled);
  EXPECT_EQ(result_of(Trouble::DeadlineOver), CallResult::Cancelled);
}

TEST_F(Retries, WhatIsBrokenIsTriedAgainAfterAFullyJitteredWait) {
  for (unsigned attempt = 1; attempt < 10; ++attempt) {
    retry_.max_attempts = 10;
    const auto longest = std::min(500ms * (1 << (attempt - 1)), 8000ms);
    std::chrono::milliseconds least = 1h;
    std::chrono::milliseconds most = 0ms;
    for (int i = 0; i < 20; ++i) {
      const NextStep step = decide({.attempts_on_target = attempt});
      ASSERT_EQ(step.kind, Kind::RetrySame);
      least = std::min(least, step.delay);
      most = std::max(most, step.delay);
    }
    EXPECT_LE(most, longest);
    EXPECT_GT(most, longest / 2);
    EXPECT_LT(least, longest / 2);
  }
}

TEST_F(Retries, ATargetThatHadItsAttemptsGivesWayToTheNext) {
  EXPECT_EQ(decide({.attempts_on_target = 3, .other_target = true}).kind, Kind::NextTarget);
  EXPECT_EQ(decide({.attempts_on_target = 3}).kind, Kind::GiveUp);
}

TEST_F(Retries, WhatTheCallerMustChangeIsGivenBack) {
  for (const Trouble trouble :
       {Trouble::CallersFault, Trouble::ContentPolicy, Trouble::Ours, Trouble::DeadlineOver}) {
    EXPECT_EQ(decide({.trouble = trouble, .other_target = true, .other_key = true}).kind,
              Kind::GiveUp);
  }
}

TEST_F(Retries, ALengthRefusalGoesOnlyToALargerWindow) {
  EXPECT_EQ(decide({.trouble = Trouble::ContextLength, .other_target = true}).kind, Kind::GiveUp);
  EXPECT_EQ(
      decide({.trouble = Trouble::ContextLength, .other_target = true, .larger_target = true}).kind,
      Kind::LargerTarget);
}

TEST_F(Retries, WhatOneVendorCannotExpressAnotherMay) {
  EXPECT_EQ(decide({.trouble = Trouble::Inexpressible, .other_target = true}).kind,
            Kind::NextTarget);
  EXPECT_EQ(decide({.trouble = Trouble::Inexpressible}).kind, Kind::GiveUp);
  EXPECT_EQ(result_of(Trouble::Inexpressible), CallResult::Cancelled);
}

TEST_F(Retries, ASilentTargetIsNeverAskedAgain) {
  EXPECT_EQ(decide({.trouble = Trouble::Silent, .other_target = true}).kind, Kind::NextTarget);
  EXPECT_EQ(decide({.trouble = Trouble::Silent}).kind, Kind::GiveUp);
}

TEST_F(Retries, AnUnreachableTargetIsLeftForAnotherAtOnce) {
  EXPECT_EQ(decide({.trouble = Trouble::Unreachable, .other_target = true}).kind, Kind::NextTarget);
  EXPECT_EQ(decide({.trouble = Trouble::Unreachable}).kind, Kind::RetrySame);
}

TEST_F(Retries, AnotherKeyIsTriedWithoutAWait) {
  for (const Trouble trouble : {Trouble::Key, Trouble::RateLimit}) {
    const NextStep step = decide({.trouble = trouble, .retry_after = 30s, .other_key = true});
    EXPECT_EQ(step.kind, Kind::RetrySame);
    EXPECT_EQ(step.delay, 0ms);
    EXPECT_EQ(decide({.trouble = trouble, .other_target = true}).kind, Kind::NextTarget);
  }
  EXPECT_EQ(decide({.trouble = Trouble::Key}).kind, Kind::GiveUp);
}

TEST_F(Retries, RetryAfterIsWaitedExactly) {
  for (const Trouble trouble : {Trouble::RateLimit, Trouble::Broken}) {
    const NextStep step = decide(
        {.trouble = trouble, .retry_after = 7123ms, .usable_at = kStart, .deadline = kStart + 8s});
    EXPECT_EQ(step.kind, Kind::RetrySame);
    EXPECT_EQ(step.delay, 7123ms);
  }
}

TEST_F(Retries, AWaitBeyondTheDeadlineOrTheBoundIsNotBegun) {
  EXPECT_EQ(
      decide({.trouble = Trouble::RateLimit, .retry_after = 8s, .deadline = kStart + 8s}).kind,
      Kind::GiveUp);
  EXPECT_EQ(decide({.trouble = Trouble::RateLimit, .retry_after = 32s}).kind, Kind::RetrySame);
  EXPECT_EQ(decide({.trouble = Trouble::RateLimit, .retry_after = 33s}).kind, Kind::GiveUp);
  EXPECT_EQ(decide({.trouble = Trouble::Broken, .retry_after = 1s, .other_target = true}).kind,
            Kind::NextTarget);
}

TEST_F(Retries, ATargetThatRestsIsWaitedForUntilItIsUsable) {
  const NextStep step = decide({.trouble = Trouble::RateLimit, .usable_at = kStart + 2s});
  EXPECT_EQ(step.kind, Kind::RetrySame);
  EXPECT_EQ(step.delay, 2s);
  EXPECT_EQ(decide({.usable_at = kStart + 60s}).kind, Kind::GiveUp) << "its breaker has opened";
  EXPECT_EQ(decide({.other_target = true, .usable_at = kStart + 60s}).kind, Kind::NextTarget);
  EXPECT_EQ(decide({.usable_at = SteadyTime::max()}).kind, Kind::GiveUp);
}

TEST_F(Retries, NothingFollowsWhatTheClientAlreadyHasUnlessItCanGoOn) {
  EXPECT_EQ(decide({.delivered = Delivered::Fixed, .other_target = true}).kind, Kind::GiveUp);
  EXPECT_EQ(decide({.delivered = Delivered::Resumable, .other_target = true}).kind,
            Kind::RetrySame);
}

TEST_F(Retries, NothingFollowsTheDeadline) {
  EXPECT_EQ(decide({.other_target = true, .deadline = kStart}).kind, Kind::GiveUp);
}

TEST_F(Retries, WithoutBudgetOnlyOtherTargetsAreAsked) {
  retry_.budget = 0;
  retry_.budget_per_second = 0;
  EXPECT_EQ(decide({.other_target = true}).kind, Kind::NextTarget);
  const NextStep step = decide({});
  EXPECT_EQ(step.kind, Kind::GiveUp);
  EXPECT_TRUE(step.budget_spent);
}

}  // namespace
}  // namespace headgate::routing
