#include "config/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"

namespace headgate::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Checks, ContradictionsAreRefused) {
  struct Case {
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {"server: {listen: \"0.0.0.0:8080\"}\n", "HEADGATE_SERVER_INSECURE=true"},
      {"server: {listen: \"[::]:8080\"}\n", "it needs TLS"},
      {"server: {listen: \"192.0.2.1:8080\"}\n", "it needs TLS"},
      {"server: {listen: [\"127.0.0.1:1\", \"*:2\"]}\n", "it needs TLS"},
      {"server: {admin_listen: \"0.0.0.0:9090\"}\n", "server.admin_listen: 0.0.0.0:9090"},
      {"server: {tls: {cert: a.pem}}\n", "set cert and key together"},
      {"server: {tls: {key: a.pem}}\n", "set cert and key together"},
      {"server: {tls: {client_ca: a.pem}}\n", "needs server.tls.cert"},
      {"server: {cors: {allow_origins: [\"*\"], allow_credentials: true}}\n", "name the origins"},
      {"models: {m: {targets: [{provider: embeded}]}}\n",
       "no provider \"embeded\"; the nearest is \"embedded\""},
      {"models: {m: {targets: [{provider: embedded}]}}\n", "serves the kinds ocr, classify"},
      {"models: {m: {kind: ocr}}\n", "needs at least one target"},
      {"models: {m: {kind: ocr, aliases: [document-ocr], targets: [{provider: embedded}]}}\n",
       "\"document-ocr\" already names the model document-ocr"},
      {"models: {m: {kind: ocr, aliases: [a, a], targets: [{provider: embedded}]}}\n",
       "\"a\" already names the model m"},
      {"providers: {p: {}}\n", "name its protocol"},
      {"providers: {p: {protocol: openai}}\n", "needs a base_url"},
      {"providers: {p: {protocol: embedded, any_model: true}}\n", "documents only"},
      {"providers: {p: {protocol: openai, base_url: \"http://a\", any_model: true}, q: {protocol: "
       "openai, base_url: \"http://b\", any_model: true}}\n",
       "providers.q.any_model: another provider has it already"},
      {"providers: {r: {protocol: runpod, base_url: \"https://r\"}}\n"
       "models: {m: {kind: ocr, targets: [{provider: r}]}}\n",
       "needs an endpoint"},
      {"auth: {keys: [{name: a, key: short, scopes: [admin]}]}\n", "12 characters or more"},
      {"auth: {keys: [{name: a, key: 0123456789abc}]}\n", "at least one scope"},
      {"auth: {keys: [{key: 0123456789abc, scopes: [admin]}]}\n", "each key needs a name"},
      {"auth: {keys: [{name: a, key: 0123456789abc, scopes: [admin], tier: pr}]}\n",
       "no tier \"pr\"; the nearest is \"pro\""},
      {"auth: {keys: [{name: a, key: 0123456789abc, scopes: [admin]}, {name: a, key: "
       "0123456789abd, "
       "scopes: [admin]}]}\n",
       "two keys have this name"},
      {"auth: {keys: [{name: a, key: 0123456789abc, scopes: [admin]}, {name: b, key: "
       "0123456789abc, "
       "scopes: [admin]}]}\n",
       "another entry has the same key"},
      {"auth: {jwt: {old_secrets: [short]}}\n", "auth.jwt.old_secrets: shorter than 32 bytes"},
      {"webhooks: {secret: whsec_short}\n", "webhooks.secret: not whsec_ and the base64"},
      {"webhooks: {old_secrets: [old]}\n", "webhooks.old_secrets: not whsec_ and the base64"},
      {"auth: {admin_password: seven77}\n", "shorter than 8 characters"},
      {"auth: {admin_password: admin}\nserver: {listen: \"0.0.0.0:1\", insecure: true}\n",
       "everyone knows this password"},
      {"limits: {tiers: {t: {per_window: 5}}}\n", "set per_window and window together"},
  };
  for (const Case& test : cases) {
    const auto loaded = load_text(test.text, "f", {});
    ASSERT_FALSE(loaded) << test.text;
    EXPECT_THAT(loaded.error().message, HasSubstr(test.message)) << test.text;
  }
}

/// A model m of the targets p/x and q, with more options of it, and beside it the model gemma.
std::string routed(const std::string& more) {
  return "providers: {p: {protocol: openai, base_url: \"http://h/v1\"}, q: {protocol: openai, "
         "base_url: \"http://h/v1\"}}\n"
         "models: {gemma: {aliases: [small-one], targets: [{provider: p}]}, m: {targets: "
         "[{provider: p, "
         "model: x}, {provider: q}], " +
         more + "}}\n";
}

TEST(Checks, RulesAndFallbacksNameWhatThereIs) {
  struct Case {
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {"fallback_models: [gema]", "no model \"gema\"; the nearest is \"gemma\""},
      {"fallback_models: [m]", "models.m.fallback_models: \"m\" is this model itself"},
      {"rules: [{images: with}]", "models.m.rules[0]: say what follows: prefer, only or model"},
      {"rules: [{model: gemma, only: [p]}]", "prefer and only have no meaning"},
      {"rules: [{only: [q]}, {prefer: [p/y]}]",
       "models.m.rules[1].prefer: no target \"p/y\"; the nearest is \"p/x\""},
      {"rules: [{only: [qq]}]", "models.m.rules[0].only: no target \"qq\"; the nearest is"},
      {"rules: [{model: gemm}]", "rules[0].model: no model \"gemm\"; the nearest is \"gemma\""},
      {"rules: [{model: m}]", "is this model itself"},
      {"rules: [{only: [p], min_input_tokens: 9, max_input_tokens: 8}]", "is below"},
      {"rules: [{only: [p], hours: \"9-17\"}]", "is not a part of the day"},
      {"rules: [{only: [p], kinds: [chatt]}]", "is not one of chat, completion"},
      {"rules: [{only: [p], images: maybe}]", "is not one of any, with, without"},
      {"hedge: {after: soon}", "is not off, p95 or a duration"},
      {"hedge: {after: 0s}", "is not off, p95 or a duration"},
      {"min_confidence: 1.5", "models.m.min_confidence"},
  };
  for (const Case& test : cases) {
    const auto loaded = load_text(routed(test.text), "f", {});
    ASSERT_FALSE(loaded) << test.text;
    EXPECT_THAT(loaded.error().message, HasSubstr(test.message)) << test.text;
  }
  const auto misnamed = load_text(
      "providers: {p: {protocol: openai, base_url: \"http://h/v1\"}}\n"
      "models: {m: {targets: [{provider: p, supports: [image]}]}}\n",
      "f", {});
  ASSERT_FALSE(misnamed);
  EXPECT_THAT(misnamed.error().message, HasSubstr("is not one of text, images, tools"));
}

TEST(Checks, RulesAndFallbacksThatAreSoundAreTaken) {
  const auto loaded = load_text(
      routed(
          "fallback_models: [small-one], min_confidence: 0.8, hedge: {after: p95}, rules: [{kinds: "
          "[Extract], only: [p, q/m]}, {hours: \"22:00-06:00\", prefer: [p/x]}, {model: "
          "small-one}]"),
      "f", {});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_THAT(loaded->warnings, IsEmpty());
  const ModelSettings& model = loaded->settings.models.back();
  EXPECT_EQ(model.name, "m");
  ASSERT_EQ(model.rules.size(), 3U);
  EXPECT_THAT(model.rules[0].kinds, ElementsAre("extract"));
  EXPECT_THAT(model.rules[0].only, ElementsAre("p", "q/m"));
  EXPECT_EQ(model.rules[2].model, "small-one");
  EXPECT_EQ(model.hedge_after, "p95");
  EXPECT_EQ(model.min_confidence, 0.8);
}

TEST(Checks, WhatIsUnusualButAllowedWarns) {
  struct Case {
    const char* text;
    const char* warning;
  };
  const Case cases[] = {
      {"server: {listen: \"0.0.0.0:8080\", insecure: true}\n", "answers plain HTTP"},
      {"auth: {admin_password: admin}\n", "accepted on loopback only"},
      {"store: {url: \"postgres://u:p@h/d\"}\n", "does not serve PostgreSQL yet"},
      {"shared: {url: \"redis://h\"}\n", "not used by this version yet"},
  };
  for (const Case& test : cases) {
    const auto loaded = load_text(test.text, "f", {});
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_THAT(loaded->warnings, ElementsAre(HasSubstr(test.warning))) << test.text;
  }
}

TEST(Checks, SafeListenersPassWithoutWarning) {
  for (const char* text :
       {"server: {listen: \"0.0.0.0:443\", tls: {cert: a.pem, key: b.pem}}\n",
        "server: {listen: [\"localhost:1\", \"[::1]:2\", \"127.5.5.5:3\"]}\n",
        "providers: {local: {protocol: openai, base_url: \"http://127.0.0.1:8000/v1\"}}\n"}) {
    const auto loaded = load_text(text, "f", {});
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_THAT(loaded->warnings, IsEmpty()) << text;
  }
}

}  // namespace
}  // namespace headgate::config
