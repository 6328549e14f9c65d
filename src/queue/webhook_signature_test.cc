#include "queue/webhook_signature.h"

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "config/webhook_secret.h"
#include "testing/temp_folder.h"

namespace headgate::queue {
namespace {

using config::Secret;

// Computed with Python: base64.b64encode(hmac.new(base64.b64decode(SECRET[6:]), (ID + "." +
// TIMESTAMP + "." + BODY).encode(), hashlib.sha256).digest())
const Secret kSecret("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
const Secret kOldSecret("whsec_b2xkIHNlY3JldCBvZiB0d2VudHktZm91ciBieXRlcyE=");
constexpr std::string_view kId = "msg_01946f3e-5c80-7abc-8def-0123456789ab";
constexpr std::int64_t kTimestamp = 1'768'496'400;
constexpr std::string_view kBody = R"({"type":"job.succeeded"})";
constexpr std::string_view kSignature = "v1,p67zZzthmPHeEAFyOKo+Fwd1b6P6GhzxHpO64omnB8M=";
constexpr std::string_view kOldSignature = "v1,cVJECIbWAEcUWyRgWpjJip6FsIxVBGtdOfq4c1ETs4Q=";

class WebhookKeys : public ::testing::Test {
 protected:
  std::string path() const { return folder_.file("webhook-secret"); }
  Result<std::vector<Secret>> load() const { return load_webhook_keys(settings_, folder_.path()); }

  config::WebhookSettings settings_;
  testing::TempFolder folder_;
};

TEST_F(WebhookKeys, SignAsStandardWebhooksSays) {
  settings_.secret = kSecret;
  const auto keys = load();
  ASSERT_TRUE(keys) << keys.error().message;
  EXPECT_EQ(webhook_signature(*keys, kId, kTimestamp, kBody), kSignature);
  EXPECT_NE(webhook_signature(*keys, kId, kTimestamp + 1, kBody), kSignature);
}

TEST_F(WebhookKeys, SignWithOldSecretsToo) {
  settings_.secret = kSecret;
  settings_.old_secrets = {kOldSecret};
  const auto keys = load();
  ASSERT_TRUE(keys) << keys.error().message;
  EXPECT_EQ(webhook_signature(*keys, kId, kTimestamp, kBody),
            std::string(kSignature) + " " + std::string(kOldSignature));
}

TEST_F(WebhookKeys, AreMadeOnceAndKept) {
  const auto first = load();
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_EQ(first->size(), 1U);
  struct stat status{};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_EQ(load(), *first);

  std::ifstream file(path());
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  settings_.secret = Secret(text.substr(0, text.size() - 1));
  EXPECT_EQ(load(), *first) << "the file holds what receivers are given";
}

TEST_F(WebhookKeys, AreRefusedWhenMalformedOrOpenToOthers) {
  ASSERT_TRUE(load());
  ASSERT_EQ(::chmod(path().c_str(), 0640), 0);
  EXPECT_FALSE(load());
  ASSERT_EQ(::chmod(path().c_str(), 0600), 0);
  std::ofstream(path()) << "whsec_short";
  EXPECT_FALSE(load());

  settings_.secret = kSecret;
  EXPECT_TRUE(load());
  settings_.old_secrets = {Secret("whsec_!")};
  const auto bad = load();
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().param, "webhooks.old_secrets");
  settings_.secret = Secret("plain");
  EXPECT_FALSE(load());
}

}  // namespace
}  // namespace headgate::queue
