#include "limits/pricing.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace headgate::limits {
namespace {

config::TargetSettings target(double input, double output, std::string provider = {},
                              std::string model = {}) {
  config::TargetSettings made;
  made.provider = std::move(provider);
  made.model = std::move(model);
  made.price_input = input;
  made.price_output = output;
  return made;
}

TEST(Pricing, IsExactAndRoundsUpOnce) {
  const Price price = price_of(target(0.075, 0.3));
  EXPECT_EQ(micro_usd(price, {.input = 1'000'000, .output = 0}), 75'000);
  EXPECT_EQ(micro_usd(price, {.input = 1'000, .output = 1'000}), 375);
  EXPECT_EQ(micro_usd(price, {.input = 1, .output = 0}), 1) << "less than a millionth is one";
  EXPECT_EQ(micro_usd(price, {.input = 0, .output = 0}), 0);
  EXPECT_EQ(micro_usd({}, {.input = 5'000, .output = 5'000}), 0);
  EXPECT_EQ(micro_usd(price, {.input = -1, .output = -1}), 0) << "unknown";
}

TEST(Pricing, ImagesCharactersAndSoundHavePricesOfTheirOwn) {
  config::TargetSettings made;
  made.price_image = 0.04;
  made.price_characters = 15;
  made.price_minute = 0.006;
  const Price price = price_of(made);
  EXPECT_EQ(micro_usd(price, {.images = 3}), 120'000);
  EXPECT_EQ(micro_usd(price, {.characters = 1'000'000}), 15'000'000);
  EXPECT_EQ(micro_usd(price, {.audio_ms = 90'000}), 9'000);
  EXPECT_EQ(micro_usd(price, {.input = 5, .images = -1, .characters = -1, .audio_ms = -1}), 0);
}

TEST(Pricing, AbsurdFiguresAreBounded) {
  const Price dear = price_of(target(1e300, -1));
  EXPECT_EQ(micro_usd(dear, {.input = INT64_MAX, .output = INT64_MAX}), kMostMicroUsd);
  EXPECT_EQ(dear.output, 0);
}

TEST(Pricing, DollarsAreWrittenWithoutLoss) {
  EXPECT_EQ(micro_usd_of(5), 5'000'000);
  EXPECT_EQ(micro_usd_of(0.1), 100'000);
  EXPECT_EQ(micro_usd_of(0.0000004), 0);
  EXPECT_EQ(usd_text(0), "0.00");
  EXPECT_EQ(usd_text(4'500'000), "4.50");
  EXPECT_EQ(usd_text(125), "0.000125");
  EXPECT_EQ(usd_text(1'234'567'890'123), "1234567.890123");
  EXPECT_EQ(usd_text(-1'500'000), "-1.50");
}

TEST(Pricing, KnowsTargetsByTheNameTheyAnswerUnder) {
  config::Settings settings;
  auto& model = settings.models.emplace_back();
  model.name = "chat";
  model.aliases = {"talk"};
  model.targets = {target(1, 9, "cheap"), target(5, 7, "dear", "big")};
  const PriceList prices(settings);
  EXPECT_EQ(prices.of("chat", "cheap", "chat").output, 9'000'000);
  EXPECT_EQ(prices.of("chat", "dear", "big").input, 5'000'000);
  EXPECT_EQ(prices.of("chat", "dear", "chat").input, 0);
  for (const char* name : {"chat", "talk"}) {
    EXPECT_EQ(prices.highest(name).input, 5'000'000);
    EXPECT_EQ(prices.highest(name).output, 9'000'000);
  }
  EXPECT_EQ(prices.highest("other").input, 0);
}

TEST(Pricing, ATargetWithAnEndpointIsKnownByIt) {
  config::Settings settings;
  auto& model = settings.models.emplace_back();
  model.name = "reader";
  model.targets = {target(3, 4, "runpod")};
  model.targets.front().endpoint = "abc123";
  EXPECT_EQ(PriceList(settings).of("reader", "runpod", "abc123").input, 3'000'000);
}

TEST(Pricing, TheHighestIsAlsoThatOfModelsThatMayAnswerInstead) {
  config::Settings settings;
  for (const char* name : {"cheap", "dear", "ruled"}) {
    auto& model = settings.models.emplace_back();
    model.name = name;
    model.targets = {target(name[0] == 'c' ? 1 : 8, 1, "p")};
  }
  settings.models[0].aliases = {"small"};
  EXPECT_EQ(PriceList(settings).highest("cheap").input, 1'000'000);
  settings.models[0].fallback_models = {"dear"};
  EXPECT_EQ(PriceList(settings).highest("cheap").input, 8'000'000);
  EXPECT_EQ(PriceList(settings).highest("small").input, 8'000'000);
  settings.models[0].fallback_models.clear();
  settings.models[0].rules.emplace_back().model = "ruled";
  EXPECT_EQ(PriceList(settings).highest("cheap").input, 8'000'000);
}

}  // namespace
}  // namespace headgate::limits
