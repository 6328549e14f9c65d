#include "stores/webhook_store.h"

#include <gtest/gtest.h>

namespace headgate::stores {
namespace {

TEST(WebhookHost, IsTheNameWithoutItsPort) {
  EXPECT_EQ(webhook_host("https://Hooks.Example/a?b#c"), "hooks.example");
  EXPECT_EQ(webhook_host("https://hooks.example:8443"), "hooks.example");
  EXPECT_EQ(webhook_host("https://hooks.example?x=https://other/"), "hooks.example");
  EXPECT_EQ(webhook_host("https://[2001:DB8::1]:443/x"), "[2001:db8::1]");
}

TEST(WebhookBody, SaysWhatHappenedWhenAndToWhichJob) {
  EXPECT_EQ(webhook_body(model::JobState::Cancelled, 1'768'496'400'000, R"({"id":"x"})"),
            R"({"type":"job.cancelled","timestamp":"2026-01-15T17:00:00.000Z","data":{"id":"x"}})");
}

}  // namespace
}  // namespace headgate::stores
