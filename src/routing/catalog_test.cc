#include "routing/catalog.h"

#include <gtest/gtest.h>

namespace headgate::routing {
namespace {

config::Settings two_models() {
  config::Settings settings;
  config::ProviderSettings local;
  local.name = "local";
  local.protocol = "openai";
  local.base_url = "http://127.0.0.1:8000/v1/";
  local.api_keys = {config::Secret("sk-one"), config::Secret("sk-two")};
  settings.providers = {local};
  config::ModelSettings gemma;
  gemma.name = "gemma";
  gemma.aliases = {"google/gemma-3-4b-it"};
  gemma.targets.emplace_back();
  gemma.targets[0].provider = "local";
  gemma.targets[0].model = "gemma \"4b\"";
  config::ModelSettings small;
  small.name = "small";
  small.targets.emplace_back();
  small.targets[0].provider = "local";
  settings.models = {gemma, small};
  return settings;
}

TEST(Catalog, FindsModelsByNameAndAlias) {
  const auto catalog = Catalog::build(two_models());
  ASSERT_TRUE(catalog) << catalog.error().message;
  const auto gemma = (*catalog)->find("google/gemma-3-4b-it");
  ASSERT_TRUE(gemma);
  EXPECT_EQ((*gemma)->name, "gemma");
  EXPECT_EQ((*gemma)->targets[0].name.json_model, R"("gemma \"4b\"")");
  EXPECT_EQ((*gemma)->targets[0].credentials.size(), 2U);
  EXPECT_EQ((*gemma)->targets[0].base.target, "/v1");
  EXPECT_EQ((*(*catalog)->find("small"))->targets[0].name.model, "small");
}

TEST(Catalog, AnUnknownModelIsNotFoundWithNearNames) {
  const auto catalog = Catalog::build(two_models());
  const auto missing = (*catalog)->find("gema");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::NotFound);
  EXPECT_EQ(missing.error().code, "model_not_found");
  EXPECT_NE(missing.error().details_json.find("\"gemma\""), std::string::npos);
  EXPECT_EQ(missing.error().details_json.find("small"), std::string::npos);
}

TEST(Catalog, AProviderOfAnyModelTakesNamesThatAreNotConfigured) {
  config::Settings settings = two_models();
  settings.providers[0].any_model = true;
  const auto catalog = Catalog::build(settings);
  const auto model = (*catalog)->find("gpt-4o-mini");
  ASSERT_TRUE(model);
  EXPECT_EQ((*model)->targets[0].name.model, "gpt-4o-mini");
}

TEST(Catalog, NamesTheOptionAtFault) {
  config::Settings settings = two_models();
  settings.providers[0].base_url = "not a url";
  const auto catalog = Catalog::build(settings);
  ASSERT_FALSE(catalog);
  EXPECT_NE(catalog.error().message.find("providers.local.base_url"), std::string::npos);
}

}  // namespace
}  // namespace headgate::routing
