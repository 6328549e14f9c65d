#pragma once

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/event_loop.h"
#include "testing/webhook_stores.h"

// What every WebhookStore must do. Included by one test file of each engine.
namespace headgate::testing {

class WebhookStoreContract : public ::testing::TestWithParam<MakeWebhookStore> {
 protected:
  using State = stores::WebhookState;
  using Ids = std::vector<std::string>;

  stores::DueWebhooks due(std::int64_t now, std::size_t limit = 16,
                          std::vector<std::string> busy_hosts = {}) {
    return run_on(loop_, store_.due(now, limit, std::move(busy_hosts))).value();
  }
  Ids due_ids(std::int64_t now, std::size_t limit = 16, std::vector<std::string> busy_hosts = {}) {
    Ids ids;
    for (const auto& delivery : due(now, limit, std::move(busy_hosts)).deliveries) {
      ids.push_back(delivery.id);
    }
    return ids;
  }
  Result<void> note(const std::string& id, stores::WebhookOutcome outcome) {
    return run_on(loop_, store_.note(id, std::move(outcome)));
  }
  std::vector<stores::WebhookDelivery> of_job(const std::string& job_id) {
    return run_on(loop_, store_.of_job(job_id)).value();
  }
  stores::WebhookDelivery only_of(const std::string& id) {
    const auto deliveries = of_job("job of " + id);
    EXPECT_EQ(deliveries.size(), 1U);
    return deliveries.at(0);
  }
  Result<std::size_t> redeliver(const std::string& id, std::int64_t now) {
    return run_on(loop_, store_.redeliver(id, now));
  }

  WebhookStoreUnderTest made_ = GetParam().make();
  stores::WebhookStore& store_ = *made_.store;
  EventLoop loop_;
};

TEST_P(WebhookStoreContract, KeepsADeliveryAsItWasMade) {
  stores::WebhookDelivery made = some_delivery("a", 1000);
  made.body = std::string("{\"text\":\"\u00e9\"}") + std::string(300'000, 'x');
  ASSERT_TRUE(made_.add(made));
  const stores::WebhookDelivery kept = only_of("a");
  EXPECT_EQ(kept.id, "a");
  EXPECT_EQ(kept.job_id, "job of a");
  EXPECT_EQ(kept.url, "https://hooks.example/ended?id=a");
  EXPECT_EQ(kept.body, made.body);
  EXPECT_EQ(kept.state, State::Pending);
  EXPECT_EQ(kept.attempts, 0U);
  EXPECT_EQ(kept.next_at, 1000);
  EXPECT_EQ(kept.last_status, 0);
  EXPECT_EQ(kept.last_error, "");
  EXPECT_EQ(kept.created_at, 500);
  EXPECT_TRUE(of_job("another job").empty());
}

TEST_P(WebhookStoreContract, AnIdIsMadeOnce) {
  ASSERT_TRUE(made_.add(some_delivery("a", 1000)));
  const auto again = made_.add(some_delivery("a", 2000));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::Conflict);
}

TEST_P(WebhookStoreContract, ListsWhatIsDueLongestFirst) {
  ASSERT_TRUE(made_.add(some_delivery("late", 3000)));
  ASSERT_TRUE(made_.add(some_delivery("second", 2000)));
  ASSERT_TRUE(made_.add(some_delivery("first", 1000)));
  ASSERT_TRUE(made_.add(some_delivery("also second", 2000)));
  EXPECT_EQ(due_ids(999), Ids{});
  EXPECT_EQ(due(999).next_at, 1000);
  EXPECT_EQ(due_ids(2000), (Ids{"first", "second", "also second"}));
  EXPECT_EQ(due_ids(2000, 2), (Ids{"first", "second"}));
  EXPECT_EQ(due(2000, 2).next_at, 3000);
  EXPECT_EQ(due(3000).next_at, std::nullopt);
}

TEST_P(WebhookStoreContract, ManyForABusyHostHideNoOther) {
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(made_.add(some_delivery("busy " + std::to_string(i), 1000, "Busy.example:444")));
  }
  ASSERT_TRUE(made_.add(some_delivery("free", 2000, "free.example")));
  EXPECT_EQ(due_ids(3000, 5, {"busy.example"}), (Ids{"free"}));
  EXPECT_EQ(due_ids(3000, 5, {"busy.example", "free.example"}), (Ids{}));
  EXPECT_EQ(due_ids(3000, 5, {"example"}).size(), 5U);
}

TEST_P(WebhookStoreContract, AFailedAttemptIsDueAgainLater) {
  ASSERT_TRUE(made_.add(some_delivery("a", 1000)));
  ASSERT_TRUE(note("a", {.attempt = 1,
                         .state = State::Pending,
                         .next_at = 6000,
                         .status = 500,
                         .error = "answered 500"}));
  const stores::WebhookDelivery kept = only_of("a");
  EXPECT_EQ(kept.state, State::Pending);
  EXPECT_EQ(kept.attempts, 1U);
  EXPECT_EQ(kept.last_status, 500);
  EXPECT_EQ(kept.last_error, "answered 500");
  EXPECT_EQ(due_ids(5999), Ids{});
  EXPECT_EQ(due_ids(6000), Ids{"a"});
}

TEST_P(WebhookStoreContract, WhatHasEndedIsNeverDue) {
  ASSERT_TRUE(made_.add(some_delivery("a", 1000)));
  ASSERT_TRUE(made_.add(some_delivery("b", 1000)));
  ASSERT_TRUE(note("a", {.attempt = 1, .state = State::Delivered, .status = 204, .error = {}}));
  ASSERT_TRUE(note("b", {.attempt = 1, .state = State::Failed, .status = 410, .error = "gone"}));
  EXPECT_EQ(due_ids(1'000'000), Ids{});
  EXPECT_EQ(due(0).next_at, std::nullopt);
  EXPECT_EQ(only_of("a").state, State::Delivered);
  EXPECT_EQ(only_of("a").last_status, 204);
  EXPECT_EQ(only_of("b").state, State::Failed);
  EXPECT_EQ(only_of("b").last_error, "gone");
}

TEST_P(WebhookStoreContract, RedeliveryStartsOver) {
  ASSERT_TRUE(made_.add(some_delivery("a", 1000)));
  ASSERT_TRUE(note("a", {.attempt = 1, .state = State::Failed, .status = 410, .error = "gone"}));
  EXPECT_EQ(redeliver("a", 9000), 1U);
  EXPECT_EQ(due_ids(9000), Ids{"a"});
  EXPECT_EQ(only_of("a").attempts, 0U);
  ASSERT_TRUE(note("a", {.attempt = 1, .state = State::Delivered, .status = 200, .error = {}}));
  EXPECT_EQ(redeliver("job of a", 9500), 1U);
  EXPECT_EQ(due_ids(9499), Ids{});
  EXPECT_EQ(due_ids(9500), Ids{"a"});
}

TEST_P(WebhookStoreContract, ARedeliveryOutlivesTheFailureOfAnAttemptBeforeIt) {
  ASSERT_TRUE(made_.add(some_delivery("a", 1000)));
  ASSERT_TRUE(note("a", {.attempt = 1, .state = State::Pending, .next_at = 2000, .error = "x"}));
  EXPECT_EQ(redeliver("a", 1500), 1U);
  ASSERT_TRUE(note("a", {.attempt = 2, .state = State::Failed, .status = 410, .error = "gone"}));
  EXPECT_EQ(due_ids(1500), Ids{"a"});
  ASSERT_TRUE(note("a", {.attempt = 2, .state = State::Delivered, .status = 200, .error = {}}));
  EXPECT_EQ(only_of("a").state, State::Delivered) << "but not its success";
}

TEST_P(WebhookStoreContract, ForgetsWithTheJob) {
  ASSERT_TRUE(made_.add(some_delivery("a", 1000)));
  ASSERT_TRUE(made_.add(some_delivery("b", 1000)));
  ASSERT_TRUE(made_.forget("job of a"));
  EXPECT_TRUE(of_job("job of a").empty());
  EXPECT_EQ(due_ids(1000), Ids{"b"});
  for (const auto& missing : {note("a", {.attempt = 1, .error = {}}),
                              note("a", {.attempt = 2, .state = State::Pending, .error = {}})}) {
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().kind, ErrorKind::NotFound);
  }
  const auto missing = redeliver("job of a", 1000);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::NotFound);
}

}  // namespace headgate::testing
