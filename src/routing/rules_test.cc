#include "routing/rules.h"

#include <gtest/gtest.h>

#include "routing/routing_fixture.h"

namespace headgate::routing {
namespace {

using namespace std::chrono_literals;

bool concerns(const config::RuleSettings& settings, const Needs& needs,
              std::string_view client = {}, WallTime time = {}) {
  const std::vector<Rule> rules = {make_rule(settings, {})};
  return matching(rules, {.needs = needs, .client = client, .principal = "key-1", .time = time}) !=
         nullptr;
}

config::RuleSettings rule() {
  config::RuleSettings settings;
  settings.model = "other";
  return settings;
}

TEST(Rules, WithoutConditionsAreAboutAll) { EXPECT_TRUE(concerns(rule(), {})); }

TEST(Rules, LookAtTheSize) {
  config::RuleSettings settings = rule();
  settings.min_input_tokens = 100;
  settings.max_input_tokens = 200;
  for (const auto& [tokens, expected] :
       {std::pair{99U, false}, {100U, true}, {200U, true}, {201U, false}}) {
    EXPECT_EQ(concerns(settings, {.input_tokens = tokens}), expected) << tokens;
  }
}

TEST(Rules, LookAtTheKind) {
  config::RuleSettings settings = rule();
  settings.kinds = {"classify", "extract"};
  EXPECT_TRUE(concerns(settings, {.kind = model::Kind::Extract}));
  EXPECT_FALSE(concerns(settings, {.kind = model::Kind::Chat}));
}

TEST(Rules, LookAtTheClientAndThePrincipal) {
  config::RuleSettings settings = rule();
  settings.clients = {"batch"};
  EXPECT_TRUE(concerns(settings, {}, "batch"));
  EXPECT_FALSE(concerns(settings, {}, "web"));
  settings.clients = {"key-1"};
  EXPECT_TRUE(concerns(settings, {}, "web"));
}

TEST(Rules, LookAtImages) {
  config::RuleSettings settings = rule();
  settings.images = "with";
  EXPECT_TRUE(concerns(settings, {.images = true}));
  EXPECT_FALSE(concerns(settings, {.images = false}));
  settings.images = "without";
  EXPECT_FALSE(concerns(settings, {.images = true}));
}

TEST(Rules, LookAtTheTimeOfDayAlsoOverMidnight) {
  config::RuleSettings settings = rule();
  const WallTime day = WallTime(std::chrono::sys_days{std::chrono::January / 15 / 2026});
  settings.hours = "22:00-06:30";
  EXPECT_TRUE(concerns(settings, {}, {}, day + 22h));
  EXPECT_TRUE(concerns(settings, {}, {}, day + 6h + 29min));
  EXPECT_FALSE(concerns(settings, {}, {}, day + 6h + 30min));
  EXPECT_FALSE(concerns(settings, {}, {}, day + 21h + 59min));
  settings.hours = "09:00-17:00";
  EXPECT_TRUE(concerns(settings, {}, {}, day + 9h));
  EXPECT_FALSE(concerns(settings, {}, {}, day + 17h));
}

TEST(Rules, TheFirstThatIsAboutARequestHolds) {
  config::RuleSettings images = rule();
  images.images = "with";
  images.model = "vision";
  const std::vector<Rule> rules = {make_rule(images, {}), make_rule(rule(), {})};
  const Needs with{.images = true};
  EXPECT_EQ(matching(rules, {.needs = with, .client = {}, .principal = {}})->model, "vision");
  EXPECT_EQ(matching(rules, {.needs = {}, .client = {}, .principal = {}})->model, "other");
}

TEST(Rules, NameTargetsByProviderOrProviderAndModel) {
  config::Settings settings = fixture::settings_of(3);
  settings.models[0].targets[2].provider = "a";
  settings.models[0].targets[2].model = "big";
  config::RuleSettings by_provider;
  by_provider.prefer = {"a"};
  config::RuleSettings by_model;
  by_model.only = {"a/big", "b"};
  settings.models[0].rules = {by_provider, by_model};
  const fixture::World world(settings);
  const std::vector<Rule>& rules = world.model()->rules;
  EXPECT_EQ(rules[0].prefer, (std::vector<std::size_t>{0, 2}));
  EXPECT_EQ(rules[1].only, (std::vector<std::size_t>{2, 1}));
}

}  // namespace
}  // namespace headgate::routing
