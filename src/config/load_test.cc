#include "config/load.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/options.h"
#include "config/print.h"

namespace headgate::config {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Result<LoadedConfig> load_file(std::string_view text, Environment environment = {},
                               std::vector<std::string> overrides = {}) {
  LoadRequest request;
  request.environment = std::move(environment);
  request.overrides = std::move(overrides);
  return load_text(text, "headgate.yaml", request);
}

/// The problems of a file that must be refused.
std::string refused(std::string_view text, Environment environment = {},
                    std::vector<std::string> overrides = {}) {
  const auto loaded = load_file(text, std::move(environment), std::move(overrides));
  return loaded ? "accepted" : loaded.error().message;
}

const ModelSettings* model_named(const Settings& settings, std::string_view name) {
  for (const ModelSettings& model : settings.models) {
    if (model.name == name) {
      return &model;
    }
  }
  return nullptr;
}

TEST(Load, NothingConfiguredServesDocumentsOnTheEmbeddedEngine) {
  const auto loaded = load({});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_THAT(loaded->warnings, IsEmpty());
  const Settings& settings = loaded->settings;
  EXPECT_THAT(settings.server.listen, ElementsAre("127.0.0.1:8080"));
  ASSERT_EQ(settings.providers.size(), 1U);
  EXPECT_EQ(settings.providers[0].name, "embedded");
  EXPECT_EQ(settings.providers[0].protocol, "embedded");
  ASSERT_EQ(settings.models.size(), 3U);
  for (const auto& [name, kind] :
       {std::pair{"document-classifier", "classify"}, std::pair{"document-extractor", "extract"},
        std::pair{"document-ocr", "ocr"}}) {
    const ModelSettings* model = model_named(settings, name);
    ASSERT_NE(model, nullptr) << name;
    EXPECT_EQ(model->kind, kind);
    ASSERT_EQ(model->targets.size(), 1U);
    EXPECT_EQ(model->targets[0].provider, "embedded");
  }
  EXPECT_EQ(settings.tiers.at("default").per_minute, 60U);
  EXPECT_EQ(settings.tiers.at("default").burst, 10U);
  EXPECT_EQ(settings.tiers.at("free").concurrent, 2U);
  EXPECT_EQ(settings.tiers.at("pro").per_hour, 1000U);
  EXPECT_EQ(settings.tiers.at("enterprise").per_minute, 1000U);
  EXPECT_EQ(sqlite_path(settings), "./data/headgate.db");
}

TEST(Load, TheExampleFileIsValidAndMeansWhatItSays) {
  LoadRequest request;
  request.file = HEADGATE_SOURCE_DIR "/examples/headgate.yaml";
  const auto loaded = load(request);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_THAT(loaded->warnings, IsEmpty());
  const Settings& settings = loaded->settings;
  const ModelSettings* gemma = model_named(settings, "gemma");
  ASSERT_NE(gemma, nullptr);
  EXPECT_THAT(gemma->aliases, ElementsAre("gemma-3-4b-it", "google/gemma-3-4b-it"));
  ASSERT_EQ(gemma->targets.size(), 2U);
  EXPECT_EQ(gemma->targets[0].provider, "local");
  EXPECT_EQ(gemma->targets[0].context, 131072U);
  EXPECT_EQ(gemma->targets[1].price_output, 0.6);
  EXPECT_EQ(gemma->queue.max_concurrent, 20U);
  EXPECT_EQ(gemma->queue.max_attempts, 4U);
  EXPECT_EQ(gemma->timeouts.total, Milliseconds{300'000});
  EXPECT_EQ(settings.routes.at(0).name, "/v1/ocr");
  EXPECT_EQ(settings.auth.refresh_ttl, Milliseconds{30LL * 86'400'000});
  EXPECT_EQ(settings.server.max_header_size, 32U << 10);
  EXPECT_NE(model_named(settings, "document-classifier"), nullptr);

  // Written out and read again it is the same.
  const auto again = load_file(to_yaml(settings));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(to_json(again->settings), to_json(settings));
}

TEST(Load, ErrorsSayWhatIsWrongWhatIsAllowedAndWhere) {
  struct Case {
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {"server:\n  lisetn: 127.0.0.1:1\n",
       "headgate.yaml:2:3: unknown key \"server.lisetn\"; the nearest known key is "
       "\"server.listen\""},
      {"sever: {}\n",
       "headgate.yaml:1:1: unknown key \"sever\"; the nearest known key is "
       "\"server\""},
      {"max_body_size: 1MiB\n", "the nearest known key is \"server.max_body_size\""},
      {"models: {m: {knd: chat, targets: []}}\n",
       "unknown key \"models.m.knd\"; the nearest known key is \"models.m.kind\""},
      {"models: {m: {targets: [{provder: embedded}]}}\n",
       "\"models.m.targets[0].provder\"; the nearest known key is "
       "\"models.m.targets[0].provider\""},
      {"server: {max_header_size: 12Q}\n",
       "headgate.yaml:1:27: server.max_header_size: \"12Q\" is not a size; write for example 8KiB"},
      {"server: {max_header_size: 12}\n", "\"12\" is out of bounds; allowed are 1KiB to 1MiB"},
      {"server: {header_timeout: 10}\n", "\"10\" is not a duration; write for example 300ms"},
      {"server: {header_timeout: 1ms}\n", "out of bounds; allowed are 100ms to 1h"},
      {"server: {threads: many}\n", "\"many\" is not a whole number or auto"},
      {"server: {threads: -1}\n", "\"-1\" is not a whole number or auto"},
      {"server: {threads: 5000}\n", "allowed are 0 to 1024"},
      {"server: {max_connections: 1.5}\n", "\"1.5\" is not a whole number"},
      {"server: {insecure: maybe}\n", "\"maybe\" is not true or false"},
      {"server: {listen: nowhere}\n", "\"nowhere\" is not an address and port"},
      {"server: {listen: [{a: 1}]}\n", "server.listen: expected a list of plain values"},
      {"server: {listen: []}\n", "server.listen: name at least one address"},
      {"server: 8080\n", "server: expected a map of options, not a value"},
      {"server: {tls: [a]}\n", "server.tls: expected a map of options, not a list"},
      {"server: {threads: [1]}\n",
       "expected one value (whole number or auto, 0 to 1024), not a list"},
      {"server: {trusted_proxies: [10.0.0.0/99]}\n", "\"10.0.0.0/99\" is not an address range"},
      {"server: {cors: {allow_origins: [app.example.com]}}\n", "is not an origin"},
      {"log: {level: loud}\n", "\"loud\" is not one of trace, debug, info, warning, error"},
      {"auth: {keys: [{name: a, key: 0123456789abc, scopes: [inference]}]}\n",
       "\"inference\" is not a scope; the scopes are models:read"},
      {"auth: {keys: {name: a}}\n", "auth.keys: expected a list, not a map"},
      {"providers: [a]\n", "providers: expected a map from names to options, not a list"},
      {"providers: {\"a b\": {}}\n", "\"a b\" is not a name"},
      {"models: {m: {kind: talk}}\n", "\"talk\" is not one of chat, completion"},
      {"models: {m: {strategy: best}}\n", "\"best\" is not one of ordered, round_robin"},
      {"telemetry: {sample: 2}\n", "allowed are 0 to 1"},
      {"telemetry: {sample: nan}\n", "is not a number"},
      {"documents: {resolution: huge}\n", "is not one of tiny, small, base, large, gundam"},
      {"store: {url: mysql://x}\n", "is not a store"},
      {"a: 1\na: 2\n", "headgate.yaml:2:1: the key \"a\" is already set on line 1"},
      {"server: {listen: \"${NOT_SET}\"}\n",
       "headgate.yaml:1:18: the environment variable NOT_SET is not set"},
      {"- a\n", "headgate.yaml:1:1: expected a map of options"},
      {"hello\n", "expected a map of options"},
  };
  for (const Case& test : cases) {
    EXPECT_THAT(refused(test.text), HasSubstr(test.message)) << test.text;
  }
}

TEST(Load, OneRunShowsAllProblems) {
  const std::string message = refused("log: {level: loud}\nserver: {threads: x, what: 1}\n");
  EXPECT_THAT(message,
              AllOf(HasSubstr("loud"), HasSubstr("server.threads"), HasSubstr("server.what")));
}

TEST(Load, MessagesNeverHoldSecrets) {
  const Environment environment{{"S", "canary-value"}};
  for (const char* text :
       {"auth: {jwt: {secret: \"canary\\nvalue-long\"}}\n", "auth: {jwt: {secret: canary-value}}\n",
        "auth: {admin_password: canary}\n", "auth: {admin_password: [canary]}\n",
        "auth: {keys: [{name: k, key: canary, scopes: [admin]}]}\n",
        "providers: {p: {protocol: openai, base_url: \"http://h\", api_keys: "
        "[\"canary\\n\"]}}\n",
        "log: {level: \"${S}\"}\n", "server: {threads: \"${S}\"}\n",
        "store: {url: \"mysql://u:canary@h/d\"}\n"}) {
    EXPECT_THAT(refused(text, environment), AllOf(Not(HasSubstr("canary")), Not("accepted")))
        << text;
  }
}

TEST(Load, LaterSourcesWin) {
  const char* file = "log: {level: error}\nserver: {threads: 2}\n";
  EXPECT_EQ(load_file(file)->settings.log.level, "error");
  EXPECT_EQ(load_file(file, {{"LOG_LEVEL", "WARN"}})->settings.log.level, "warning");
  EXPECT_EQ(
      load_file(file, {{"LOG_LEVEL", "WARN"}, {"HEADGATE_LOG_LEVEL", "debug"}})->settings.log.level,
      "debug");
  const auto all = load_file(file, {{"LOG_LEVEL", "WARN"}, {"HEADGATE_LOG_LEVEL", "debug"}},
                             {"log.level=trace", "server.threads=auto"});
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(all->settings.log.level, "trace");
  EXPECT_EQ(all->settings.server.threads, 0U);
}

TEST(Load, EnvironmentNamesReachEveryKindOfOption) {
  const auto loaded = load_file("providers: {my-llm: {protocol: openai, base_url: \"http://a\"}}\n",
                                {{"HEADGATE_SERVER_LISTEN", "127.0.0.1:1, [::1]:2"},
                                 {"HEADGATE_SERVER_TRUSTED_PROXIES", "[10.0.0.0/8, 'fd00::/8']"},
                                 {"HEADGATE_DATA_DIR", "/var/lib/headgate"},
                                 {"HEADGATE_ADMIN_PASSWORD", "correct horse"},
                                 {"HEADGATE_LIMITS_TIERS_DEFAULT_PER_MINUTE", "7"},
                                 {"HEADGATE_PROVIDERS_MY_LLM_BASE_URL", "http://b/v1/"},
                                 {"HEADGATE_MODELS_DOCUMENT_OCR_TIMEOUTS_TOTAL", "9s"},
                                 {"HEADGATE_LOG_LEVEL", ""}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  const Settings& settings = loaded->settings;
  EXPECT_THAT(settings.server.listen, ElementsAre("127.0.0.1:1", "[::1]:2"));
  EXPECT_THAT(settings.server.trusted_proxies, ElementsAre("10.0.0.0/8", "fd00::/8"));
  EXPECT_EQ(settings.data_dir, "/var/lib/headgate");
  EXPECT_EQ(settings.auth.admin_password.reveal(), "correct horse");
  EXPECT_EQ(settings.tiers.at("default").per_minute, 7U);
  EXPECT_EQ(settings.tiers.at("default").burst, 10U);
  EXPECT_EQ(settings.providers.at(1).base_url, "http://b/v1");
  EXPECT_EQ(model_named(settings, "document-ocr")->timeouts.total, Milliseconds{9'000});
  EXPECT_EQ(settings.log.level, "info");

  EXPECT_THAT(refused("", {{"HEADGATE_LOG_LEVEL", "loud"}}),
              HasSubstr("environment variable HEADGATE_LOG_LEVEL: log.level: \"loud\""));
}

TEST(Load, UnknownEnvironmentNamesWarnUnlessSomeoneElseUsesThem) {
  const auto loaded =
      load_file("data_dir: \"${HEADGATE_HOME}\"\n", {{"HEADGATE_LOG_LEVL", "debug"},
                                                     {"HEADGATE_HOME", "/srv"},
                                                     {"HEADGATE_PORT", "tcp://10.0.0.1:8080"},
                                                     {"HEADGATE_SERVICE_HOST", "10.0.0.1"}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_THAT(loaded->warnings, ElementsAre(AllOf(HasSubstr("HEADGATE_LOG_LEVL"),
                                                  HasSubstr("nearest is HEADGATE_LOG_LEVEL"))));
}

TEST(Load, OverridesReachEntriesWithDotsAndWholeSections) {
  const auto loaded = load_file(
      "providers: {p: {protocol: openai, base_url: \"http://a\"}}\n"
      "models: {gpt-4.1: {targets: [{provider: p}]}}\n",
      {},
      {"models.gpt-4.1.kind=embedding", "limits.tiers.pro.per_minute=5",
       "auth.keys=[{name: k, key: 0123456789abcdef, scopes: [admin]}]",
       "fetch.allowed_hosts=a.example,b.example", "server.cors.allow_origins=[\"*\"]"});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(model_named(loaded->settings, "gpt-4.1")->kind, "embedding");
  EXPECT_EQ(loaded->settings.tiers.at("pro").per_minute, 5U);
  EXPECT_EQ(loaded->settings.tiers.at("pro").per_hour, 1000U);
  EXPECT_EQ(loaded->settings.auth.keys.at(0).name, "k");
  EXPECT_THAT(loaded->settings.fetch.allowed_hosts, ElementsAre("a.example", "b.example"));
  EXPECT_THAT(loaded->settings.server.cors_allow_origins, ElementsAre("*"));

  EXPECT_THAT(refused("", {}, {"log.levle=debug"}),
              HasSubstr("--set log.levle: no option \"log.levle\"; the nearest is \"log.level\""));
  EXPECT_THAT(refused("", {}, {"log.level"}), HasSubstr("write --set path=value"));
  EXPECT_THAT(refused("server: 5\n", {}, {"server.threads=1"}),
              HasSubstr("headgate.yaml:1:9: expected a map of options"));
  EXPECT_THAT(refused("", {}, {"auth.keys=[{"}), HasSubstr("--set auth.keys"));
}

TEST(Load, ATierOrModelInTheFileReplacesTheBuiltInOne) {
  const auto loaded = load_file(
      "limits: {tiers: {default: {per_minute: 5}, vip: {}}}\n"
      "models: {document-ocr: {kind: ocr, aliases: [reader], targets: [{provider: embedded}]}}\n"
      "providers: {embedded: {protocol: embedded, workers: 3}}\n");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->settings.tiers.at("default").per_minute, 5U);
  EXPECT_EQ(loaded->settings.tiers.at("default").burst, 0U);
  EXPECT_EQ(loaded->settings.tiers.at("free").per_minute, 10U);
  EXPECT_TRUE(loaded->settings.tiers.contains("vip"));
  EXPECT_EQ(loaded->settings.providers.at(0).workers, 3U);
  EXPECT_THAT(model_named(loaded->settings, "document-ocr")->aliases, ElementsAre("reader"));
}

TEST(Load, TheQueueSectionIsTheDefaultOfEveryModel) {
  const auto loaded = load_file(
      "models: {document-ocr: {kind: ocr, targets: [{provider: embedded}], queue: {max_waiting: "
      "3}}}\n"
      "queue: {max_concurrent: 77, max_waiting: 5}\n");
  ASSERT_TRUE(loaded) << loaded.error().message;
  const ModelSettings* model = model_named(loaded->settings, "document-ocr");
  EXPECT_EQ(model->queue.max_concurrent, 77U);
  EXPECT_EQ(model->queue.max_waiting, 3U);
  EXPECT_EQ(model_named(loaded->settings, "document-classifier")->queue.max_waiting, 5U);
}

TEST(Load, AKeyWithoutAValueKeepsItsDefault) {
  const auto loaded = load_file("server:\n  listen:\n  tls:\nlimits:\nmodels:\nauth:\n  keys:\n");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_THAT(loaded->settings.server.listen, ElementsAre("127.0.0.1:8080"));
  EXPECT_EQ(loaded->settings.models.size(), 3U);
  EXPECT_EQ(loaded->settings.tiers.size(), 4U);
}

TEST(Load, FilesAreReadOnceAndBounded) {
  const auto folder =
      std::filesystem::path(testing::TempDir()) / ("load_test." + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  const std::string name = (folder / "headgate.yaml").string();
  LoadRequest request;
  request.file = name;
  EXPECT_THAT(load(request).error().message, HasSubstr("no such file"));
  std::ofstream(name) << "log: {level: debug}\n";
  EXPECT_EQ(load(request)->settings.log.level, "debug");
  std::ofstream(name) << std::string((1 << 20) + 1, '#');
  EXPECT_THAT(load(request).error().message, HasSubstr("larger than 1 MiB"));
  request.file = folder.string();
  EXPECT_FALSE(load(request));
  std::filesystem::remove_all(folder);
}

TEST(Load, StoreUrlsNameAFile) {
  struct Case {
    const char* url;
    const char* path;
  };
  const Case cases[] = {
      {"sqlite:", "./data/headgate.db"},    {"sqlite:other.db", "other.db"},
      {"sqlite:/srv/h.db", "/srv/h.db"},    {"sqlite:///h.db", "h.db"},
      {"sqlite:////srv/h.db", "/srv/h.db"}, {"postgres://h/d", "./data/headgate.db"}};
  for (const Case& test : cases) {
    Settings settings;
    settings.store_url = test.url;
    EXPECT_EQ(sqlite_path(settings), test.path) << test.url;
  }
}

TEST(Options, EveryPathHasItsOwnEnvironmentNameAndCanBeLocated) {
  std::set<std::string> names;
  for (const std::string& path : option_paths()) {
    EXPECT_TRUE(names.insert(environment_name(path)).second) << path;
    if (!path.contains("[]")) {
      EXPECT_TRUE(locate(path)) << path;
    }
  }
  EXPECT_GT(names.size(), 90U);
  EXPECT_EQ(environment_name("providers.my-llm.base_url"), "HEADGATE_PROVIDERS_MY_LLM_BASE_URL");
}

}  // namespace
}  // namespace headgate::config
