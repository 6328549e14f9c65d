#include "config/print.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"
#include "config/options_doc.h"
#include "config/yaml_reader.h"

namespace headgate::config {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

Settings with_secrets() {
  const auto loaded = load_text(
      "auth:\n"
      "  admin_password: canary-password\n"
      "  jwt: {secret: canary-0123456789abcdef0123456789, old_secrets: "
      "[canary-9876543210abcdef0123456789]}\n"
      "  keys: [{name: k, key: canary-static-key, scopes: [admin]}]\n"
      "providers: {p: {protocol: openai, base_url: \"http://h\", api_keys: [canary-1, canary-2]}}\n"
      "store: {url: \"postgres://u:canary@h/d\"}\n"
      "shared: {url: \"redis://:canary@h\"}\n",
      "f", {});
  return loaded.value().settings;
}

TEST(Print, SecretsAreMaskedInEveryForm) {
  const Settings settings = with_secrets();
  for (const std::string& text : {to_yaml(settings), to_json(settings)}) {
    EXPECT_THAT(text, AllOf(Not(HasSubstr("canary")), HasSubstr("***"), HasSubstr("u:***@h")));
  }
}

TEST(Print, AnEmptySecretIsShownAsEmpty) {
  EXPECT_THAT(to_yaml(Settings{}), HasSubstr("admin_password: \"\"\n"));
}

TEST(Print, WhatIsPrintedReadsBackUnchanged) {
  const auto loaded = load_text(
      "data_dir: \"a $${NAME} \\\"quoted\\\" #5: x\"\n"
      "auth: {issuer_x: 1}\n",
      "f", {});
  EXPECT_FALSE(loaded);
  const auto good = load_text(
      "data_dir: \"a $${NAME} \\\"quoted\\\" #5: x\"\n"
      "auth: {jwt: {issuer: \"true\"}, admin_user: \"123\"}\n"
      "limits: {tiers: {\"null\": {per_window: 3, window: 1500ms}}}\n"
      "documents: {languages: [\"no\", eng]}\n",
      "f", {});
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_EQ(good->settings.data_dir, "a ${NAME} \"quoted\" #5: x");
  const auto again = load_text(to_yaml(good->settings), "printed", {});
  ASSERT_TRUE(again) << again.error().message << to_yaml(good->settings);
  EXPECT_EQ(to_json(again->settings), to_json(good->settings));
  EXPECT_EQ(again->settings.data_dir, good->settings.data_dir);
}

TEST(Print, JsonKeepsNumbersAndSwitches) {
  const std::string json = to_json(Settings{});
  EXPECT_THAT(json, HasSubstr("\"max_connections\":10000"));
  EXPECT_THAT(json, HasSubstr("\"insecure\":false"));
  EXPECT_THAT(json, HasSubstr("\"header_timeout\":\"10s\""));
  EXPECT_THAT(json, HasSubstr("\"listen\":[\"127.0.0.1:8080\"]"));
  EXPECT_THAT(json, HasSubstr("\"sample\":1"));
  EXPECT_TRUE(read_yaml(json, "json"));
}

TEST(OptionsDoc, EveryOptionAppearsWithItsDefault) {
  const std::string markdown = options_markdown();
  const std::string text = options_text();
  for (const std::string& path : option_paths()) {
    EXPECT_THAT(markdown, HasSubstr("`" + path + "`"));
    EXPECT_THAT(text, HasSubstr(path));
  }
  EXPECT_THAT(markdown, HasSubstr("| `server.max_header_size` | size, 1KiB to 1MiB | `32KiB` |"));
  EXPECT_THAT(text, HasSubstr("HEADGATE_SERVER_LISTEN"));
}

}  // namespace
}  // namespace headgate::config
