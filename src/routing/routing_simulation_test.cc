// A million steps of requests against targets that fail, slow down, limit and recover, with every
// promise of the router checked on the way against books of the simulation's own.

#include <array>
#include <deque>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "routing/routing_fixture.h"

namespace headgate::routing {
namespace {

using namespace std::chrono_literals;
using fixture::kStart;

constexpr std::size_t kTargets = 4;
constexpr int kSteps = 170'000;  ///< of each of six strategies
constexpr std::size_t kMostRunning = 60;
constexpr std::uint64_t kPerMinute = 4'000;
constexpr auto kOpenFor = 5s;

/// What a target really is like, which the router can only find out.
enum class Mood : std::uint8_t { Well, Slow, Flaky, Down, Limiting };

class Simulation {
 public:
  Simulation(const std::string& strategy, std::uint64_t seed)
      : random_(seed), world_(settings(strategy), seed) {}

  void run(int steps) {
    for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
      now_ += std::chrono::microseconds(random_.below(10'000));
      if (random_.below(2'000) == 0) {
        moods_[random_.below(kTargets)] = static_cast<Mood>(random_.below(5));
      }
      if (random_.below(400) == 0) {
        const std::size_t target = random_.below(kTargets);
        if (moods_[target] == Mood::Well || moods_[target] == Mood::Slow) {
          world_.target(target).seen_alive(now_);
        }
      }
      act();
      check_counts();
    }
  }

  /// All are well: after the last breaker's and key's time, everybody gets calls again.
  std::map<std::string, int> calm_firsts(int requests) {
    moods_ = {};
    waiting_.clear();
    while (!running_.empty()) {
      end(running_.begin());
    }
    for (int i = 0; i < 5'000; ++i) {
      now_ += 20ms;
      settle_one();
    }
    firsts_.clear();
    for (int i = 0; i < requests; ++i) {
      now_ += 20ms;
      settle_one();
    }
    return firsts_;
  }

  int requests() const { return requests_; }
  int errors_though_one_was_well() const { return errors_though_one_was_well_; }
  int probes() const { return probes_; }
  int retries() const { return retries_; }
  const std::map<std::string, int>& calls_while_down() const { return calls_while_down_; }

 private:
  struct Request {
    Plan plan;
    std::vector<unsigned> attempts;  ///< of each candidate
    std::size_t current = 0;
    SteadyTime deadline;
  };
  struct Running {
    Request request;
    Lease lease;
    SteadyTime began;
  };

  static config::Settings settings(const std::string& strategy) {
    config::Settings made = fixture::settings_of(kTargets, strategy);
    for (std::size_t i = 0; i < kTargets; ++i) {
      config::ProviderSettings& provider = made.providers[i];
      provider.api_keys = {config::Secret(provider.name + "-key-1"),
                           config::Secret(provider.name + "-key-2")};
      provider.requests_per_minute = kPerMinute;
      made.models[0].targets[i].weight = static_cast<double>(i + 1);
    }
    made.models[0].breaker = {.failures = 5, .open_for = kOpenFor};
    return made;
  }

  std::size_t index_of(const Request& request) const {
    return request.plan.candidates[request.current].target;
  }

  void act() {
    if (!waiting_.empty() && waiting_.begin()->first <= now_) {
      Request request = std::move(waiting_.begin()->second);
      waiting_.erase(waiting_.begin());
      begin_from(std::move(request));
      return;
    }
    if (running_.size() < kMostRunning && random_.below(2) == 0) {
      arrive();
    } else if (!running_.empty()) {
      auto chosen = running_.begin();
      std::advance(chosen, static_cast<std::ptrdiff_t>(random_.below(running_.size())));
      end(chosen);
    }
  }

  void settle_one() {
    arrive();
    while (!running_.empty()) {
      end(running_.begin());
    }
  }

  void arrive() {
    ++requests_;
    const std::string user = "user-" + std::to_string(random_.below(500));
    PrefixHasher hasher;
    hasher.add("user", user);
    Ask ask = world_.ask();
    ask.user = user;
    ask.prefixes = hasher.prefixes();
    Request request{.plan = world_.router.plan(ask, *world_.catalog, now_),
                    .attempts = {},
                    .current = 0,
                    .deadline = now_ + 60s};
    note_second(seconds_[second()].first);
    check_plan(request.plan);
    request.attempts.resize(request.plan.candidates.size());
    if (request.plan.candidates.empty()) {
      return;
    }
    ++firsts_[request.plan.target_of(request.plan.candidates[0]).provider];
    begin_from(std::move(request));
  }

  /// Calls the current candidate, or the next that lets itself be called.
  void begin_from(Request request) {
    for (; request.current < request.plan.candidates.size(); ++request.current) {
      const std::size_t target = index_of(request);
      const auto standing = world_.target(target).standing(now_);
      Lease lease =
          world_.router.begin(request.plan, request.plan.candidates[request.current], now_);
      if (!lease) {
        continue;
      }
      ASSERT_NE(standing, TargetHealth::Standing::Open) << "a call of an open target";
      ASSERT_FALSE(closed_to_[target] > now_ && !lease.is_probe()) << "a call of an open target";
      check_key(target, lease.key());
      if (lease.is_probe()) {
        ++probes_;
        ASSERT_TRUE(probing_.insert(target).second) << "a second probe";
      }
      if (moods_[target] == Mood::Down) {
        ++calls_while_down_[lease.target().provider];
      }
      ++request.attempts[request.current];
      ++in_flight_[target];
      running_.push_back({std::move(request), std::move(lease), now_});
      return;
    }
  }

  void check_plan(const Plan& plan) const {
    std::set<std::size_t> seen;
    for (const Candidate candidate : plan.candidates) {
      ASSERT_TRUE(seen.insert(candidate.target).second);
      const auto standing = world_.target(candidate.target).standing(now_);
      ASSERT_NE(standing, TargetHealth::Standing::Open);
      ASSERT_NE(standing, TargetHealth::Standing::ProbeRuns);
    }
    ASSERT_EQ(plan.candidates.size() + plan.left_out.size(), kTargets);
  }

  void check_key(std::size_t target, std::size_t key) {
    const auto found = rests_.find({target, key});
    ASSERT_TRUE(found == rests_.end() || found->second <= now_) << "a key used while it rests";
    std::deque<SteadyTime>& uses = uses_[{target, key}];
    while (!uses.empty() && uses.front() <= now_ - 60s) {
      uses.pop_front();
    }
    uses.push_back(now_);
    ASSERT_LE(uses.size(), kPerMinute) << "a declared rate was passed";
  }

  Outcome outcome_in(Mood mood) {
    const auto made = [](CallResult result, std::chrono::milliseconds latency) {
      return Outcome{.result = result, .latency = latency, .first_token = {}, .retry_after = {}};
    };
    switch (mood) {
      case Mood::Well:
        return made(random_.below(50) == 0 ? CallResult::CallerFault : CallResult::Ok, 50ms);
      case Mood::Slow:
        return made(CallResult::Ok, 3s);
      case Mood::Flaky:
        return made(random_.below(3) == 0 ? CallResult::Ok : CallResult::ProviderFault, 100ms);
      case Mood::Down:
        return made(CallResult::ProviderFault, 5ms);
      case Mood::Limiting: {
        Outcome limited = made(CallResult::RateLimited, 5ms);
        limited.retry_after = std::chrono::milliseconds(random_.below(3'000));
        return limited;
      }
    }
    return {};
  }

  void end(std::deque<Running>::iterator chosen) {
    Running running = std::move(*chosen);
    running_.erase(chosen);
    const std::size_t target = index_of(running.request);
    const std::size_t key = running.lease.key();
    if (random_.below(100) == 0) {
      forget(target, running.lease.is_probe());
      running.lease = {};  // the client left
      return;
    }
    const Outcome outcome = outcome_in(moods_[target]);
    const bool was_probe = running.lease.is_probe();
    const bool was_closed = world_.target(target).standing(now_) == TargetHealth::Standing::Closed;
    world_.router.ended(std::move(running.lease), outcome, now_);
    forget(target, was_probe);
    if (outcome.result == CallResult::RateLimited) {
      SteadyTime& until = rests_[{target, key}];
      until = std::max(until, now_ + *outcome.retry_after);
    }
    note_breaker(target, was_closed);
    if (outcome.result != CallResult::Ok && outcome.result != CallResult::CallerFault) {
      failed(std::move(running.request), outcome, key);
    }
  }

  void forget(std::size_t target, bool was_probe) {
    --in_flight_[target];
    if (was_probe) {
      probing_.erase(target);
    }
  }

  void note_breaker(std::size_t target, bool was_closed) {
    const auto standing = world_.target(target).standing(now_);
    if (was_closed && standing == TargetHealth::Standing::Open) {
      closed_to_[target] = world_.target(target).open_until();
      ASSERT_EQ(closed_to_[target], now_ + kOpenFor);
    } else if (standing == TargetHealth::Standing::Closed) {
      closed_to_[target] = {};
    }
  }

  void failed(Request request, const Outcome& outcome, std::size_t key) {
    const Target& target = request.plan.target_of(request.plan.candidates[request.current]);
    FailedAttempt attempt;
    attempt.trouble =
        outcome.result == CallResult::RateLimited ? Trouble::RateLimit : Trouble::Broken;
    attempt.retry_after = outcome.retry_after;
    attempt.attempts_on_target = request.attempts[request.current];
    attempt.other_target = request.current + 1 < request.plan.candidates.size();
    attempt.other_key = world_.router.other_key(target, key, now_);
    attempt.usable_at = world_.router.usable_at(target, now_);
    attempt.deadline = request.deadline;
    const NextStep step =
        world_.router.after(request.plan, request.plan.candidates[request.current], attempt, now_);
    switch (step.kind) {
      case NextStep::Kind::RetrySame:
        ++retries_;
        note_second(seconds_[second()].second);
        check_budget();
        ASSERT_LT(now_ + step.delay, request.deadline);
        if (outcome.retry_after && !attempt.other_key) {
          ASSERT_GE(step.delay, *outcome.retry_after);
        }
        waiting_.emplace(now_ + step.delay, std::move(request));
        return;
      case NextStep::Kind::NextTarget:
        ASSERT_TRUE(attempt.other_target);
        ++request.current;
        begin_from(std::move(request));
        return;
      case NextStep::Kind::LargerTarget:
        FAIL() << "nothing was too long";
      case NextStep::Kind::GiveUp:
        if (moods_[kTargets - 1] == Mood::Well && attempt.other_target) {
          ++errors_though_one_was_well_;
        }
        return;
    }
  }

  std::int64_t second() const {
    return std::chrono::floor<std::chrono::seconds>(now_.time_since_epoch()).count();
  }
  static void note_second(int& count) { ++count; }

  void check_budget() {
    while (seconds_.begin()->first <= second() - RetryBudget::kSeconds) {
      seconds_.erase(seconds_.begin());
    }
    int requests = 0;
    int retries = 0;
    for (const auto& [at, counts] : seconds_) {
      requests += counts.first;
      retries += counts.second;
    }
    ASSERT_LE(retries, 0.2 * requests + 100) << "the budget was passed";
  }

  void check_counts() const {
    for (std::size_t i = 0; i < kTargets; ++i) {
      ASSERT_EQ(world_.target(i).in_flight(), in_flight_[i]);
    }
  }

  Random random_;
  fixture::World world_;
  SteadyTime now_ = kStart;
  std::array<Mood, kTargets> moods_{};
  std::deque<Running> running_;
  std::multimap<SteadyTime, Request> waiting_;

  // The simulation's own books.
  std::array<std::uint32_t, kTargets> in_flight_{};
  std::array<SteadyTime, kTargets> closed_to_{};
  std::set<std::size_t> probing_;
  std::map<std::pair<std::size_t, std::size_t>, SteadyTime> rests_;
  std::map<std::pair<std::size_t, std::size_t>, std::deque<SteadyTime>> uses_;
  std::map<std::int64_t, std::pair<int, int>> seconds_;  ///< requests, retries
  std::map<std::string, int> firsts_;
  std::map<std::string, int> calls_while_down_;
  int requests_ = 0;
  int probes_ = 0;
  int retries_ = 0;
  int errors_though_one_was_well_ = 0;
};

class RoutingSimulation : public ::testing::TestWithParam<std::string> {};

TEST_P(RoutingSimulation, KeepsItsPromises) {
  Simulation simulation(GetParam(), 20260115);
  simulation.run(kSteps);
  ASSERT_FALSE(HasFailure());
  EXPECT_GT(simulation.requests(), kSteps / 4);
  EXPECT_GT(simulation.probes(), 20) << "breakers opened and closed";
  EXPECT_GT(simulation.retries(), 100);
  EXPECT_EQ(simulation.errors_though_one_was_well(), 0);
}

INSTANTIATE_TEST_SUITE_P(Strategies, RoutingSimulation,
                         ::testing::Values("ordered", "round_robin", "weighted", "latency",
                                           "sticky", "prefix"));

TEST(RoutingSimulationCalm, NoTargetThatIsWellAgainStarves) {
  for (const char* strategy : {"round_robin", "weighted", "least_loaded", "latency", "sticky"}) {
    Simulation simulation(strategy, 7);
    simulation.run(kSteps / 10);
    const auto firsts = simulation.calm_firsts(2'000);
    for (const char* provider : {"a", "b", "c", "d"}) {
      EXPECT_TRUE(firsts.contains(provider)) << strategy << " starves " << provider;
    }
  }
}

TEST(RoutingSimulationCalm, WeightsAreKept) {
  Simulation simulation("weighted", 11);
  simulation.run(kSteps / 10);
  const auto firsts = simulation.calm_firsts(1'000);
  EXPECT_NEAR(firsts.at("a"), 100, 3);
  EXPECT_NEAR(firsts.at("b"), 200, 3);
  EXPECT_NEAR(firsts.at("c"), 300, 3);
  EXPECT_NEAR(firsts.at("d"), 400, 3);
}

}  // namespace
}  // namespace headgate::routing
