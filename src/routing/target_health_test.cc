#include "routing/target_health.h"

#include <vector>

#include <gtest/gtest.h>

namespace headgate::routing {
namespace {

using namespace std::chrono_literals;
using Kind = TargetHealth::Admission::Kind;
using Standing = TargetHealth::Standing;

constexpr SteadyTime kStart = SteadyTime(1000h);
const config::BreakerSettings kBreaker{.failures = 3, .open_for = 60s};

Outcome ended(CallResult result, std::chrono::nanoseconds latency = 10ms) {
  return {.result = result, .latency = latency, .first_token = {}, .retry_after = {}};
}

class Breaker : public ::testing::Test {
 protected:
  Kind call(CallResult result, SteadyTime now) {
    const auto admission = health_.begin(now);
    if (admission.kind != Kind::Refused) {
      health_.end(admission, ended(result), kBreaker, now);
    }
    return admission.kind;
  }
  void fail(int times, SteadyTime now) {
    for (int i = 0; i < times; ++i) {
      call(CallResult::ProviderFault, now);
    }
  }

  TargetHealth health_{"a", "t"};
};

TEST_F(Breaker, OpensAfterSoManyFaultsInARow) {
  fail(2, kStart);
  call(CallResult::Ok, kStart);
  fail(2, kStart);
  EXPECT_EQ(health_.standing(kStart), Standing::Closed);
  fail(1, kStart);
  EXPECT_EQ(health_.standing(kStart), Standing::Open);
  EXPECT_EQ(health_.open_until(), kStart + 60s);
  EXPECT_EQ(call(CallResult::Ok, kStart + 59s), Kind::Refused);
  const TargetView view = health_.view(kStart + 59s);
  EXPECT_EQ(view.cause, OpenCause::Failures);
  EXPECT_EQ(view.since, kStart);
  EXPECT_EQ(view.failed, 5U);
  EXPECT_EQ(view.opened, 1U);
}

TEST_F(Breaker, FaultsOfTheCallerAndOfKeysCountForNothing) {
  for (int i = 0; i < 100; ++i) {
    call(CallResult::CallerFault, kStart);
    call(CallResult::RateLimited, kStart);
    call(CallResult::BadKey, kStart);
    call(CallResult::Cancelled, kStart);
  }
  EXPECT_EQ(health_.standing(kStart), Standing::Closed);
}

TEST_F(Breaker, FaultsOfTheCallerDoNotHideThoseOfTheProvider) {
  for (int i = 0; i < 3; ++i) {
    call(CallResult::ProviderFault, kStart);
    call(CallResult::CallerFault, kStart);
  }
  EXPECT_EQ(health_.standing(kStart), Standing::Open);
}

TEST_F(Breaker, LetsExactlyOneProbeThrough) {
  fail(3, kStart);
  const SteadyTime due = kStart + 60s;
  EXPECT_EQ(health_.standing(due), Standing::ProbeDue);
  const auto probe = health_.begin(due);
  EXPECT_EQ(probe.kind, Kind::Probe);
  EXPECT_EQ(health_.standing(due), Standing::ProbeRuns);
  EXPECT_EQ(health_.begin(due).kind, Kind::Refused);
  health_.end(probe, ended(CallResult::Ok), kBreaker, due + 1s);
  EXPECT_EQ(health_.standing(due + 1s), Standing::Closed);
  EXPECT_EQ(health_.view(due).failures_in_row, 0U);
}

TEST_F(Breaker, AFailedProbeOpensItForAnotherPeriod) {
  fail(3, kStart);
  EXPECT_EQ(call(CallResult::ProviderFault, kStart + 60s), Kind::Probe);
  EXPECT_EQ(health_.standing(kStart + 119s), Standing::Open);
  EXPECT_EQ(health_.standing(kStart + 120s), Standing::ProbeDue);
  EXPECT_EQ(health_.view(kStart).opened, 1U) << "it was open all the time";
}

TEST_F(Breaker, AProbeThatProvesNothingMakesRoomForTheNext) {
  fail(3, kStart);
  for (const CallResult result :
       {CallResult::Cancelled, CallResult::CallerFault, CallResult::RateLimited}) {
    EXPECT_EQ(call(result, kStart + 60s), Kind::Probe);
    EXPECT_EQ(health_.standing(kStart + 60s), Standing::ProbeDue);
  }
  health_.abandon(health_.begin(kStart + 60s));
  EXPECT_EQ(health_.standing(kStart + 60s), Standing::ProbeDue);
  EXPECT_EQ(health_.in_flight(), 0U);
}

TEST_F(Breaker, AProbeHasSucceededWithItsFirstToken) {
  fail(3, kStart);
  auto probe = health_.begin(kStart + 60s);
  health_.answered(probe, 200ms, kStart + 60s);
  EXPECT_EQ(health_.standing(kStart + 60s), Standing::Closed);
  EXPECT_EQ(health_.in_flight(), 1U);
  health_.end(probe, ended(CallResult::Ok), kBreaker, kStart + 90s);
  EXPECT_EQ(health_.view(kStart + 90s).first_token.count() > 0, true);
}

TEST_F(Breaker, CallsOfBeforeAnOutageDoNotOpenItAfterwards) {
  std::vector<TargetHealth::Admission> slow;
  for (int i = 0; i < 10; ++i) {
    slow.push_back(health_.begin(kStart));
  }
  fail(3, kStart);
  EXPECT_EQ(call(CallResult::Ok, kStart + 60s), Kind::Probe);
  for (const auto& admission : slow) {
    health_.end(admission, ended(CallResult::ProviderFault), kBreaker, kStart + 61s);
  }
  EXPECT_EQ(health_.standing(kStart + 61s), Standing::Closed);
}

TEST_F(Breaker, HeldOpenStaysSoUntilClosedByHand) {
  const auto running = health_.begin(kStart);
  health_.hold_open(kStart);
  EXPECT_EQ(health_.standing(kStart + 10'000h), Standing::Open);
  health_.seen_alive(kStart + 1h);
  health_.end(running, ended(CallResult::Ok), kBreaker, kStart + 1h);
  EXPECT_EQ(health_.standing(kStart + 10'000h), Standing::Open);
  EXPECT_EQ(health_.view(kStart).cause, OpenCause::ByHand);
  health_.close(kStart + 1h);
  EXPECT_EQ(call(CallResult::Ok, kStart + 1h), Kind::Granted);
}

TEST_F(Breaker, AProbeOfBeforeDecidesNothingAfterAHandWasLaidOn) {
  fail(3, kStart);
  const auto probe = health_.begin(kStart + 60s);
  health_.hold_open(kStart + 60s);
  health_.end(probe, ended(CallResult::Ok), kBreaker, kStart + 61s);
  EXPECT_EQ(health_.standing(kStart + 61s), Standing::Open);
}

TEST_F(Breaker, AHealthCheckBringsTheProbeForward) {
  fail(3, kStart);
  health_.seen_alive(kStart + 2s);
  EXPECT_EQ(health_.standing(kStart + 2s), Standing::ProbeDue);
  EXPECT_EQ(call(CallResult::Ok, kStart + 2s), Kind::Probe);
  EXPECT_EQ(health_.standing(kStart + 2s), Standing::Closed);
}

TEST_F(Breaker, HealthChecksThatProbesDoNotConfirmAreBelievedLessAndLess) {
  fail(3, kStart);
  int probes = 0;
  for (int second = 0; second < 59; ++second) {
    health_.seen_alive(kStart + std::chrono::seconds(second));
    probes += call(CallResult::ProviderFault, kStart + std::chrono::seconds(second)) == Kind::Probe;
  }
  EXPECT_GE(probes, 4);
  EXPECT_LE(probes, 7);
}

TEST_F(Breaker, OnlyAClosedOneIsEjected) {
  EXPECT_TRUE(health_.eject(30s, kStart));
  EXPECT_EQ(health_.view(kStart).cause, OpenCause::Outlier);
  EXPECT_EQ(health_.open_until(), kStart + 30s);
  EXPECT_FALSE(health_.eject(60s, kStart));
}

TEST(TargetHealth, IsSilentWhenSeveralWaitFarLongerThanUsual) {
  TargetHealth health("a", "t");
  const auto known = health.begin(kStart);
  health.end(known, ended(CallResult::Ok, 400ms), kBreaker, kStart);
  std::vector<TargetHealth::Admission> calls;
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(health.silent(kStart + 1h)) << "too few wait";
    calls.push_back(health.begin(kStart + 1s));
  }
  EXPECT_FALSE(health.silent(kStart + 2600ms));
  EXPECT_TRUE(health.silent(kStart + 2601ms)) << "four times the usual";
  health.answered(calls[0], 1s, kStart + 3s);
  EXPECT_FALSE(health.silent(kStart + 1h)) << "one has its first token, however long it goes on";
  calls.push_back(health.begin(kStart + 4s));
  EXPECT_FALSE(health.silent(kStart + 4600ms)) << "heard a moment ago";
  EXPECT_TRUE(health.silent(kStart + 4601ms));
  health.end(calls[0], ended(CallResult::Ok, 400ms), kBreaker, kStart + 5s);
  EXPECT_FALSE(health.silent(kStart + 5s));
  for (std::size_t i = 1; i < calls.size(); ++i) {
    health.abandon(calls[i]);
  }
  EXPECT_EQ(health.in_flight(), 0U);
  EXPECT_FALSE(health.silent(kStart + 1h));
}

TEST(TargetHealth, ThatAnswersOthersIsNotBlamedForWhatTakesLong) {
  TargetHealth health("a", "t");
  Outcome silent = ended(CallResult::ProviderFault, 30s);
  silent.silent = true;
  for (int i = 0; i < 5; ++i) {
    const auto slow = health.begin(kStart);
    const auto quick = health.begin(kStart + 10s);
    health.end(quick, ended(CallResult::Ok), kBreaker, kStart + 20s);
    health.end(slow, silent, kBreaker, kStart + 30s);
  }
  EXPECT_EQ(health.standing(kStart + 30s), Standing::Closed);
  for (int i = 0; i < 3; ++i) {
    const auto alone = health.begin(kStart + 60s);
    health.end(alone, silent, kBreaker, kStart + 90s);
  }
  EXPECT_EQ(health.standing(kStart + 90s), Standing::Open) << "nothing else was heard";
}

TEST(TargetHealth, OfAnUnknownSpeedIsSilentOnlyAfterLong) {
  TargetHealth health("a", "t");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(health.begin(kStart).kind, Kind::Granted);
  }
  EXPECT_FALSE(health.silent(kStart + 10s));
  EXPECT_TRUE(health.silent(kStart + 11s));
}

TEST(TargetHealth, LatencyRisesAtOnceAndSinksSlowly) {
  TargetHealth health("a", "t");
  EXPECT_EQ(health.latency(kStart), 30ms);
  const auto call = [&](std::chrono::nanoseconds latency, SteadyTime now) {
    health.end(health.begin(now), ended(CallResult::Ok, latency), kBreaker, now);
  };
  call(100ms, kStart);
  EXPECT_EQ(health.latency(kStart), 100ms);
  call(900ms, kStart + 1s);
  EXPECT_EQ(health.latency(kStart + 1s), 900ms);
  call(100ms, kStart + 2s);
  EXPECT_NEAR(static_cast<double>(health.latency(kStart + 2s) / 1ms), 823, 5);
  EXPECT_LT(health.latency(kStart + 60s), 10ms) << "fades, so that it is tried again";
}

TEST(TargetHealth, AQuickFaultDoesNotMakeATargetQuick) {
  TargetHealth health("a", "t");
  health.end(health.begin(kStart), ended(CallResult::Ok, 500ms), kBreaker, kStart);
  health.end(health.begin(kStart), ended(CallResult::ProviderFault, 1ms), kBreaker, kStart);
  EXPECT_EQ(health.latency(kStart), 500ms);
  health.end(health.begin(kStart), ended(CallResult::ProviderFault, 30s), kBreaker, kStart);
  EXPECT_EQ(health.latency(kStart), 30s);
}

TEST(TargetHealth, TellsThe95thPercentileWithinAnEighth) {
  TargetHealth health("a", "t");
  for (int i = 1; i <= 19; ++i) {
    health.end(health.begin(kStart), ended(CallResult::Ok), kBreaker, kStart);
  }
  EXPECT_FALSE(health.p95());
  for (int round = 0; round < 20; ++round) {
    for (int i = 1; i <= 100; ++i) {
      health.end(health.begin(kStart), ended(CallResult::Ok, i * 10ms), kBreaker, kStart);
    }
  }
  ASSERT_TRUE(health.p95());
  EXPECT_NEAR(static_cast<double>(*health.p95() / 1ms), 950, 950 / 8);
}

TEST(TargetHealth, CountsFaultsOfTheLastHalfMinute) {
  TargetHealth health("a", "t");
  const config::BreakerSettings never{.failures = 0, .open_for = 60s};
  health.end(health.begin(kStart), ended(CallResult::ProviderFault), never, kStart);
  health.end(health.begin(kStart), ended(CallResult::Ok), never, kStart + 10s);
  EXPECT_EQ(health.recent(kStart + 20s).calls, 2U);
  EXPECT_EQ(health.recent(kStart + 20s).faults, 1U);
  EXPECT_EQ(health.recent(kStart + 36s).calls, 1U);
  EXPECT_EQ(health.recent(kStart + 60s).calls, 0U);
}

}  // namespace
}  // namespace headgate::routing
