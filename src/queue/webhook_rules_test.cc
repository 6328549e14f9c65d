#include "queue/webhook_rules.h"

#include <chrono>

#include <gtest/gtest.h>

namespace headgate::queue {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

TEST(WebhookSchedule, GrowsFromSecondsToHours) {
  const milliseconds delays[] = {5s, 5min, 30min, 2h, 5h, 10h, 10h, 10h};
  for (std::uint32_t i = 0; i < 8; ++i) {
    EXPECT_EQ(next_delivery(i + 1, 1000, 0), 1000 + delays[i].count()) << i;
    EXPECT_EQ(next_delivery(i + 1, 1000, 1), 1000 + delays[i].count() * 6 / 5) << i;
  }
  EXPECT_EQ(next_delivery(1, 0, 0.5), 5500);
}

TEST(WebhookUrl, FollowsTheFetchPolicy) {
  config::FetchSettings settings;
  EXPECT_TRUE(check_webhook_url("https://hooks.example/ended?token=x", settings));
  for (const char* bad :
       {"http://hooks.example/", "https://127.0.0.1/", "https://2130706433/", "https://[::1]/",
        "https://[::ffff:10.0.0.1]/", "https://169.254.169.254/", "https://hooks.example:22/",
        "https://u:p@hooks.example/", "ftp://a/", "hooks.example", ""}) {
    const auto checked = check_webhook_url(bad, settings);
    ASSERT_FALSE(checked) << bad;
    EXPECT_EQ(checked.error().kind, ErrorKind::InvalidRequest);
    EXPECT_EQ(checked.error().code, "url_not_allowed");
    EXPECT_EQ(checked.error().param, "webhook_url");
  }
  settings.allow_private_hosts = {"10.0.0.5"};
  settings.allow_http_hosts = {"10.0.0.5"};
  EXPECT_TRUE(check_webhook_url("http://10.0.0.5:9000/", settings));
  settings.enabled = false;
  EXPECT_FALSE(check_webhook_url("https://hooks.example/", settings));
}

}  // namespace
}  // namespace headgate::queue
