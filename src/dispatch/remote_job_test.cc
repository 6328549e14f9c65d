#include "dispatch/remote_job.h"

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/blocking_pool.h"
#include "base/event_loop_run.h"
#include "base/signal.h"
#include "dispatch/fake_queue_fixture.h"

namespace headgate::dispatch {
namespace {

using namespace std::chrono_literals;
using fixture::FakeQueue;
using fixture::Told;
using ::testing::ElementsAre;

constexpr std::string_view kRun = "POST /v2/ep/run";
constexpr std::string_view kStatus = "GET /v2/ep/status/j-1";
constexpr std::string_view kCancel = "POST /v2/ep/cancel/j-1";
constexpr std::string_view kQueued = R"({"id":"j-1","status":"IN_QUEUE"})";
constexpr std::string_view kDone = R"({"id":"j-1","status":"COMPLETED","output":{"text":"hi"}})";

/// The ledger of a job, in memory.
struct Notes final : model::AttemptLedger {
  Task<Result<void>> begin(std::string_view provider, std::string_view target) override {
    if (under_way() == nullptr) {
      attempt.provider = provider;
      attempt.target = target;
    }
    co_return Result<void>{};
  }
  void failed(const Error& /*error*/) override {}
  Task<Result<void>> remote(std::string_view id) override {
    on_remote();
    if (refuses) {
      co_return fail(overloaded("the disk is full", 1s));
    }
    attempt.remote_id = id;
    co_return Result<void>{};
  }
  const model::JobAttempt* under_way() const override {
    return attempt.remote_id.empty() ? nullptr : &attempt;
  }
  bool leaves_remote() const override { return stops; }

  model::JobAttempt attempt;
  std::function<void()> on_remote = [] {};
  bool refuses = false;
  bool stops = false;
};

class RemoteJobTest : public ::testing::Test {
 protected:
  /// The output of one piece of work, or the error's code. `meanwhile` runs beside it on the loop;
  /// this returns when both have ended.
  std::string work(FakeQueue& queue, const std::function<Task<void>()>& meanwhile = {}) {
    config::Settings settings;
    settings.providers.emplace_back();
    settings.providers[0].name = "runpod";
    settings.providers[0].protocol = "runpod";
    settings.providers[0].base_url = "http://127.0.0.1:" + std::to_string(queue.port()) + "/v2";
    settings.models.emplace_back();
    settings.models[0].name = "m";
    settings.models[0].kind = "extract";
    settings.models[0].targets.emplace_back();
    settings.models[0].targets[0].provider = "runpod";
    settings.models[0].targets[0].endpoint = "ep";
    EventLoop loop;
    Catalogs catalogs(1, [&](std::size_t) { return routing::Catalog::build(settings).value(); });
    Clients clients(1, [&](std::size_t) {
      return std::make_unique<upstream::Client>(loop, resolver_, upstream::ClientSettings{});
    });
    routing::Health health;
    Routers routers(1, [&](std::size_t) { return routing::Router(health, 1); });
    const Services services{.catalogs = catalogs, .clients = clients, .routers = routers};
    return run_on(loop, carry_out(services, meanwhile));
  }

  Task<std::string> carry_out(const Services& services,
                              const std::function<Task<void>()>& meanwhile) {
    auto model = services.catalogs.here()->find("m").value();
    model::InferenceRequest request;
    request.kind = model::Kind::Extract;
    request.model = "m";
    std::string came;
    {
      Attempts attempts(services, std::move(model), std::move(request), context_);
      EXPECT_TRUE(attempts.choose());
      if (attempts.must_note()) {
        auto noted = co_await attempts.note();
        EXPECT_TRUE(noted);
      }
      if (meanwhile) {
        EventLoop::current()->spawn(meanwhile());
      }
      auto wire = encode_remotely(attempts, R"({"a":1})");
      auto output = co_await run_remotely(attempts, std::move(*wire));
      came = output ? *output : std::string(wire_code(output.error()));
      permanent_ = !output && output.error().permanent;
    }
    if (after_) {
      co_await after_();
      co_await until_at_rest(*services.clients.here());
    }
    co_await fixture::until_quiet(*services.clients.here());
    co_return came;
  }

  /// Lets the loop work until no call is under way: one that is would outlive its loop.
  static Task<void> until_at_rest(const upstream::Client& client) {
    const auto busy = [&] {
      const upstream::ClientStats stats = client.stats();
      return stats.opened > stats.idle + stats.dirty;
    };
    for (int tries = 0; tries < 500 && busy(); ++tries) {
      co_await sleep_for(20ms);
    }
  }

  /// Lets the loop work until the queue was asked this.
  static Task<void> until_asked(FakeQueue& queue, std::string_view what) {
    for (int tries = 0; tries < 500 && queue.count(what) == 0; ++tries) {
      co_await sleep_for(20ms);
    }
  }

  static Task<void> once_asked(FakeQueue& queue, std::string_view what,
                               std::function<void()> then) {
    co_await until_asked(queue, what);
    then();
  }

  BlockingPool lookups_{"dns", 1, 8};
  const SystemClock clock_;
  upstream::Resolver resolver_{lookups_, clock_};
  model::RequestContext context_;
  std::function<Task<void>()> after_;
  bool permanent_ = false;
};

TEST_F(RemoteJobTest, WorkIsHandedOverOnceAndAskedForUntilItIsDone) {
  FakeQueue queue([](const std::string& what, int n) -> std::optional<Told> {
    return Told{.body = std::string(what == kRun || n < 3 ? kQueued : kDone)};
  });
  EXPECT_EQ(work(queue), R"({"text":"hi"})");
  EXPECT_THAT(queue.asked(), ElementsAre(kRun, kStatus, kStatus, kStatus));
}

TEST_F(RemoteJobTest, AQuestionThatFailsLosesNothing) {
  FakeQueue queue([](const std::string& what, int n) -> std::optional<Told> {
    if (what == kStatus && n == 1) {
      return Told{.status = 503, .body = "busy"};
    }
    if (what == kStatus && n == 2) {
      return std::nullopt;
    }
    return Told{.body = std::string(what == kRun ? kQueued : kDone)};
  });
  EXPECT_EQ(work(queue), R"({"text":"hi"})");
  EXPECT_EQ(queue.count(kRun), 1);
}

TEST_F(RemoteJobTest, WhatNobodyWaitsForIsCancelled) {
  FakeQueue queue([](const std::string&, int) { return Told{.body = std::string(kQueued)}; });
  after_ = [&] { return until_asked(queue, kCancel); };
  EXPECT_EQ(
      work(queue, [&] { return once_asked(queue, kStatus, [&] { context_.cancel.cancel(); }); }),
      "client_closed_request");
  EXPECT_EQ(queue.count(kCancel), 1);
  EXPECT_EQ(queue.count(kRun), 1);
}

TEST_F(RemoteJobTest, ACallerWhoLeavesWhileWorkIsHandedOverIsNotForgotten) {
  std::mutex mutex;
  std::condition_variable changed;
  bool gone = false;
  FakeQueue queue([&](const std::string& what, int) -> std::optional<Told> {
    if (what == kRun) {
      std::unique_lock lock(mutex);
      changed.wait_for(lock, 10s, [&] { return gone; });
    }
    return Told{.body = std::string(kQueued)};
  });
  after_ = [&] {
    {
      const std::lock_guard lock(mutex);
      gone = true;
    }
    changed.notify_all();
    return until_asked(queue, kCancel);
  };
  EXPECT_EQ(work(queue, [&] { return once_asked(queue, kRun, [&] { context_.cancel.cancel(); }); }),
            "client_closed_request");
  EXPECT_THAT(queue.asked(), ElementsAre(kRun, kCancel));
}

TEST_F(RemoteJobTest, AtTheCallersDeadlineTheWorkIsCancelledAndTheTargetIsNotToBlame) {
  FakeQueue queue([](const std::string&, int) { return Told{.body = std::string(kQueued)}; });
  context_.deadline = std::chrono::steady_clock::now() + 3s;
  after_ = [&]() -> Task<void> { co_await until_asked(queue, kCancel); };
  EXPECT_EQ(work(queue), "upstream_timeout") << "which is none of the target's faults";
  EXPECT_EQ(queue.count(kCancel), 1);
}

TEST_F(RemoteJobTest, WorkThatMayHaveArrivedIsNotHandedOverAgain) {
  for (const int status : {0, 502, 504, 200}) {
    FakeQueue queue([&](const std::string&, int) -> std::optional<Told> {
      return status == 0 ? std::nullopt : std::optional(Told{.status = status, .body = "{}"});
    });
    EXPECT_EQ(work(queue), "upstream_in_doubt") << status;
    EXPECT_TRUE(permanent_);
    EXPECT_THAT(queue.asked(), ElementsAre(kRun));
  }
}

TEST_F(RemoteJobTest, ARefusalMayBeTriedAgain) {
  FakeQueue queue([](const std::string&, int) { return Told{.status = 429, .body = "{}"}; });
  EXPECT_EQ(work(queue), "upstream_rate_limited");
  EXPECT_FALSE(permanent_);
}

TEST_F(RemoteJobTest, AResultThatHasExpiredIsLost) {
  FakeQueue queue([](const std::string& what, int) {
    return what == kRun ? Told{.body = std::string(kQueued)}
                        : Told{.status = 404, .body = R"({"error":"job not found"})"};
  });
  EXPECT_EQ(work(queue), "upstream_job_lost");
  EXPECT_THAT(queue.asked(), ElementsAre(kRun, kStatus)) << "there is nothing to cancel";
}

TEST_F(RemoteJobTest, TheIdIsOnDiskBeforeTheResultIsAskedFor) {
  Notes notes;
  context_.ledger = &notes;
  FakeQueue queue([](const std::string& what, int) {
    return Told{.body = std::string(what == kRun ? kQueued : kDone)};
  });
  notes.on_remote = [&] { EXPECT_THAT(queue.asked(), ElementsAre(kRun)); };
  EXPECT_EQ(work(queue), R"({"text":"hi"})");
  EXPECT_EQ(notes.attempt.remote_id, "j-1");
  EXPECT_EQ(notes.attempt.target, "ep");
}

TEST_F(RemoteJobTest, AnIdThatCannotBeKeptIsCancelled) {
  Notes notes;
  notes.refuses = true;
  context_.ledger = &notes;
  FakeQueue queue([](const std::string&, int) { return Told{.body = std::string(kQueued)}; });
  after_ = [&] { return until_asked(queue, kCancel); };
  EXPECT_EQ(work(queue), "queue_full");
  EXPECT_THAT(queue.asked(), ElementsAre(kRun, kCancel));
}

TEST_F(RemoteJobTest, WorkUnderWayIsAskedForAndNotHandedOverAgain) {
  Notes notes;
  notes.attempt = {.n = 1, .provider = "runpod", .target = "ep", .remote_id = "j-1"};
  context_.ledger = &notes;
  FakeQueue queue([](const std::string&, int) { return Told{.body = std::string(kDone)}; });
  EXPECT_EQ(work(queue), R"({"text":"hi"})");
  EXPECT_THAT(queue.asked(), ElementsAre(kStatus));
}

TEST_F(RemoteJobTest, AGatewayThatStopsKeepsTheIdOfWorkItIsHandingOver) {
  Notes notes;
  context_.ledger = &notes;
  std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;
  FakeQueue queue([&](const std::string& what, int) -> std::optional<Told> {
    if (what == kRun) {
      std::unique_lock lock(mutex);
      changed.wait_for(lock, 10s, [&] { return stopping; });
    }
    return Told{.body = std::string(kQueued)};
  });
  const auto stop = [&] {
    notes.stops = true;
    context_.cancel.cancel();
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    changed.notify_all();
  };
  EXPECT_EQ(work(queue, [&] { return once_asked(queue, kRun, stop); }), "client_closed_request");
  EXPECT_EQ(notes.attempt.remote_id, "j-1");
}

}  // namespace
}  // namespace headgate::dispatch
