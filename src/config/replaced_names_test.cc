#include "config/replaced_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"

namespace headgate::config {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kJwtSecret = "0f8c1d7e9b2a4f6c8e0d1b3a5c7e9f1a";

Result<LoadedConfig> with(Environment environment, std::string_view file = {}) {
  LoadRequest request;
  request.environment = std::move(environment);
  return file.empty() ? load(request) : load_text(file, "headgate.yaml", request);
}

const ProviderSettings* provider_named(const Settings& settings, std::string_view name) {
  for (const ProviderSettings& provider : settings.providers) {
    if (provider.name == name) {
      return &provider;
    }
  }
  return nullptr;
}

const ModelSettings& model_named(const Settings& settings, std::string_view name) {
  for (const ModelSettings& model : settings.models) {
    if (model.name == name) {
      return model;
    }
  }
  throw std::out_of_range(std::string(name));
}

TEST(ReplacedNames, TheDocumentGatewaysEnvironmentStartsAGateway) {
  const auto loaded = with({{"GATEWAY_API_KEY", "k-8c1d7e9b2a4f"},
                            {"RUNPOD_API_KEY", "rp-secret"},
                            {"RUNPOD_CLASSIFY_ENDPOINT", "abc123xyz"},
                            {"RUNPOD_EXTRACT_ENDPOINT", "def456uvw"},
                            {"RUNPOD_TIMEOUT", "120"},
                            {"RUNPOD_MAX_RETRIES", "5"},
                            {"RATE_LIMIT_REQUESTS", "200"},
                            {"RATE_LIMIT_WINDOW", "60"},
                            {"LOG_LEVEL", "INFO"}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  const Settings& settings = loaded->settings;
  ASSERT_EQ(settings.auth.keys.size(), 1U);
  const StaticKey& key = settings.auth.keys[0];
  EXPECT_EQ(key.key.reveal(), "k-8c1d7e9b2a4f");
  EXPECT_EQ(key.tier, "default");
  for (const auto scope :
       {model::Scope::InferenceText, model::Scope::InferenceImage, model::Scope::InferenceAudio,
        model::Scope::InferenceDocument, model::Scope::ModelsRead, model::Scope::JobsRead,
        model::Scope::JobsWrite}) {
    EXPECT_TRUE(key.scopes.allows(scope)) << model::name_of(scope);
  }
  EXPECT_FALSE(key.scopes.allows(model::Scope::Admin));
  EXPECT_FALSE(key.scopes.allows(model::Scope::ModelsWrite));

  const ProviderSettings* runpod = provider_named(settings, "runpod");
  ASSERT_NE(runpod, nullptr);
  EXPECT_EQ(runpod->protocol, "runpod");
  EXPECT_EQ(runpod->api_keys.at(0).reveal(), "rp-secret");
  EXPECT_EQ(runpod->timeout, Milliseconds{120'000});
  for (const auto& [name, endpoint] : {std::pair{"document-classifier", "abc123xyz"},
                                       std::pair{"document-extractor", "def456uvw"}}) {
    const ModelSettings& model = model_named(settings, name);
    ASSERT_EQ(model.targets.size(), 2U);
    EXPECT_EQ(model.targets[0].provider, "runpod");
    EXPECT_EQ(model.targets[0].endpoint, endpoint);
    EXPECT_EQ(model.targets[1].provider, "embedded");
    EXPECT_EQ(model.retry.max_attempts, 5U);
  }
  EXPECT_THAT(loaded->warnings, Not(Contains(HasSubstr("runpod"))));
  EXPECT_EQ(model_named(settings, "document-ocr").targets.size(), 1U);
  EXPECT_EQ(settings.tiers.at("default").per_minute, 200U);
  EXPECT_EQ(settings.tiers.at("default").burst, 0U);
  for (const std::string& warning : loaded->warnings) {
    EXPECT_THAT(warning, Not(HasSubstr("rp-secret")));
  }
}

TEST(ReplacedNames, RateLimitsAreExactForEveryWindow) {
  struct Case {
    const char* requests;
    const char* window;
    TierSettings expected;
  };
  const Case cases[] = {
      {"50", "", {.per_minute = 50}},
      {"", "60", {.per_minute = 100}},
      {"50", "3600", {.per_hour = 50}},
      {"50", "10", {.per_window = 50, .window = Milliseconds{10'000}}},
  };
  for (const Case& test : cases) {
    const auto loaded =
        with({{"RATE_LIMIT_REQUESTS", test.requests}, {"RATE_LIMIT_WINDOW", test.window}});
    ASSERT_TRUE(loaded) << loaded.error().message;
    const TierSettings& tier = loaded->settings.tiers.at("default");
    EXPECT_EQ(tier.per_minute, test.expected.per_minute);
    EXPECT_EQ(tier.per_hour, test.expected.per_hour);
    EXPECT_EQ(tier.per_window, test.expected.per_window);
    EXPECT_EQ(tier.window, test.expected.window);
    EXPECT_EQ(tier.burst, 0U);
  }
  EXPECT_THAT(with({{"RATE_LIMIT_REQUESTS", "many"}}).error().message,
              HasSubstr("environment variable RATE_LIMIT_REQUESTS: \"many\" is not a whole"));
  EXPECT_FALSE(with({{"RATE_LIMIT_WINDOW", "0"}}));
}

TEST(ReplacedNames, ListenAddressesAreConsentToPlainHttpWithAWarning) {
  const auto open = with({{"SERVER_HOST", "0.0.0.0"}, {"SERVER_PORT", "9000"}});
  ASSERT_TRUE(open) << open.error().message;
  EXPECT_THAT(open->settings.server.listen, ElementsAre("0.0.0.0:9000"));
  EXPECT_TRUE(open->settings.server.insecure);
  EXPECT_THAT(open->warnings, ElementsAre(HasSubstr("answers plain HTTP to other machines")));

  const auto port = with({{"API_PORT", "9001"}});
  EXPECT_THAT(port->settings.server.listen, ElementsAre("127.0.0.1:9001"));
  EXPECT_FALSE(port->settings.server.insecure);
  const auto v6 = with({{"API_HOST", "::1"}});
  EXPECT_THAT(v6->settings.server.listen, ElementsAre("[::1]:8080"));
  EXPECT_FALSE(v6->settings.server.insecure);
  const auto file = with({{"SERVER_PORT", "9002"}}, "server: {listen: \"127.0.0.2:1\"}\n");
  EXPECT_THAT(file->settings.server.listen, ElementsAre("127.0.0.2:9002"));
  const auto ours = with({{"SERVER_HOST", "0.0.0.0"}, {"HEADGATE_SERVER_LISTEN", "127.0.0.1:7"}});
  EXPECT_THAT(ours->settings.server.listen, ElementsAre("127.0.0.1:7"));
  EXPECT_FALSE(ours->settings.server.insecure);
  EXPECT_FALSE(with({{"SERVER_PORT", "99999"}}));
}

TEST(ReplacedNames, VendorKeysMakeProviders) {
  const auto loaded = with({{"OPENAI_API_KEY_2", "b"},
                            {"OPENAI_API_KEY_10", "c"},
                            {"OPENAI_API_KEY_1", "a\n"},
                            {"OPENAI_API_KEY", "a"},
                            {"OPENAI_API_KEY_3", ""},
                            {"OPENAI_API_KEY_X", "no"},
                            {"ANTHROPIC_API_KEY", "d"},
                            {"GEMINI_API_KEY_1", "e"}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  const ProviderSettings* openai = provider_named(loaded->settings, "openai");
  ASSERT_NE(openai, nullptr);
  EXPECT_EQ(openai->base_url, "https://api.openai.com/v1");
  EXPECT_TRUE(openai->any_model);
  std::vector<std::string> keys;
  for (const Secret& key : openai->api_keys) {
    keys.push_back(key.reveal());
  }
  EXPECT_THAT(keys, ElementsAre("a", "b", "c"));
  EXPECT_EQ(provider_named(loaded->settings, "anthropic")->protocol, "anthropic");
  EXPECT_FALSE(provider_named(loaded->settings, "anthropic")->any_model);
  EXPECT_EQ(provider_named(loaded->settings, "gemini")->protocol, "gemini");
  EXPECT_THAT(loaded->warnings, Not(Contains(HasSubstr("yet"))));
}

TEST(ReplacedNames, WhatTheFileDescribesIsLeftAlone) {
  const auto loaded =
      with({{"OPENAI_API_KEY", "from-environment"},
            {"ANTHROPIC_API_KEY", "x"},
            {"GATEWAY_API_KEY", "k-8c1d7e9b2a4f"},
            {"RUNPOD_API_KEY", "r"},
            {"RUNPOD_CLASSIFY_ENDPOINT", "abc"}},
           "providers: {openai: {protocol: openai, base_url: \"http://127.0.0.1:1\"}}\n"
           "models: {document-classifier: {kind: classify, targets: [{provider: embedded}]}}\n"
           "auth: {keys: [{name: pipeline, key: \"${GATEWAY_API_KEY}\", scopes: "
           "[inference:document]}]}\n");
  ASSERT_TRUE(loaded) << loaded.error().message;
  const ProviderSettings* openai = provider_named(loaded->settings, "openai");
  EXPECT_EQ(openai->base_url, "http://127.0.0.1:1");
  EXPECT_THAT(openai->api_keys, IsEmpty());
  EXPECT_FALSE(openai->any_model);
  EXPECT_EQ(model_named(loaded->settings, "document-classifier").targets.size(), 1U);
  ASSERT_EQ(loaded->settings.auth.keys.size(), 1U);
  EXPECT_EQ(loaded->settings.auth.keys[0].name, "pipeline");

  const auto models = with({{"OPENAI_API_KEY", "a"}},
                           "models: {m: {kind: ocr, targets: [{provider: embedded}]}}\n");
  EXPECT_FALSE(provider_named(models->settings, "openai")->any_model);
}

TEST(ReplacedNames, SecretsStoresAndLifetimes) {
  const auto loaded = with({{"SECRET_KEY", kJwtSecret},
                            {"API_KEY_EXPIRY", "86400"},
                            {"DATABASE_URL", "postgresql://user:canary@localhost/gateway"},
                            {"REDIS_URL", "redis://:canary@redis:6379/0"}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->settings.auth.jwt_secret.reveal(), kJwtSecret);
  EXPECT_EQ(loaded->settings.auth.key_lifetime, Milliseconds{86'400'000});
  EXPECT_EQ(loaded->settings.store_url, "sqlite:");
  EXPECT_EQ(loaded->settings.shared_url, "redis://:canary@redis:6379/0");
  EXPECT_THAT(loaded->warnings, ElementsAre(HasSubstr("DATABASE_URL"), HasSubstr("REDIS_URL")));
  for (const std::string& warning : loaded->warnings) {
    EXPECT_THAT(warning, Not(HasSubstr("canary")));
  }
  const auto sqlite = with({{"DATABASE_URL", "sqlite+aiosqlite:///./gateway.db"}});
  EXPECT_EQ(sqlite_path(sqlite->settings), "./gateway.db");
  EXPECT_THAT(sqlite->warnings, IsEmpty());
  const auto both = with({{"JWT_SECRET", kJwtSecret}, {"SECRET_KEY", "ignored"}});
  EXPECT_EQ(both->settings.auth.jwt_secret.reveal(), kJwtSecret);
}

TEST(ReplacedNames, ExamplesFromTheDocumentsAreRefusedAsSecrets) {
  const Environment cases[] = {
      {{"JWT_SECRET", "your-secret-key"}},
      {{"JWT_SECRET", "your-secure-secret-key"}},
      {{"JWT_SECRET", "your-secret-key-change-this-in-production-please"}},
      {{"SECRET_KEY", "changeme"}},
      {{"JWT_SECRET", "only-31-bytes-only-31-bytes-only"},
       {"HEADGATE_AUTH_JWT_SECRET", "abc-xyz-9"}},
      {{"JWT_SECRET", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}},
      {{"GATEWAY_API_KEY", "your-secure-api-key-here"}},
      {{"GATEWAY_API_KEY", "your-api-key"}},
      {{"GATEWAY_API_KEY", "test-key"}},
  };
  for (const Environment& environment : cases) {
    const auto loaded = with(environment);
    ASSERT_FALSE(loaded) << environment.begin()->second;
    EXPECT_THAT(loaded.error().message,
                testing::AnyOf(HasSubstr("an example that everyone knows"), HasSubstr("shorter")));
    EXPECT_THAT(loaded.error().message, Not(HasSubstr(environment.begin()->second)));
  }
}

TEST(ReplacedNames, EndpointsWithoutAKeyWarnAndEmptyVariablesAreUnset) {
  const auto loaded = with({{"RUNPOD_CLASSIFY_ENDPOINT", "abc"}, {"RUNPOD_API_KEY", " "}});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(provider_named(loaded->settings, "runpod"), nullptr);
  EXPECT_THAT(loaded->warnings, ElementsAre(HasSubstr("without RUNPOD_API_KEY")));
}

TEST(ReplacedNames, AFileOfTheWrongShapeIsStillRefused) {
  const Environment environment{{"LOG_LEVEL", "info"},
                                {"OPENAI_API_KEY", "a"},
                                {"RUNPOD_API_KEY", "r"},
                                {"RUNPOD_CLASSIFY_ENDPOINT", "e"}};
  for (const char* text : {"log: 5\n", "providers: 5\n", "models: [a]\n", "providers: [a]\n"}) {
    EXPECT_FALSE(with(environment, text)) << text;
  }
}

}  // namespace
}  // namespace headgate::config
