#include "routing/strategy.h"

#include <algorithm>
#include <map>

#include <gtest/gtest.h>

#include "routing/routing_fixture.h"

namespace headgate::routing {
namespace {

using namespace std::chrono_literals;
using fixture::kStart;
using fixture::order_of;
using fixture::settings_of;
using fixture::World;

/// How often each provider comes first in so many plans.
std::map<std::string, int> firsts(World& world, int plans, const Ask& ask) {
  std::map<std::string, int> counts;
  for (int i = 0; i < plans; ++i) {
    ++counts[order_of(world.router.plan(ask, *world.catalog, kStart)).substr(0, 1)];
  }
  return counts;
}

void load(const World& world, std::size_t target, int calls) {
  for (int i = 0; i < calls; ++i) {
    world.target(target).begin(kStart);
  }
}

TEST(Strategy, EveryNameOfTheOptionIsKnown) {
  for (const char* name : {"round_robin", "weighted", "least_loaded", "latency", "cost", "quality",
                           "speed", "sticky", "prefix"}) {
    EXPECT_NE(strategy_named(name), Strategy::Ordered) << name;
  }
}

TEST(Strategy, OrderedKeepsTheConfiguredOrder) {
  World world(settings_of(3, "ordered"));
  EXPECT_EQ(order_of(world.plan(kStart)), "abc");
}

TEST(Strategy, RoundRobinTakesTurnsAmongThoseThatAreWell) {
  World world(settings_of(3, "round_robin"));
  EXPECT_EQ(order_of(world.plan(kStart)), "abc");
  EXPECT_EQ(order_of(world.plan(kStart)), "bca");
  EXPECT_EQ(order_of(world.plan(kStart)), "cab");
  world.target(1).hold_open(kStart);
  EXPECT_EQ(firsts(world, 100, world.ask()), (std::map<std::string, int>{{"a", 50}, {"c", 50}}));
}

TEST(Strategy, WeightedMixesEvenly) {
  config::Settings settings = settings_of(3, "weighted");
  settings.models[0].targets[0].weight = 5;
  settings.models[0].targets[2].weight = 0;
  World world(settings);
  std::string picks;
  for (int i = 0; i < 12; ++i) {
    picks += order_of(world.plan(kStart)).front();
  }
  EXPECT_EQ(picks.substr(0, 6), picks.substr(6));
  EXPECT_EQ(std::ranges::count(picks, 'a'), 10);
  EXPECT_EQ(picks.find("bb"), std::string::npos);
  EXPECT_EQ(picks.find('c'), std::string::npos) << "without weight it is only a last resort";
}

TEST(Strategy, LeastLoadedAvoidsTheBusy) {
  World world(settings_of(2, "least_loaded"));
  load(world, 0, 3);
  EXPECT_EQ(firsts(world, 50, world.ask()), (std::map<std::string, int>{{"b", 50}}));
  load(world, 1, 3);
  const auto counts = firsts(world, 400, world.ask());
  EXPECT_NEAR(counts.at("a"), 200, 60) << "equals are drawn";
}

TEST(Strategy, LeastLoadedCountsLoadByWeight) {
  config::Settings settings = settings_of(2, "least_loaded");
  settings.models[0].targets[0].weight = 10;
  World world(settings);
  load(world, 0, 5);
  load(world, 1, 1);
  EXPECT_EQ(order_of(world.plan(kStart)), "ab");
}

TEST(Strategy, TwoChoicesSpreadAmongMany) {
  World world(settings_of(8, "least_loaded"));
  const auto idle = firsts(world, 1000, world.ask());
  ASSERT_EQ(idle.size(), 8U);
  for (const auto& [target, count] : idle) {
    EXPECT_NEAR(count, 125, 40) << target;
  }
  load(world, 7, 100);
  const auto counts = firsts(world, 1000, world.ask());
  EXPECT_EQ(counts.size(), 7U);
  EXPECT_FALSE(counts.contains("h"));
}

TEST(Strategy, LatencyWeighsTimeAndLoad) {
  World world(settings_of(2, "latency"));
  world.call(0, CallResult::Ok, kStart, 100ms);
  world.call(1, CallResult::Ok, kStart, 350ms);
  EXPECT_EQ(order_of(world.plan(kStart)), "ab");
  load(world, 0, 4);
  EXPECT_EQ(order_of(world.plan(kStart)), "ba") << "5 x 100 ms against 350 ms";
}

TEST(Strategy, CostIsThatOfThisRequest) {
  config::Settings settings = settings_of(2, "cost");
  settings.models[0].targets[0].price_input = 1;
  settings.models[0].targets[0].price_output = 10;
  settings.models[0].targets[1].price_input = 3;
  settings.models[0].targets[1].price_output = 3;
  World world(settings);
  const auto order = [&](const Needs& needs) {
    return order_of(world.router.plan(world.ask(needs), *world.catalog, kStart));
  };
  EXPECT_EQ(order({.input_tokens = 100'000, .output_tokens = 10}), "ab");
  EXPECT_EQ(order({.input_tokens = 10, .output_tokens = 1'000}), "ba");
}

TEST(Strategy, QualityTakesTheBest) {
  config::Settings settings = settings_of(3, "quality");
  settings.models[0].targets[1].quality = 0.9;
  settings.models[0].targets[2].quality = 0.5;
  World world(settings);
  EXPECT_EQ(order_of(world.plan(kStart)), "bca");
}

TEST(Strategy, SpeedTakesTheSoonestFirstToken) {
  World world(settings_of(2, "speed"));
  const auto stream = [&](std::size_t target, std::chrono::milliseconds first_token) {
    TargetHealth& health = world.target(target);
    health.end(health.begin(kStart),
               {.result = CallResult::Ok, .latency = 5s, .first_token = first_token}, {}, kStart);
  };
  stream(0, 900ms);
  stream(1, 400ms);
  EXPECT_EQ(order_of(world.plan(kStart)), "ba");
}

TEST(Strategy, StickyKeepsAUserAndMovesOnlyThoseOfATargetThatIsGone) {
  World world(settings_of(5, "sticky"));
  std::map<std::string, std::string> before;
  std::map<char, int> users;
  Ask ask = world.ask();
  for (int i = 0; i < 1000; ++i) {
    const std::string user = "user-" + std::to_string(i);
    ask.user = user;
    before[user] = order_of(world.router.plan(ask, *world.catalog, kStart));
    ++users[before[user].front()];
    ASSERT_EQ(order_of(world.router.plan(ask, *world.catalog, kStart)), before[user]);
  }
  for (const auto& [target, count] : users) {
    EXPECT_NEAR(count, 200, 60) << target;
  }
  world.target(2).hold_open(kStart);
  for (const auto& [user, order] : before) {
    ask.user = user;
    const std::string now = order_of(world.router.plan(ask, *world.catalog, kStart));
    EXPECT_EQ(now.front(), order.front() == 'c' ? order[1] : order.front());
  }
}

TEST(Strategy, StickyGoesByTheClientWhereThereIsNoUser) {
  World world(settings_of(5, "sticky"));
  Ask by_user = world.ask();
  by_user.user = "x";
  by_user.client = "ignored";
  Ask by_client = world.ask();
  by_client.client = "x";
  EXPECT_EQ(order_of(world.router.plan(by_user, *world.catalog, kStart)),
            order_of(world.router.plan(by_client, *world.catalog, kStart)));
}

TEST(Strategy, StickyYieldsWhenTheTargetCarriesMoreThanItsShare) {
  World world(settings_of(3, "sticky"));
  Ask ask = world.ask();
  ask.user = "x";
  const std::string order = order_of(world.router.plan(ask, *world.catalog, kStart));
  const auto own = static_cast<std::size_t>(order[0] - 'a');
  load(world, own, 3);
  EXPECT_EQ(order_of(world.router.plan(ask, *world.catalog, kStart)), order);
  load(world, own, 10);
  const std::string now = order_of(world.router.plan(ask, *world.catalog, kStart));
  EXPECT_EQ(now.front(), order[1]);
  EXPECT_EQ(now.back(), order[0]);
}

TEST(Strategy, PrefixKeepsAConversationTogether) {
  World world(settings_of(4, "prefix"));
  for (int conversation = 0; conversation < 50; ++conversation) {
    PrefixHasher hasher;
    std::string first;
    for (int turn = 0; turn < 6; ++turn) {
      hasher.add("user", std::to_string(conversation) + "/" + std::to_string(turn));
      Ask ask = world.ask();
      ask.prefixes = hasher.prefixes();
      const std::string order = order_of(world.router.plan(ask, *world.catalog, kStart));
      first = first.empty() ? order.substr(0, 1) : first;
      ASSERT_EQ(order.substr(0, 1), first);
      ASSERT_EQ(order.size(), 4U);
    }
  }
}

TEST(Strategy, PrefixYieldsToLoadAndStaysWhereItWent) {
  World world(settings_of(3, "prefix"));
  PrefixHasher hasher;
  hasher.add("user", "hello");
  Ask ask = world.ask();
  ask.prefixes = hasher.prefixes();
  const std::string before = order_of(world.router.plan(ask, *world.catalog, kStart));
  load(world, static_cast<std::size_t>(before[0] - 'a'), 20);
  const std::string after = order_of(world.router.plan(ask, *world.catalog, kStart));
  EXPECT_NE(after.front(), before.front());
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(order_of(world.router.plan(ask, *world.catalog, kStart)).front(), after.front());
  }
}

}  // namespace
}  // namespace headgate::routing
