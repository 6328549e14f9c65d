#include "routing/router.h"

#include <gtest/gtest.h>

#include "routing/routing_fixture.h"

namespace headgate::routing {
namespace {

using namespace std::chrono_literals;
using fixture::kStart;
using fixture::order_of;
using fixture::settings_of;
using fixture::World;

void fail(World& world, std::size_t target, int times, SteadyTime now) {
  for (int i = 0; i < times; ++i) {
    world.call(target, CallResult::ProviderFault, now);
  }
}

TEST(Router, LeavesOutWhatCannotBeCalledAndSaysWhy) {
  World world(settings_of(4));
  fail(world, 0, 5, kStart);
  fail(world, 1, 5, kStart - 60s);
  world.model()->targets[2].keys->at(0).rate_limited(7s, kStart);
  const Plan plan = world.plan(kStart + 1s);
  EXPECT_EQ(order_of(plan), "bd") << "b's probe is due";
  ASSERT_EQ(plan.left_out.size(), 2U);
  EXPECT_EQ(plan.left_out[0].reason, LeftOutFor::Open);
  EXPECT_EQ(plan.left_out[0].until, kStart + 60s);
  EXPECT_EQ(plan.left_out[1].reason, LeftOutFor::KeysRest);
  EXPECT_EQ(plan.retry_at(), kStart + 7s);
}

TEST(Router, PassesOverASilentTargetWhileOthersAnswer) {
  World world(settings_of(2));
  std::vector<Lease> waiting;
  for (int i = 0; i < 5; ++i) {
    const Plan plan = world.plan(kStart);
    waiting.push_back(world.router.begin(plan, plan.candidates[0], kStart));
  }
  EXPECT_EQ(order_of(world.plan(kStart + 9s)), "ab");
  EXPECT_EQ(order_of(world.plan(kStart + 11s)), "ba") << "but not given up";
  world.router.answered(waiting[0], 11s, kStart + 11s);
  EXPECT_EQ(order_of(world.plan(kStart + 12s)), "ab");
}

TEST(Router, GrantsOneProbeAndTheOthersGoOn) {
  World world(settings_of(2));
  fail(world, 0, 5, kStart);
  const SteadyTime due = kStart + 60s;
  const Plan one = world.plan(due);
  const Plan other = world.plan(due);
  const Lease probe = world.router.begin(one, one.candidates[0], due);
  ASSERT_TRUE(probe);
  EXPECT_TRUE(probe.is_probe());
  EXPECT_FALSE(world.router.begin(other, other.candidates[0], due));
  EXPECT_TRUE(world.router.begin(other, other.candidates[1], due));
  EXPECT_EQ(world.plan(due).left_out[0].reason, LeftOutFor::ProbeRuns);
}

TEST(Router, ALeaseThatDiesGivesItsPlaceBack) {
  World world(settings_of(1));
  fail(world, 0, 5, kStart);
  const Plan plan = world.plan(kStart + 60s);
  {
    const Lease probe = world.router.begin(plan, plan.candidates[0], kStart + 60s);
    ASSERT_TRUE(probe);
    EXPECT_EQ(world.target(0).in_flight(), 1U);
  }
  EXPECT_EQ(world.target(0).in_flight(), 0U);
  EXPECT_TRUE(world.router.begin(plan, plan.candidates[0], kStart + 60s));
}

TEST(Router, AnEndedLeaseIsOver) {
  World world(settings_of(1));
  const Plan plan = world.plan(kStart);
  Lease lease = world.router.begin(plan, plan.candidates[0], kStart);
  Lease moved = std::move(lease);
  world.router.ended(std::move(moved), {.result = CallResult::Ok, .latency = 1ms}, kStart);
  EXPECT_EQ(world.target(0).in_flight(), 0U);
  EXPECT_EQ(world.target(0).view(kStart).calls, 1U);
}

TEST(Router, RotatesKeysAndLetsThemRestAlone) {
  config::Settings settings = settings_of(1);
  settings.providers[0].api_keys = {config::Secret("sk-one"), config::Secret("sk-two")};
  World world(settings);
  const Plan plan = world.plan(kStart);
  Lease first = world.router.begin(plan, plan.candidates[0], kStart);
  EXPECT_NE(first.credential().find("sk-one"), std::string::npos);
  EXPECT_TRUE(world.router.other_key(first.target(), first.key(), kStart));
  world.router.ended(
      std::move(first),
      {.result = CallResult::RateLimited, .latency = 1ms, .first_token = {}, .retry_after = 9s},
      kStart);
  for (int i = 0; i < 4; ++i) {
    Lease lease = world.router.begin(plan, plan.candidates[0], kStart);
    EXPECT_NE(lease.credential().find("sk-two"), std::string::npos);
    EXPECT_FALSE(world.router.other_key(lease.target(), lease.key(), kStart));
  }
  Lease second = world.router.begin(plan, plan.candidates[0], kStart);
  world.router.ended(std::move(second), {.result = CallResult::BadKey}, kStart);
  EXPECT_FALSE(world.router.begin(plan, plan.candidates[0], kStart));
  EXPECT_EQ(world.target(0).in_flight(), 0U);
  EXPECT_EQ(world.router.usable_at(world.model()->targets[0], kStart), kStart + 5s);
}

TEST(Router, PassesOverABusyProviderWhileOthersAreFree) {
  config::Settings settings = settings_of(2);
  settings.providers[0].requests_per_minute = 10;
  World world(settings);
  std::string firsts;
  for (int i = 0; i < 12; ++i) {
    const Plan plan = world.plan(kStart);
    firsts += order_of(plan).front();
    world.call(plan, plan.candidates[0], CallResult::Ok, kStart);
  }
  EXPECT_EQ(firsts, "aaaaaaaabbbb");
  EXPECT_EQ(order_of(world.plan(kStart)), "ba") << "but not given up";
  world.target(1).hold_open(kStart);
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(world.call(0, CallResult::Ok, kStart));
  }
  EXPECT_FALSE(world.call(0, CallResult::Ok, kStart));
  const Plan full = world.plan(kStart);
  EXPECT_TRUE(full.candidates.empty());
  EXPECT_EQ(full.left_out[0].reason, LeftOutFor::RateReached);
  const Error error = full.refusal(kStart);
  EXPECT_EQ(error.kind, ErrorKind::Overloaded);
  EXPECT_EQ(error.retry_after, 61s);
}

TEST(Router, ARefusalForKeysOrRatesAloneIsARateLimit) {
  World world(settings_of(1));
  world.model()->targets[0].keys->at(0).rate_limited(1500ms, kStart);
  const Error error = world.plan(kStart).refusal(kStart);
  EXPECT_EQ(error.kind, ErrorKind::RateLimited);
  EXPECT_EQ(error.code, "upstream_rate_limited");
  EXPECT_EQ(error.retry_after, 1500ms);
  EXPECT_EQ(error.details_json, R"({"targets":[{"provider":"a","target":"t","reason":"keys_rest",)"
                                R"("retry_after_ms":1500}]})");
}

TEST(Router, ARefusalForRefusedKeysIsNoRateLimit) {
  World world(settings_of(1));
  world.model()->targets[0].keys->at(0).refused(kStart);
  const Error error = world.plan(kStart).refusal(kStart);
  EXPECT_EQ(error.kind, ErrorKind::Overloaded);
  EXPECT_EQ(error.code, "no_target_available");
  EXPECT_EQ(error.retry_after, 5s);
  EXPECT_NE(error.details_json.find(R"("reason":"keys_refused")"), std::string::npos);
}

TEST(Router, ARefusalForAnOpenBreakerNamesAShortWait) {
  World world(settings_of(1));
  fail(world, 0, 5, kStart);
  const Error error = world.plan(kStart).refusal(kStart);
  EXPECT_EQ(error.code, "no_target_available");
  EXPECT_EQ(error.retry_after, 5s) << "it is asked every second whether it is back";
}

TEST(Router, ARefusalForABreakerHeldByHandNamesNoTime) {
  World world(settings_of(1));
  ASSERT_TRUE(world.router.hold_open("a", "t", kStart));
  const Error error = world.plan(kStart).refusal(kStart);
  EXPECT_EQ(error.kind, ErrorKind::Overloaded);
  EXPECT_EQ(error.code, "no_target_available");
  EXPECT_FALSE(error.retry_after);
}

TEST(Router, NeedsAreCheckedBeforeATargetIsTried) {
  config::Settings settings = settings_of(3);
  settings.models[0].targets[0].supports = {"text", "tools"};
  settings.models[0].targets[0].context = 1000;
  settings.models[0].targets[1].supports = {"images", "json_schema"};
  settings.models[0].targets[1].max_output = 500;
  settings.models[0].targets[2].supports = {"text"};
  World world(settings);
  const auto plan = [&](const Needs& needs) {
    return world.router.plan(world.ask(needs), *world.catalog, kStart);
  };
  EXPECT_EQ(order_of(plan({.images = true})), "b");
  EXPECT_EQ(order_of(plan({.tools = true})), "a");
  EXPECT_EQ(order_of(plan({.json_schema = true})), "b");
  EXPECT_EQ(order_of(plan({.input_tokens = 2000})), "bc");
  EXPECT_EQ(order_of(plan({.input_tokens = 1200})), "bca") << "an estimate: a may still do";
  EXPECT_EQ(order_of(plan({.output_tokens = 501})), "ac");
  const Plan none = plan({.images = true, .tools = true});
  ASSERT_TRUE(none.candidates.empty());
  const Error error = none.refusal(kStart);
  EXPECT_EQ(error.kind, ErrorKind::InvalidRequest);
  EXPECT_EQ(error.param, "messages");
  EXPECT_NE(error.message.find("reads images"), std::string::npos);
  EXPECT_NE(
      error.details_json.find(R"({"provider":"b","target":"t","reason":"unable","need":"tools"})"),
      std::string::npos);
}

TEST(Router, ARequestTooLongForAllIsToldSoInOpenAisWords) {
  config::Settings settings = settings_of(1);
  settings.models[0].targets[0].context = 1000;
  World world(settings);
  const Error error =
      world.router.plan(world.ask({.input_tokens = 5000}), *world.catalog, kStart).refusal(kStart);
  EXPECT_EQ(error.kind, ErrorKind::InvalidRequest);
  EXPECT_EQ(error.code, "context_length_exceeded");
  EXPECT_FALSE(error.retry_after);
}

TEST(Router, TheEmbeddedEngineTakesDocumentsOnly) {
  config::Settings settings = settings_of(2);
  settings.providers[0].protocol = "embedded";
  settings.providers[0].base_url = "";
  World world(settings);
  EXPECT_EQ(
      order_of(world.router.plan(world.ask({.kind = model::Kind::Chat}), *world.catalog, kStart)),
      "b");
  EXPECT_EQ(order_of(world.router.plan(world.ask({.kind = model::Kind::Extract}), *world.catalog,
                                       kStart)),
            "ab");
}

TEST(Router, ATargetWhoseProviderHasNoSuchKindIsLeftOut) {
  config::Settings settings = settings_of(3);
  settings.providers[0].protocol = "anthropic";
  settings.providers[1].protocol = "gemini";
  World world(settings);
  const auto order = [&](model::Kind kind) {
    return order_of(world.router.plan(world.ask({.kind = kind}), *world.catalog, kStart));
  };
  EXPECT_EQ(order(model::Kind::Chat), "abc");
  EXPECT_EQ(order(model::Kind::Embedding), "bc");
  EXPECT_EQ(order(model::Kind::Image), "bc");
  EXPECT_EQ(order(model::Kind::Transcription), "c");
  settings.models[0].targets.resize(1);
  World alone(settings);
  const Error error =
      alone.router.plan(alone.ask({.kind = model::Kind::Rerank}), *alone.catalog, kStart)
          .refusal(kStart);
  EXPECT_EQ(error.kind, ErrorKind::InvalidRequest);
  EXPECT_EQ(error.param, "model");
}

TEST(Router, AModelServesTheKindThatItIsConfiguredAs) {
  config::Settings settings = settings_of(1);
  settings.models[0].kind = "image";
  settings.models[1].kind = "chat";
  settings.models[0].fallback_models = {"other"};
  settings.providers.back().any_model = true;
  World world(settings);
  EXPECT_TRUE(serves(*world.model("m"), model::Kind::Image));
  EXPECT_FALSE(serves(*world.model("m"), model::Kind::Speech));
  EXPECT_FALSE(serves(*world.model("m"), model::Kind::Chat));
  EXPECT_FALSE(serves(*world.model("other"), model::Kind::Image));
  EXPECT_TRUE(serves(*world.model("other"), model::Kind::Embedding)) << "of text all is tried";
  EXPECT_TRUE(serves(*world.model("unheard-of"), model::Kind::Rerank)) << "nobody knows it";
  EXPECT_EQ(
      order_of(world.router.plan(world.ask({.kind = model::Kind::Image}), *world.catalog, kStart)),
      "a")
      << "no fallback to a model of another kind";
}

TEST(Router, RulesPreferAndRestrict) {
  config::Settings settings = settings_of(3);
  config::RuleSettings large;
  large.min_input_tokens = 1000;
  large.only = {"c"};
  config::RuleSettings images;
  images.images = "with";
  images.prefer = {"b"};
  settings.models[0].rules = {large, images};
  World world(settings);
  const auto plan = [&](const Needs& needs) {
    return world.router.plan(world.ask(needs), *world.catalog, kStart);
  };
  EXPECT_EQ(order_of(plan({})), "abc");
  EXPECT_EQ(order_of(plan({.images = true})), "bac");
  const Plan restricted = plan({.input_tokens = 1000});
  EXPECT_EQ(order_of(restricted), "c");
  EXPECT_EQ(restricted.left_out[0].reason, LeftOutFor::Rule);
}

TEST(Router, ARuleMaySendARequestToAnotherModel) {
  config::Settings settings = settings_of(2);
  config::RuleSettings rule;
  rule.images = "with";
  rule.model = "other";
  settings.models[0].rules = {rule};
  World world(settings);
  const Plan plan = world.router.plan(world.ask({.images = true}), *world.catalog, kStart);
  EXPECT_EQ(order_of(plan), "z");
  EXPECT_EQ(plan.models.front()->name, "other");
  EXPECT_EQ(order_of(world.plan(kStart)), "ab");
}

TEST(Router, FallbackModelsFollowTheModelsOwnTargets) {
  config::Settings settings = settings_of(2);
  settings.models[0].fallback_models = {"other"};
  World world(settings);
  const Plan plan = world.plan(kStart);
  EXPECT_EQ(order_of(plan), "abz");
  EXPECT_EQ(plan.model_of(plan.candidates[2]).name, "other");
  world.target(0).hold_open(kStart);
  world.target(1).hold_open(kStart);
  EXPECT_EQ(order_of(world.plan(kStart)), "z");
}

TEST(Router, OnlyClassifyAndExtractHaveACascade) {
  config::Settings settings = settings_of(2);
  settings.models[0].min_confidence = 0.8;
  World world(settings);
  const auto confidence = [&](model::Kind kind) {
    return world.router.plan(world.ask({.kind = kind}), *world.catalog, kStart).min_confidence;
  };
  EXPECT_EQ(confidence(model::Kind::Classify), 0.8);
  EXPECT_EQ(confidence(model::Kind::Extract), 0.8);
  EXPECT_EQ(confidence(model::Kind::Chat), 0);
}

TEST(Router, ARequestCountsOnceForTheBudgetHoweverOftenItIsPlanned) {
  World world(settings_of(1));
  Ask ask = world.ask();
  world.router.plan(ask, *world.catalog, kStart);
  ask.again = true;
  world.router.plan(ask, *world.catalog, kStart);
  EXPECT_EQ(world.model()->memory->budget.counts(kStart).requests, 1U);
}

TEST(Router, EjectsATargetThatFailsFarMoreThanItsPeers) {
  World world(settings_of(3));
  // Never five in a row, so the breaker alone would not see it.
  for (int i = 0; i < 20; ++i) {
    world.call(0, i % 4 == 0 ? CallResult::Ok : CallResult::ProviderFault, kStart);
    world.call(1, CallResult::Ok, kStart);
  }
  EXPECT_EQ(world.target(0).view(kStart).cause, OpenCause::Outlier);
  EXPECT_EQ(order_of(world.plan(kStart)), "bc");
}

TEST(Router, NoTargetIsEjectedWhileItsPeersFailAsOften) {
  World world(settings_of(2));
  for (int i = 0; i < 100; ++i) {
    const CallResult result = i % 4 == 0 ? CallResult::Ok : CallResult::ProviderFault;
    world.call(0, result, kStart);
    world.call(1, result, kStart);
  }
  EXPECT_EQ(order_of(world.plan(kStart)), "ab");
}

TEST(Router, TheLastTargetThatIsWellIsNeverEjected) {
  World world(settings_of(2));
  for (int i = 0; i < 10; ++i) {
    world.call(1, CallResult::Ok, kStart);
  }
  world.target(1).hold_open(kStart);
  for (int i = 0; i < 100; ++i) {
    world.call(0, i % 4 == 0 ? CallResult::Ok : CallResult::ProviderFault, kStart);
  }
  EXPECT_EQ(order_of(world.plan(kStart)), "a");
}

TEST(Router, HealthIsKeptOverAReloadAndForgottenWithItsTarget) {
  World world(settings_of(2));
  fail(world, 0, 5, kStart);
  world.catalog = Catalog::build(settings_of(2), world.health).value();
  EXPECT_EQ(order_of(world.plan(kStart)), "b");
  world.catalog = Catalog::build(settings_of(1), world.health).value();
  EXPECT_EQ(world.health.targets().size(), 2U) << "a and z";
  EXPECT_EQ(world.health.find("b", "t"), nullptr);
}

TEST(Router, OutlivesItsCatalogInALease) {
  World world(settings_of(1));
  const Plan plan = world.plan(kStart);
  Lease lease = world.router.begin(plan, plan.candidates[0], kStart);
  world.catalog = Catalog::build(settings_of(1), world.health).value();
  EXPECT_EQ(world.target(0).in_flight(), 1U);
  world.router.ended(std::move(lease), {.result = CallResult::Ok, .latency = 1ms}, kStart);
  EXPECT_EQ(world.target(0).in_flight(), 0U);
}

TEST(Router, ShowsWhatAnOperatorNeeds) {
  config::Settings settings = settings_of(1);
  settings.providers[0].api_keys = {config::Secret("sk-one"), config::Secret("sk-two")};
  settings.providers[0].requests_per_minute = 60;
  World world(settings);
  const Plan plan = world.plan(kStart);
  world.call(plan, plan.candidates[0], CallResult::Ok, kStart, 50ms);
  world.call(plan, plan.candidates[0], CallResult::RateLimited, kStart);
  const std::vector<TargetView> views = world.router.view(kStart);
  ASSERT_EQ(views.size(), 2U);
  EXPECT_EQ(views[0].provider, "a");
  EXPECT_EQ(views[0].target, "t");
  EXPECT_EQ(views[0].latency, 50ms);
  EXPECT_EQ(views[0].succeeded, 1U);
  EXPECT_EQ(views[0].rate_limited, 1U);
  EXPECT_EQ(views[0].keys, 2U);
  EXPECT_EQ(views[0].keys_resting, 1U);
  EXPECT_EQ(views[0].calls_last_minute, 2U);
  EXPECT_EQ(views[0].calls_per_minute, 120U);
}

TEST(Router, IsOpenedAndClosedByHand) {
  World world(settings_of(2));
  EXPECT_FALSE(world.router.hold_open("a", "nothing", kStart));
  ASSERT_TRUE(world.router.hold_open("a", "t", kStart));
  EXPECT_EQ(order_of(world.plan(kStart + 24h)), "b");
  world.model()->targets[0].keys->at(0).refused(kStart + 24h);
  ASSERT_TRUE(world.router.close("a", "t", kStart + 24h));
  EXPECT_EQ(order_of(world.plan(kStart + 24h)), "ab") << "its keys are awake too";
}

TEST(Router, HedgesOnlyWhereConfigured) {
  config::Settings settings = settings_of(1);
  const auto after = [&] {
    World world(settings);
    for (int i = 0; i < 20; ++i) {
      world.call(0, CallResult::Ok, kStart, 100ms);
    }
    return world.router.hedge_after(*world.model(), world.model()->targets[0],
                                    model::Delivery::Whole);
  };
  EXPECT_FALSE(after());
  settings.models[0].hedge_after = "800ms";
  EXPECT_EQ(after(), 800ms);
  settings.models[0].hedge_after = "p95";
  ASSERT_TRUE(after());
  EXPECT_NEAR(static_cast<double>(*after() / 1us), 100'000, 12'500);
}

TEST(Router, HedgesAStreamAfterTheFirstTokensOfOthers) {
  config::Settings settings = settings_of(1);
  settings.models[0].hedge_after = "p95";
  World world(settings);
  const auto after = [&](model::Delivery delivery) {
    return world.router.hedge_after(*world.model(), world.model()->targets[0], delivery);
  };
  const Plan plan = world.plan(kStart);
  for (int i = 0; i < 20; ++i) {
    Lease lease = world.router.begin(plan, plan.candidates[0], kStart);
    world.router.answered(lease, 10ms, kStart);
    world.router.ended(std::move(lease), {.result = CallResult::Ok, .latency = 5s}, kStart);
  }
  EXPECT_NEAR(static_cast<double>(*after(model::Delivery::Stream) / 1us), 10'000, 1'250);
  EXPECT_NEAR(static_cast<double>(*after(model::Delivery::Whole) / 1ms), 5'000, 625);
}

TEST(Router, ACallThatIsOutrunIsKnownToBeSlowAndNoMore) {
  config::Settings settings = settings_of(1);
  settings.models[0].hedge_after = "p95";
  World world(settings);
  const Plan plan = world.plan(kStart);
  for (int i = 0; i < 20; ++i) {
    const Lease lease = world.router.begin(plan, plan.candidates[0], kStart);
    world.router.outrun(lease, 700ms, model::Delivery::Whole, kStart);
  }
  const TargetView view = world.target(0).view(kStart);
  EXPECT_EQ(view.in_flight, 0U);
  EXPECT_EQ(view.failed + view.succeeded + view.failures_in_row, 0U);
  EXPECT_EQ(view.latency, 700ms);
  EXPECT_NEAR(static_cast<double>(view.p95 / 1ms), 700, 700 / 8);
}

TEST(Router, AWindowMayBeLargerIfOneOfTheTwoIsNotKnown) {
  config::Settings settings = settings_of(3);
  settings.models[0].targets[0].context = 8000;
  settings.models[0].targets[1].context = 4000;
  World world(settings);
  const Plan plan = world.plan(kStart);
  EXPECT_FALSE(plan.is_larger({.model = 0, .target = 1}, {.model = 0, .target = 0}));
  EXPECT_TRUE(plan.is_larger({.model = 0, .target = 0}, {.model = 0, .target = 1}));
  EXPECT_TRUE(plan.is_larger({.model = 0, .target = 2}, {.model = 0, .target = 0}));
  EXPECT_TRUE(plan.is_larger({.model = 0, .target = 0}, {.model = 0, .target = 2}));
  EXPECT_FALSE(plan.is_larger({.model = 0, .target = 2}, {.model = 0, .target = 2}));
}

}  // namespace
}  // namespace headgate::routing
