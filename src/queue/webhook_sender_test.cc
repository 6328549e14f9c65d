#include "queue/webhook_sender.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "queue/webhook_signature.h"
#include "testing/fake_clock.h"
#include "testing/sqlite_webhooks.h"
#include "upstream/client_fixture.h"

namespace headgate::queue {
namespace {

using namespace std::chrono_literals;
using stores::WebhookDelivery;
using stores::WebhookOutcome;
using stores::WebhookState;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawPeer;
using testing::RawServer;

/// Passes on to a store and lets a test wait until so many outcomes are noted.
class WatchedStore final : public stores::WebhookStore {
 public:
  explicit WatchedStore(stores::WebhookStore& store) : store_(store) {}

  Task<Result<stores::DueWebhooks>> due(std::int64_t now, std::size_t limit,
                                        std::vector<std::string> busy_hosts) override {
    return store_.due(now, limit, std::move(busy_hosts));
  }
  Task<Result<void>> note(std::string id, WebhookOutcome outcome) override {
    if (broken > 0) {
      --broken;
      co_return fail(overloaded("The disk is full.", 1s));
    }
    auto done = co_await store_.note(std::move(id), std::move(outcome));
    ++noted_;
    changed_.notify();
    co_return done;
  }
  Task<Result<std::vector<WebhookDelivery>>> of_job(std::string job_id) override {
    return store_.of_job(std::move(job_id));
  }
  Task<Result<std::size_t>> redeliver(std::string id, std::int64_t now) override {
    return store_.redeliver(std::move(id), now);
  }

  Task<bool> until_noted(int count) {
    const SteadyTime limit = std::chrono::steady_clock::now() + 20s;
    while (noted_ < count) {
      const bool changed = co_await changed_.wait_until(limit);
      if (!changed) {
        co_return false;
      }
    }
    co_return true;
  }

  int noted() const { return noted_; }

  int broken = 0;  ///< calls of note that will fail

 private:
  stores::WebhookStore& store_;
  int noted_ = 0;
  Signal changed_;
};

struct Step {
  std::chrono::milliseconds after{0};
  int notes = 1;
};

/// A sender whose receivers are called *.test and may be private and plain.
class WebhookSenderTest : public ::testing::Test {
 protected:
  WebhookSenderTest() {
    settings_.keys = {config::Secret("a key of the sender"), config::Secret("its old key")};
    settings_.fetch.allow_http_hosts = {"*.test", "inside.example"};
    settings_.fetch.allow_private_hosts = {"*.test"};
    settings_.webhooks.timeout = 10s;
  }

  void add(const std::string& id, const RawServer& server, const std::string& host = "hooks.test") {
    WebhookDelivery delivery = testing::some_delivery(id, clock_.unix_ms());
    delivery.url = "http://" + host + ":" + std::to_string(server.port()) + "/ended?x=1";
    ASSERT_TRUE(made_.add(delivery));
  }
  WebhookDelivery kept(const std::string& id) {
    return run_on(network_.loop, made_.store->of_job("job of " + id)).value().at(0);
  }

  /// Runs a sender: after each of `steps` has passed on the clock, until so many more outcomes are
  /// noted.
  WebhookStats send(std::vector<Step> steps = {Step{}}) {
    WebhookSender sender(network_.loop, store_, fetcher_, clock_, settings_);
    network_.loop.run_until_done(take(sender, std::move(steps)));
    return sender.stats();
  }
  Task<void> take(WebhookSender& sender, std::vector<Step> steps) {
    sender.start();
    int notes = store_.noted();
    for (const Step& step : steps) {
      clock_.advance(step.after);
      sender.wake();
      notes += step.notes;
      const bool noted = co_await store_.until_noted(notes);
      EXPECT_TRUE(noted) << notes;
    }
    const bool ended = co_await sender.stop(std::chrono::steady_clock::now() + 10s);
    EXPECT_TRUE(ended);
  }

  testing::FakeClock clock_;
  testing::WebhookStoreUnderTest made_ = testing::make_sqlite_webhooks();
  WatchedStore store_{*made_.store};
  upstream::ClientUnderTest network_;
  upstream::Fetcher fetcher_{network_.client, network_.resolver};
  WebhookSenderSettings settings_;
};

std::string with_status(int status) {
  return "HTTP/1.1 " + std::to_string(status) + " Status\r\nContent-Length: 6\r\n\r\nanswer";
}

/// Reads one delivery and answers with the statuses in turn, the last for ever.
RawServer::Script answers(std::vector<int> statuses) {
  return [statuses = std::move(statuses)](RawPeer& peer, int number) {
    peer.read_head();
    const auto last = static_cast<int>(statuses.size()) - 1;
    peer.send(with_status(statuses[static_cast<std::size_t>(std::min(number, last))]));
    peer.wait_closed();
  };
}

TEST_F(WebhookSenderTest, SendsASignedPostOnce) {
  std::string head;
  std::string body;
  RawServer server([&](RawPeer& peer, int) {
    head = peer.read_head();
    body = peer.read_exactly(std::string(R"({"id":"msg_1"})").size());
    peer.send(with_status(200));
  });
  add("msg_1", server);
  const auto stats = send();
  EXPECT_EQ(body, R"({"id":"msg_1"})");
  EXPECT_TRUE(head.starts_with("POST /ended?x=1 HTTP/1.1\r\nHost: hooks.test:")) << head;
  const std::int64_t timestamp = clock_.unix_ms() / 1000;
  EXPECT_THAT(head, HasSubstr("\r\nContent-Type: application/json\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nContent-Length: 14\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nwebhook-id: msg_1\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nwebhook-timestamp: " + std::to_string(timestamp) + "\r\n"));
  EXPECT_THAT(head,
              HasSubstr("\r\nwebhook-signature: " +
                        webhook_signature(settings_.keys, "msg_1", timestamp, body) + "\r\n"));
  const WebhookDelivery after = kept("msg_1");
  EXPECT_EQ(after.state, WebhookState::Delivered);
  EXPECT_EQ(after.attempts, 1U);
  EXPECT_EQ(after.last_status, 200);
  EXPECT_EQ(after.last_error, "");
  EXPECT_EQ(stats.delivered, 1U);
  send({{.notes = 0}});
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(WebhookSenderTest, TriesAgainByTheSchedule) {
  RawServer server(answers({500, 429, 204}));
  add("a", server);
  const std::int64_t start = clock_.unix_ms();
  send();
  WebhookDelivery after = kept("a");
  EXPECT_EQ(after.state, WebhookState::Pending);
  EXPECT_EQ(after.last_status, 500);
  EXPECT_EQ(after.last_error, "The receiver answered 500.");
  EXPECT_GE(after.next_at, start + 5000);
  EXPECT_LE(after.next_at, start + 6000);
  send({{.after = 4999ms, .notes = 0}});
  EXPECT_EQ(server.connections(), 1) << "not before its time";

  const auto stats = send({{.after = 1001ms, .notes = 1}, {.after = 6min, .notes = 1}});
  after = kept("a");
  EXPECT_EQ(after.state, WebhookState::Delivered);
  EXPECT_EQ(after.attempts, 3U);
  EXPECT_EQ(server.connections(), 3);
  EXPECT_EQ(stats.retried, 1U);
  EXPECT_EQ(stats.delivered, 1U);
}

TEST_F(WebhookSenderTest, GivesUpAfterTheLastAttempt) {
  settings_.webhooks.max_attempts = 2;
  RawServer server(answers({503}));
  add("a", server);
  const auto stats = send({{.notes = 1}, {.after = 6s, .notes = 1}});
  EXPECT_EQ(kept("a").state, WebhookState::Failed);
  EXPECT_EQ(stats.failed, 1U);
  send({{.after = 24h, .notes = 0}});
  EXPECT_EQ(server.connections(), 2);

  ASSERT_TRUE(run_on(network_.loop, store_.redeliver("a", clock_.unix_ms())));
  send();
  EXPECT_EQ(server.connections(), 3) << "asked for by hand";
}

TEST_F(WebhookSenderTest, GoneEndsIt) {
  RawServer server(answers({410}));
  add("a", server);
  send();
  const WebhookDelivery after = kept("a");
  EXPECT_EQ(after.state, WebhookState::Failed);
  EXPECT_EQ(after.attempts, 1U);
  EXPECT_EQ(after.last_status, 410);
}

TEST_F(WebhookSenderTest, FollowsNoRedirect) {
  RawServer elsewhere(answers({200}));
  RawServer server([&](RawPeer& peer, int) {
    peer.read_head();
    peer.send("HTTP/1.1 307 Moved\r\nLocation: http://hooks.test:" +
              std::to_string(elsewhere.port()) + "/\r\nContent-Length: 0\r\n\r\n");
  });
  add("a", server);
  send();
  EXPECT_EQ(kept("a").state, WebhookState::Pending);
  EXPECT_EQ(kept("a").last_status, 307);
  EXPECT_EQ(elsewhere.connections(), 0);
}

TEST_F(WebhookSenderTest, CutsASlowReceiverOff) {
  settings_.webhooks.timeout = 100ms;
  RawServer server([](RawPeer& peer, int) { peer.wait_closed(); });
  add("a", server);
  send();
  const WebhookDelivery after = kept("a");
  EXPECT_EQ(after.state, WebhookState::Pending);
  EXPECT_EQ(after.last_status, 0);
  EXPECT_EQ(after.last_error, "The URL could not be called: the server took too long.");
}

TEST_F(WebhookSenderTest, TakesTheStatusOfAnAnswerThatNeverEnds) {
  settings_.webhooks.timeout = 200ms;
  RawServer server([](RawPeer& peer, int number) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\n\r\n");
    const std::string flood(1024, 'x');
    while (number == 0 && peer.send(flood)) {
    }
    peer.wait_closed();
  });
  add("flood", server);
  add("silence", server);
  send({{.notes = 2}});
  EXPECT_EQ(kept("flood").state, WebhookState::Delivered);
  EXPECT_EQ(kept("silence").state, WebhookState::Delivered);
}

TEST_F(WebhookSenderTest, NeverContactsAPrivateAddress) {
  RawServer server(answers({200}));
  WebhookDelivery delivery = testing::some_delivery("a", clock_.unix_ms());
  delivery.url = "http://inside.example/";  // resolves to 127.0.0.1
  ASSERT_TRUE(made_.add(delivery));
  delivery = testing::some_delivery("b", clock_.unix_ms());
  delivery.url = "http://127.0.0.1:" + std::to_string(server.port()) + "/";
  ASSERT_TRUE(made_.add(delivery));
  send({{.notes = 2}});
  for (const char* id : {"a", "b"}) {
    EXPECT_EQ(kept(id).state, WebhookState::Pending);
    EXPECT_EQ(kept(id).last_status, 0);
    EXPECT_NE(kept(id).last_error, "");
    EXPECT_THAT(kept(id).last_error, Not(HasSubstr("127.0.0.1")));
  }
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(WebhookSenderTest, ASlowHostGetsTwoAtOnceAndHoldsUpNoOther) {
  std::mutex mutex;
  std::condition_variable changed;
  bool other_served = false;  // this and the next three: under the mutex
  int arrived = 0;
  int at_once = 0;
  int most = 0;
  RawServer slow([&](RawPeer& peer, int) {
    peer.read_head();
    {
      std::unique_lock lock(mutex);
      ++arrived;
      most = std::max(most, ++at_once);
      changed.notify_all();
      EXPECT_TRUE(changed.wait_for(lock, 10s, [&] { return other_served && arrived >= 2; }));
      --at_once;
    }
    peer.send(with_status(200));
  });
  RawServer other([&](RawPeer& peer, int) {
    peer.read_head();
    {
      const std::lock_guard lock(mutex);
      other_served = true;
    }
    changed.notify_all();
    peer.send(with_status(200));
  });
  for (int i = 0; i < 40; ++i) {
    add("slow " + std::to_string(i), slow, "slow.test");
  }
  add("other", other, "other.test");
  send({{.notes = 41}});
  EXPECT_EQ(most, 2);
  EXPECT_EQ(slow.connections(), 40);
}

TEST_F(WebhookSenderTest, SixteenAreUnderWayAtMost) {
  std::mutex mutex;
  std::condition_variable changed;
  int arrived = 0;  // this and the next two: under the mutex
  int at_once = 0;
  int most = 0;
  RawServer server([&](RawPeer& peer, int) {
    peer.read_head();
    {
      std::unique_lock lock(mutex);
      ++arrived;
      most = std::max(most, ++at_once);
      changed.notify_all();
      EXPECT_TRUE(changed.wait_for(lock, 10s, [&] { return arrived >= 16; }));
      --at_once;
    }
    peer.send(with_status(200));
  });
  for (int i = 0; i < 40; ++i) {
    add(std::to_string(i), server, "host" + std::to_string(i) + ".test");
  }
  send({{.notes = 40}});
  EXPECT_LE(most, 16);
  EXPECT_EQ(server.connections(), 40);
}

TEST_F(WebhookSenderTest, WhatTheStoreCannotNoteIsNotSentAgain) {
  RawServer server(answers({200}));
  add("a", server);
  store_.broken = 1;
  send();
  EXPECT_EQ(kept("a").state, WebhookState::Delivered);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(WebhookSenderTest, StoppingLeavesWhatIsUnderWayPending) {
  EventLoop& loop = network_.loop;
  std::optional<WebhookSender> sender;
  sender.emplace(loop, store_, fetcher_, clock_, settings_);
  Signal asked;
  RawServer server([&](RawPeer& peer, int) {
    peer.read_head();
    loop.post([&] { asked.notify(); });
    EXPECT_TRUE(peer.wait_closed());
  });
  add("a", server);
  struct Run {
    static Task<void> until_asked(WebhookSender& sender, Signal& asked) {
      sender.start();
      const bool came = co_await asked.wait_until(std::chrono::steady_clock::now() + 10s);
      EXPECT_TRUE(came);
      const bool ended = co_await sender.stop(std::chrono::steady_clock::now() + 10s);
      EXPECT_TRUE(ended);
    }
  };
  loop.run_until_done(Run::until_asked(*sender, asked));
  EXPECT_EQ(kept("a").state, WebhookState::Pending);
  EXPECT_EQ(kept("a").attempts, 0U);
}

}  // namespace
}  // namespace headgate::queue
