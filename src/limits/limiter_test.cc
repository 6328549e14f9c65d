#include "limits/limiter.h"

#include <array>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/fake_clock.h"

namespace headgate::limits {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr SteadyTime kStart{1000s};

model::Principal principal(std::string id, std::string tier = "default") {
  model::Principal made;
  made.id = std::move(id);
  made.tier = std::move(tier);
  return made;
}

Limiter::Tiers tiers() {
  return {{"default", {.per_minute = 60, .burst = 10}},
          {"free", {.per_minute = 10, .per_hour = 15, .concurrent = 2}},
          {"parallel", {.concurrent = 2}},
          {"window", {.per_window = 3, .window = 5s}},
          {"open", {}}};
}

/// Admits until refused, keeping nothing; the number of requests let in.
int let_in(Limiter& limiter, const model::Principal& who, SteadyTime now, int tries) {
  int passed = 0;
  for (int i = 0; i < tries; ++i) {
    passed += limiter.admit({who}, now) ? 1 : 0;
  }
  return passed;
}

TEST(Limiter, TheMinuteAndTheHourBothCount) {
  Limiter limiter(tiers());
  const auto who = principal("key:a", "free");
  EXPECT_EQ(let_in(limiter, who, kStart, 50), 10);
  EXPECT_EQ(let_in(limiter, who, kStart + 1min, 50), 5) << "15 an hour";

  auto refused = limiter.admit({who}, kStart + 1min);

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::RateLimited);
  EXPECT_EQ(refused.error().details_json,
            R"({"limit":"requests_per_hour","value":15,"tier":"free"})");
  EXPECT_EQ(refused.error().retry_after, 120s) << "three minutes, but SDKs give up beyond two";
  EXPECT_THAT(refused.error().message, HasSubstr("15 requests an hour; try again in 3m0s"));
}

TEST(Limiter, ARefusalTakesNothingFromTheOtherLimits) {
  Limiter limiter({{"t", {.per_minute = 1, .per_hour = 3, .concurrent = 1}}});
  const auto who = principal("key:a", "t");
  int passed = 0;
  for (int minute = 0; minute < 3; ++minute) {
    passed += let_in(limiter, who, kStart + minute * 1min, 20);  // 19 of 20 refused by the minute
  }
  EXPECT_EQ(passed, 3) << "the refused ones must not have used up the hour or the slot";
}

TEST(Limiter, PermitsHoldTheirSlotUntilTheyDie) {
  Limiter limiter(tiers());
  const auto who = principal("key:a", "parallel");
  auto first = limiter.admit({who}, kStart);
  auto second = limiter.admit({who}, kStart);
  ASSERT_TRUE(first && second);

  auto third = limiter.admit({who}, kStart);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().details_json,
            R"({"limit":"concurrent_requests","value":2,"tier":"parallel"})");
  EXPECT_EQ(third.error().retry_after, 1s);

  Permit moved = std::move(*first);
  EXPECT_FALSE(limiter.admit({who}, kStart)) << "moving a permit gives nothing back";
  moved = Permit();
  EXPECT_TRUE(limiter.admit({who}, kStart));
}

TEST(Limiter, ExactlyTheAllowedNumberRunsHoweverManyThreadsAsk) {
  Limiter limiter({{"t", {.per_minute = 1000, .per_hour = 500, .concurrent = 300}}});
  const auto who = principal("key:a", "t");
  std::vector<std::vector<Permit>> held(8);
  std::vector<std::thread> threads;
  threads.reserve(held.size());
  for (auto& mine : held) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        if (auto permit = limiter.admit({who}, kStart)) {
          mine.push_back(std::move(*permit));
        }
      }
    });
  }
  std::size_t running = 0;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    threads[i].join();
    running += held[i].size();
  }
  EXPECT_EQ(running, 300U);
  held.clear();
  EXPECT_EQ(let_in(limiter, who, kStart, 1000), 200) << "the rest of the hour";
}

TEST(Limiter, PrincipalsDoNotShareLimits) {
  Limiter limiter(tiers());
  EXPECT_EQ(let_in(limiter, principal("key:a"), kStart, 50), 10);
  EXPECT_EQ(let_in(limiter, principal("key:b"), kStart, 50), 10);
}

TEST(Limiter, AConfiguredWindowCounts) {
  Limiter limiter(tiers());
  const auto who = principal("key:a", "window");
  EXPECT_EQ(let_in(limiter, who, kStart, 50), 3);
  auto refused = limiter.admit({who}, kStart);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("3 requests in 5s; try again in 1.667s"));
  EXPECT_EQ(let_in(limiter, who, kStart + 6s, 50), 3);
}

TEST(Limiter, ATierWithoutLimitsAndOneThatIsNotConfigured) {
  Limiter limiter(tiers());
  EXPECT_EQ(let_in(limiter, principal("key:a", "open"), kStart, 5000), 5000);
  EXPECT_EQ(let_in(limiter, principal("key:b", "gone"), kStart, 50), 10) << "as default";
  Limiter none({});
  EXPECT_EQ(let_in(none, principal("key:c", "gone"), kStart, 50), 50);
}

TEST(Limiter, NewTiersCountAtOnceAndKeepWhatIsUsed) {
  Limiter limiter({{"default", {.per_hour = 10}}});
  const auto who = principal("key:a");
  EXPECT_EQ(let_in(limiter, who, kStart, 50), 10);
  limiter.set({{"default", {.per_hour = 3600}}});
  EXPECT_EQ(let_in(limiter, who, kStart + 2s, 50), 2) << "one a second, from used up";
  limiter.set({});
  EXPECT_EQ(let_in(limiter, who, kStart + 2s, 50), 50);
}

TEST(Limiter, APermitMayOutliveTheTierItCameFrom) {
  Limiter limiter(tiers());
  const auto who = principal("key:a", "parallel");
  auto permit = limiter.admit({who}, kStart);
  ASSERT_TRUE(permit);
  limiter.set({{"parallel", {.concurrent = 1}}});
  EXPECT_FALSE(limiter.admit({who}, kStart));
  *permit = Permit();
  EXPECT_TRUE(limiter.admit({who}, kStart));
}

TEST(Limiter, ForgetsIdlePrincipalsFirstAndNeverARunningOne) {
  Limiter limiter({{"default", {.per_hour = 1, .concurrent = 1}}}, {},
                  {.principals = 64});  // one in each shard
  const auto runner = principal("key:runner");
  auto permit = limiter.admit({runner}, kStart);
  ASSERT_TRUE(permit);
  int passed = 0;
  for (int i = 0; i < 5000; ++i) {
    passed += limiter.admit({principal("key:" + std::to_string(i))}, kStart) ? 1 : 0;
  }
  EXPECT_GT(passed, 4000) << "forgetting makes room";
  EXPECT_FALSE(limiter.admit({runner}, kStart)) << "still remembered";
  *permit = Permit();
}

TEST(Limiter, ReportsTheTightestRate) {
  Limiter limiter(tiers());
  const auto who = principal("key:a", "free");
  EXPECT_EQ(limiter.status({who}, kStart).remaining, 10U);
  auto permit = limiter.admit({who}, kStart);
  ASSERT_TRUE(permit);
  EXPECT_EQ(permit->status().limit, 10U);
  EXPECT_EQ(permit->status().remaining, 9U);
  EXPECT_EQ(permit->status().reset, 6s);
  *permit = Permit();
  EXPECT_EQ(let_in(limiter, who, kStart, 50), 9);
  EXPECT_EQ(limiter.status({who}, kStart).remaining, 0U);
  EXPECT_EQ(limiter.status({who}, kStart + 1min).limit, 15U) << "now the hour has less left";
}

TEST(Limiter, SlotRatesTokensAndBudgetAreTakenTogetherOrNotAtAll) {
  testing::FakeClock clock;
  const Limiter::Tiers both = {{"t", {.per_hour = 3, .concurrent = 1, .tokens_per_minute = 100}}};
  Limiter limiter(both);
  Budgets budgets(both, clock);
  auto who = principal("key:a", "t");
  who.budget_day = 1000;
  const auto tokens_left = [&] { return budgets.token_status(who).remaining; };

  EXPECT_EQ(limiter.admit({who}, kStart, budgets, {.tokens = 101}).error().kind,
            ErrorKind::RateLimited);
  EXPECT_EQ(limiter.admit({who}, kStart, budgets, {.micro_usd = 1001}).error().kind,
            ErrorKind::BudgetSpent);
  EXPECT_EQ(limiter.status({who}, kStart).remaining, 3U) << "no rate was taken";

  auto held = limiter.admit({who}, kStart, budgets, {.tokens = 60, .micro_usd = 600});
  ASSERT_TRUE(held);
  EXPECT_EQ(limiter.admit({who}, kStart, budgets, {.tokens = 1, .micro_usd = 1}).error().kind,
            ErrorKind::RateLimited)
      << "no slot";
  EXPECT_EQ(tokens_left(), 40U);
  EXPECT_EQ(budgets.spent(who.id).day_micro_usd, 600);

  *held = Admitted();
  EXPECT_EQ(tokens_left(), 100U);
  EXPECT_EQ(budgets.spent(who.id).day_micro_usd, 0);
  EXPECT_EQ(limiter.status({who}, kStart).remaining, 2U);
  EXPECT_TRUE(limiter.admit({who}, kStart, budgets, {.tokens = 100, .micro_usd = 1000}));
}

TEST(Limiter, OfSimultaneousRequestsExactlyThoseThatEveryLimitAllowsPass) {
  testing::FakeClock clock;
  const Limiter::Tiers both = {{"t", {.per_hour = 500, .tokens_per_minute = 6000}}};
  Limiter limiter(both);
  Budgets budgets(both, clock);
  auto who = principal("key:a", "t");
  who.budget_day = 3000;
  std::atomic<int> passed{0};
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        auto admitted = limiter.admit({who}, kStart, budgets, {.tokens = 10, .micro_usd = 10});
        if (admitted) {
          admitted->reservation.keep();
          ++passed;
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(passed, 300) << "the budget is the tightest";
  EXPECT_EQ(limiter.status({who}, kStart).remaining, 200U);
  EXPECT_EQ(budgets.token_status(who).remaining, 3000U);
}

TEST(Limiter, ATokenBudgetForAHundredLetsAHundredPassAndTheOthersTakeNothing) {
  testing::FakeClock clock;
  const Limiter::Tiers all = {
      {"t", {.per_hour = 500, .concurrent = 400, .tokens_per_minute = 1000}}};
  Limiter limiter(all);
  Budgets budgets(all, clock);
  const auto who = principal("key:a", "t");
  std::mutex mutex;
  std::vector<Admitted> passed;  // guarded by mutex; all of them still run
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        auto admitted = limiter.admit({who}, kStart, budgets, {.tokens = 10});
        if (admitted) {
          const std::lock_guard lock(mutex);
          passed.push_back(std::move(*admitted));
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(passed.size(), 100U);
  EXPECT_EQ(budgets.token_status(who).remaining, 0U);
  EXPECT_EQ(limiter.status({who}, kStart).remaining, 400U) << "700 refusals took no rate";
  for (int i = 0; i < 300; ++i) {
    auto free = limiter.admit({who}, kStart, budgets, {.tokens = 0});
    ASSERT_TRUE(free) << "700 refusals hold no slot";
    passed.push_back(std::move(*free));
  }
  EXPECT_FALSE(limiter.admit({who}, kStart, budgets, {.tokens = 0}));
}

/// The number of requests of `who` by one client that are let in.
int let_in_client(Limiter& limiter, const model::Principal& who, const std::string& client,
                  int tries) {
  int passed = 0;
  for (int i = 0; i < tries; ++i) {
    passed += limiter.admit({who, client}, kStart) ? 1 : 0;
  }
  return passed;
}

Limiter::Tiers with_clients() { return {{"t", {.per_hour = 10, .client = {.per_minute = 4}}}}; }

TEST(Limiter, EachClientHasLimitsOfItsOwnInsideThePrincipals) {
  Limiter limiter(with_clients());
  const auto who = principal("key:a", "t");
  EXPECT_EQ(let_in_client(limiter, who, "one", 50), 4);
  EXPECT_EQ(limiter.status({who, "two"}, kStart).limit, 4U) << "the tighter one is shown";
  EXPECT_EQ(limiter.status({who, "one"}, kStart).remaining, 0U);
  EXPECT_EQ(let_in_client(limiter, who, "two", 50), 4) << "46 refusals took none of the 10";
  EXPECT_EQ(limiter.status({who, "three"}, kStart).limit, 10U) << "2 left of the principal's";
  EXPECT_EQ(let_in_client(limiter, who, "three", 50), 2) << "a new name does not help";
  EXPECT_EQ(let_in_client(limiter, who, "four", 50), 0);
  EXPECT_EQ(let_in_client(limiter, principal("key:b", "t"), "one", 50), 4) << "of another";

  auto refused = limiter.admit({principal("key:b", "t"), "one"}, kStart);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().details_json,
            R"({"limit":"requests_per_minute","value":4,"tier":"t","per":"client"})");
  EXPECT_THAT(refused.error().message,
              HasSubstr("The tier t allows each client 4 requests a minute"));
}

TEST(Limiter, RequestsWithoutAClientAreOneClient) {
  Limiter limiter(with_clients());
  EXPECT_EQ(let_in(limiter, principal("key:a", "t"), kStart, 50), 4);
}

TEST(Limiter, OfSimultaneousRequestsOfManyClientsExactlyTheAllowedPass) {
  Limiter limiter({{"t", {.per_hour = 500, .client = {.per_hour = 90, .concurrent = 80}}}});
  const auto who = principal("key:a", "t");
  constexpr std::size_t kThreads = 8;
  std::array<std::vector<Permit>, kThreads> held;
  std::array<std::array<int, 4>, kThreads> passed{};
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 400; ++i) {
        const std::size_t client = i % 4;
        if (auto permit = limiter.admit({who, std::to_string(client)}, kStart)) {
          held[t].push_back(std::move(*permit));
          ++passed[t][client];
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (std::size_t client = 0; client < 4; ++client) {
    int all = 0;
    for (const auto& of_thread : passed) {
      all += of_thread[client];
    }
    EXPECT_EQ(all, 80) << "client " << client;
  }
  EXPECT_EQ(limiter.status({who, "new"}, kStart).remaining, 90U);
  for (auto& permits : held) {
    permits.clear();
  }
  EXPECT_EQ(let_in_client(limiter, who, "0", 50), 10) << "the slots are back, 90 are an hour's";
  EXPECT_EQ(let_in_client(limiter, who, "new", 200), 90);
  EXPECT_EQ(let_in_client(limiter, who, "newer", 200), 80) << "500 less 4 * 80, 10 and 90";
}

TEST(Limiter, ForgetsIdleClientsFirstAndNeverARunningOne) {
  Limiter limiter({{"t", {.client = {.per_hour = 1, .concurrent = 1}}}}, {}, {.clients = 1024});
  const auto who = principal("key:a", "t");
  auto runs = limiter.admit({who, "runner"}, kStart);
  ASSERT_TRUE(runs);
  EXPECT_EQ(let_in_client(limiter, who, "idle", 2), 1);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(limiter.admit({who, std::to_string(i)}, kStart + 1s)) << "forgetting makes room";
  }
  EXPECT_FALSE(limiter.admit({who, "runner"}, kStart)) << "still remembered";
  EXPECT_EQ(let_in_client(limiter, who, "idle", 2), 1) << "forgotten long ago";
}

TEST(Limiter, APrincipalWithTooManyRunningClientsStopsOnlyItself) {
  Limiter limiter({{"t", {.client = {.concurrent = 1}}}}, {}, {.clients = 256});  // 4 in each shard
  const auto greedy = principal("key:greedy", "t");
  std::vector<Permit> held;
  for (int i = 0; i < 2; ++i) {
    auto permit = limiter.admit({greedy, std::to_string(i)}, kStart);
    ASSERT_TRUE(permit);
    held.push_back(std::move(*permit));
  }
  EXPECT_EQ(limiter.admit({greedy, "more"}, kStart).error().kind, ErrorKind::Overloaded);
  for (int i = 0; i < 500; ++i) {
    EXPECT_TRUE(limiter.admit({principal("key:" + std::to_string(i), "t"), "one"}, kStart)) << i;
  }
}

TEST(Limiter, ARouteCountsBesideTheTier) {
  const std::vector<config::RouteSettings> routes = {
      {.name = "/v1/ocr", .requests = {.per_minute = 3, .concurrent = 2}}};
  Limiter limiter({{"t", {.per_hour = 5}}}, routes);
  const auto who = principal("key:a", "t");
  const Caller ocr{.principal = who, .route = "/v1/ocr"};
  auto first = limiter.admit(ocr, kStart);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->status().limit, 3U);
  EXPECT_EQ(first->status().remaining, 2U);
  auto second = limiter.admit(ocr, kStart);
  ASSERT_TRUE(second);
  EXPECT_EQ(limiter.admit(ocr, kStart).error().details_json,
            R"({"limit":"concurrent_requests","value":2,"route":"/v1/ocr"})");
  *first = Permit();
  auto third = limiter.admit(ocr, kStart);
  ASSERT_TRUE(third);
  *third = Permit();
  auto fourth = limiter.admit(ocr, kStart);
  ASSERT_FALSE(fourth);
  EXPECT_THAT(fourth.error().message, HasSubstr("The route /v1/ocr allows 3 requests a minute"));
  EXPECT_EQ(let_in(limiter, who, kStart, 50), 2) << "of the tier's 5, elsewhere";
  EXPECT_EQ(
      limiter.status({.principal = principal("key:b", "t"), .route = "/v1/ocr"}, kStart).limit, 3U);
}

TEST(Limiter, ARequestThatCountsOnItsRouteOnlyTakesNothingElse) {
  const std::vector<config::RouteSettings> routes = {
      {.name = "/v1/jobs", .requests = {.per_minute = 2}}};
  Limiter limiter({{"t", {.per_hour = 5, .concurrent = 1, .client = {.per_hour = 4}}}}, routes);
  const auto who = principal("key:a", "t");
  using enum Caller::Counts;
  for (int i = 0; i < 50; ++i) {
    auto free = limiter.admit({.principal = who, .route = "/v1/models", .counts = OnRoute}, kStart);
    ASSERT_TRUE(free);
    EXPECT_EQ(free->status().remaining, 4U) << "the state is shown all the same";
  }
  const Caller jobs{.principal = who, .route = "/v1/jobs", .counts = OnRoute};
  EXPECT_TRUE(limiter.admit(jobs, kStart));
  auto last = limiter.admit(jobs, kStart);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->status().limit, 2U);
  EXPECT_EQ(last->status().remaining, 0U);
  EXPECT_FALSE(limiter.admit(jobs, kStart));
  EXPECT_EQ(let_in(limiter, who, kStart, 50), 4);
}

TEST(Limiter, SlotsOfARouteAreNotThoseOfTheTier) {
  const std::vector<config::RouteSettings> routes = {
      {.name = "/v1/jobs", .requests = {.concurrent = 3}}};
  Limiter limiter({{"t", {.concurrent = 1}}}, routes);
  const auto who = principal("key:a", "t");
  const Caller jobs{.principal = who, .route = "/v1/jobs", .counts = Caller::Counts::OnRoute};
  std::vector<Permit> held;
  for (int i = 0; i < 3; ++i) {
    auto permit = limiter.admit(jobs, kStart);
    ASSERT_TRUE(permit);
    held.push_back(std::move(*permit));
  }
  EXPECT_FALSE(limiter.admit(jobs, kStart));
  auto chat = limiter.admit({.principal = who}, kStart);
  EXPECT_TRUE(chat);
  EXPECT_FALSE(limiter.admit({.principal = who}, kStart));
}

TEST(Limiter, NewLimitsOfRoutesAndClientsCountAtOnce) {
  Limiter limiter({{"t", {}}});
  const auto who = principal("key:a", "t");
  EXPECT_EQ(let_in(limiter, who, kStart, 50), 50);
  const std::vector<config::RouteSettings> routes = {
      {.name = "/v1/ocr", .requests = {.per_minute = 3}}};
  limiter.set({{"t", {.client = {.per_minute = 2}}}}, routes);
  EXPECT_EQ(let_in(limiter, who, kStart, 50), 2);
  EXPECT_EQ(limiter.status({who, "new", "/v1/ocr"}, kStart).limit, 2U);
  limiter.set({{"t", {}}});
  EXPECT_EQ(let_in(limiter, who, kStart, 50), 50);
}

TEST(LimitStatus, IsWrittenAsOpenAiWritesIt) {
  std::string fields;
  append_limit_fields(fields, {.limit = 60, .remaining = 59, .reset = 1s});
  EXPECT_EQ(fields,
            "x-ratelimit-limit-requests: 60\r\nx-ratelimit-remaining-requests: 59\r\n"
            "x-ratelimit-reset-requests: 1s\r\n");
  fields.clear();
  append_token_fields(fields, {.limit = 90'000, .remaining = 0, .reset = 6min});
  EXPECT_EQ(fields,
            "x-ratelimit-limit-tokens: 90000\r\nx-ratelimit-remaining-tokens: 0\r\n"
            "x-ratelimit-reset-tokens: 6m0s\r\n");
  fields.clear();
  append_limit_fields(fields, {});
  append_token_fields(fields, {});
  EXPECT_EQ(fields, "");
}

TEST(LimitStatus, DurationsLookLikeGo) {
  EXPECT_EQ(go_duration(0ns), "0s");
  EXPECT_EQ(go_duration(1ns), "1ms");
  EXPECT_EQ(go_duration(17ms), "17ms");
  EXPECT_EQ(go_duration(1s), "1s");
  EXPECT_EQ(go_duration(8640ms), "8.64s");
  EXPECT_EQ(go_duration(6min), "6m0s");
  EXPECT_EQ(go_duration(2min + 59'560ms), "2m59.56s");
  EXPECT_EQ(go_duration(1h), "1h0m0s");
}

}  // namespace
}  // namespace headgate::limits
