#include "config/reload.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/live.h"
#include "config/load.h"

namespace headgate::config {
namespace {

using testing::IsEmpty;
using testing::UnorderedElementsAre;

Settings loaded(std::string_view text) {
  auto result = load_text(text, "f", {});
  EXPECT_TRUE(result) << result.error().message;
  return result.value().settings;
}

TEST(Reload, NothingChangedIsAnEmptyPlan) {
  const Settings settings = loaded("log: {level: debug}\n");
  const ReloadPlan plan = plan_reload(settings, settings);
  EXPECT_THAT(plan.live, IsEmpty());
  EXPECT_THAT(plan.restart, IsEmpty());
}

TEST(Reload, LiveOptionsChangeAndOthersKeepTheirRunningValue) {
  const ReloadPlan plan =
      plan_reload(loaded("log: {level: info}\nserver: {listen: \"127.0.0.1:1\", threads: 2}\n"),
                  loaded("log: {level: debug}\nserver: {listen: \"127.0.0.1:2\", threads: 2}\n"
                         "auth: {ip_allow: [10.0.0.0/8]}\n"));
  EXPECT_THAT(plan.live, UnorderedElementsAre("log.level", "auth.ip_allow"));
  EXPECT_THAT(plan.restart, UnorderedElementsAre("server.listen"));
  EXPECT_EQ(plan.settings.log.level, "debug");
  EXPECT_EQ(plan.settings.server.listen, std::vector<std::string>{"127.0.0.1:1"});
}

TEST(Reload, EntriesThatComeGoAndChangeAreNamed) {
  const char* before =
      "providers: {p: {protocol: openai, base_url: \"http://a\"}, embedded: {protocol: embedded, "
      "workers: 1}}\n"
      "models: {m: {targets: [{provider: p}]}, gone: {targets: [{provider: p}]}}\n"
      "auth: {keys: [{name: k, key: 0123456789ab, scopes: [admin]}]}\n";
  const char* after =
      "providers: {p: {protocol: openai, base_url: \"http://b\"}, embedded: {protocol: embedded, "
      "workers: 2}}\n"
      "models: {m: {targets: [{provider: p, model: x}]}, fresh: {targets: [{provider: p}]}}\n"
      "auth: {keys: [{name: k, key: ba9876543210, scopes: [admin]}]}\n";
  const ReloadPlan plan = plan_reload(loaded(before), loaded(after));
  EXPECT_THAT(plan.live, UnorderedElementsAre("providers.p.base_url", "models.m.targets[0].model",
                                              "models.fresh", "models.gone", "auth.keys[0].key"));
  EXPECT_THAT(plan.restart, UnorderedElementsAre("providers.embedded.workers"));
  EXPECT_EQ(plan.settings.auth.keys.at(0).key.reveal(), "ba9876543210");
  for (const ProviderSettings& provider : plan.settings.providers) {
    EXPECT_EQ(provider.workers, provider.name == "embedded" ? 1U : 0U);
  }
}

TEST(Reload, LimitsOfClientsAndRoutesChangeWhileRunning) {
  const ReloadPlan plan = plan_reload(
      loaded("limits: {tiers: {pro: {per_hour: 9, client: {per_minute: 2, burst: 1}}}}\n"
             "routes: {\"/v1/ocr\": {per_minute: 5}}\n"),
      loaded("limits: {tiers: {pro: {per_hour: 9, client: {per_minute: 3, per_hour: 8}}}}\n"
             "routes: {\"/v1/ocr\": {per_minute: 6, per_hour: 7, burst: 2, concurrent: 1}}\n"));
  EXPECT_THAT(plan.live,
              UnorderedElementsAre(
                  "limits.tiers.pro.client.per_minute", "limits.tiers.pro.client.per_hour",
                  "limits.tiers.pro.client.burst", "routes./v1/ocr.per_minute",
                  "routes./v1/ocr.per_hour", "routes./v1/ocr.burst", "routes./v1/ocr.concurrent"));
  EXPECT_THAT(plan.restart, IsEmpty());
  const RequestSettings& client = plan.settings.tiers.at("pro").client;
  EXPECT_EQ(client.per_minute, 3U);
  EXPECT_EQ(client.per_hour, 8U);
  EXPECT_EQ(client.burst, 0U);
  const RequestSettings& route = plan.settings.routes.at(0).requests;
  EXPECT_EQ(route.per_minute, 6U);
  EXPECT_EQ(route.per_hour, 7U);
  EXPECT_EQ(route.burst, 2U);
  EXPECT_EQ(route.concurrent, 1U);
}

TEST(Live, ASnapshotOutlivesItsReplacement) {
  Settings first;
  first.log.level = "info";
  Live live(first);
  const Live::Snapshot held = live.current();
  Settings second;
  second.log.level = "debug";
  live.replace(second);
  EXPECT_EQ(held->log.level, "info");
  EXPECT_EQ(live.current()->log.level, "debug");
}

TEST(Live, ReadersAndAWriterMayRunAtOnce) {
  Live live(Settings{});
  std::thread writer([&] {
    for (int i = 0; i < 200; ++i) {
      Settings settings;
      settings.data_dir = std::to_string(i);
      settings.log.format = std::to_string(i);
      live.replace(settings);
    }
  });
  for (int i = 0; i < 200; ++i) {
    const Live::Snapshot snapshot = live.current();
    if (snapshot->data_dir != "./data") {
      EXPECT_EQ(snapshot->data_dir, snapshot->log.format);
    }
  }
  writer.join();
  EXPECT_EQ(live.current()->data_dir, "199");
}

}  // namespace
}  // namespace headgate::config
