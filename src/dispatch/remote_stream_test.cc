// Chats that are jobs in a provider's queue, from the dispatcher's side.
#include "dispatch/remote_stream.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/blocking_pool.h"
#include "base/encoding.h"
#include "base/event_loop_run.h"
#include "base/signal.h"
#include "dispatch/dispatcher.h"
#include "dispatch/fake_queue_fixture.h"

namespace headgate::dispatch {
namespace {

using namespace std::chrono_literals;
using fixture::FakeQueue;
using fixture::Told;
using model::Delivery;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kRun = "POST /v2/ep/run";
constexpr std::string_view kStream = "GET /v2/ep/stream/j-1";
constexpr std::string_view kStatus = "GET /v2/ep/status/j-1";
constexpr std::string_view kCancel = "POST /v2/ep/cancel/j-1";
constexpr std::string_view kQueued = R"({"id":"j-1","status":"IN_QUEUE"})";
constexpr std::string_view kDone = R"({"id":"j-1","status":"COMPLETED"})";

constexpr std::string_view kEvents =
    "data: "
    "{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Gr\xC3\xBC\xC3\x9F\"}}]}\n\n"
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"e\"},\"finish_reason\":"
    "\"stop\"}]}\n\n"
    "data: [DONE]\n\n";

/// An answer to /stream.
std::string given(std::string_view status, const std::vector<std::string_view>& parts) {
  std::string body = R"({"status":")" + std::string(status) + R"(","stream":[)";
  for (const std::string_view part : parts) {
    body.append(body.back() == '[' ? "" : ",").append(R"({"output":)" + json_quote(part) + "}");
  }
  return body + "]}";
}

struct Seen {
  std::string bytes;
  std::optional<Error> error;
};

class RemoteStreamTest : public ::testing::Test {
 protected:
  Seen ask(FakeQueue& queue, Delivery delivery,
           const std::function<Task<void>(model::RequestContext&)>& meanwhile = {}) {
    config::Settings settings;
    config::ProviderSettings& provider = settings.providers.emplace_back();
    provider.name = "rp";
    provider.protocol = "runpod_queue";
    provider.base_url = "http://127.0.0.1:" + std::to_string(queue.port()) + "/v2";
    config::ModelSettings& model = settings.models.emplace_back();
    model.name = "m";
    model.retry.max_attempts = 1;
    model.targets.emplace_back().provider = "rp";
    model.targets.back().endpoint = "ep";
    EventLoop loop;
    Catalogs catalogs(1, [&](std::size_t) { return routing::Catalog::build(settings).value(); });
    Clients clients(1, [&](std::size_t) {
      return std::make_unique<upstream::Client>(loop, resolver_, upstream::ClientSettings{});
    });
    routing::Health health;
    Routers routers(1, [&](std::size_t) { return routing::Router(health, 1); });
    const Dispatcher dispatcher({.catalogs = catalogs, .clients = clients, .routers = routers},
                                lines_);
    return run_on(loop, read_all(dispatcher, *clients.at(0), delivery, meanwhile));
  }

  /// Lets the loop work until the queue was asked this.
  static Task<void> until_asked(const FakeQueue& queue, std::string_view what) {
    const SteadyTime until = std::chrono::steady_clock::now() + 10s;
    while (queue.count(what) == 0 && std::chrono::steady_clock::now() < until) {
      co_await sleep_for(1ms);
    }
  }

  std::function<Task<void>()> after_;  // before the loop ends

 private:
  Task<Seen> read_all(const Dispatcher& dispatcher, const upstream::Client& client,
                      Delivery delivery,
                      const std::function<Task<void>(model::RequestContext&)>& meanwhile) {
    Seen seen;
    {
      model::RequestContext context;
      model::InferenceRequest request;
      request.delivery = delivery;
      request.model = "m";
      request.body = R"({"model":"m"})";
      request.model_value = {.begin = 9, .end = 12};
      request.usage_wanted = true;
      if (meanwhile) {
        EventLoop::current()->spawn(meanwhile(context));
      }
      auto response = co_await dispatcher.run(request, context);
      if (!response) {
        seen.error = response.error();
      } else {
        seen.bytes = response->body;
        while (response->stream) {
          auto piece = co_await response->stream->next();
          if (!piece || piece->empty()) {
            break;
          }
          seen.bytes.append(*piece);
        }
      }
    }
    if (after_) {
      co_await after_();
    }
    co_await fixture::until_quiet(client);
    co_return seen;
  }

  SystemClock clock_;
  BlockingPool pool_{"dns", 1, 16};
  upstream::Resolver resolver_{pool_, clock_,
                               [](const std::string&) -> Result<std::vector<upstream::IpAddress>> {
                                 return std::vector{*upstream::parse_address("127.0.0.1")};
                               }};
  queue::Lines lines_{[](std::string_view) { return queue::LineSettings{}; }};
};

TEST_F(RemoteStreamTest, WhatTheJobPutsOutStreams) {
  // Slices end anywhere; the last come with the job's end.
  FakeQueue queue([](const std::string& what, int n) -> std::optional<Told> {
    if (what == kRun) {
      return Told{.body = std::string(kQueued)};
    }
    if (what == kStream) {
      const std::size_t third = kEvents.size() / 3;
      return Told{.body = n == 1   ? given("IN_QUEUE", {})
                          : n == 2 ? given("IN_PROGRESS", {kEvents.substr(0, third), ""})
                          : n == 3 ? given("COMPLETED", {kEvents.substr(third, third),
                                                         kEvents.substr(2 * third)})
                                   : given("COMPLETED", {})};
    }
    return Told{.body = std::string(kDone)};
  });
  const Seen seen = ask(queue, Delivery::Stream);
  ASSERT_FALSE(seen.error) << seen.error->detail;
  EXPECT_EQ(seen.bytes, kEvents);
  EXPECT_THAT(queue.asked(), ElementsAre(kRun, kStream, kStream, kStream, kStream, kStatus));
}

TEST_F(RemoteStreamTest, AWholeAnswerIsTheJobsOutput) {
  constexpr std::string_view kAnswer =
      R"({"id":"c","object":"chat.completion","choices":[{"index":0,"message":)"
      R"({"role":"assistant","content":"hi"},"finish_reason":"stop"}],"seed":12345678901234567890})";
  FakeQueue queue([&](const std::string& what, int) -> std::optional<Told> {
    return Told{.body = what == kRun ? std::string(kQueued)
                                     : R"({"id":"j-1","status":"COMPLETED","output":[)" +
                                           std::string(kAnswer) + "]}"};
  });
  const Seen seen = ask(queue, Delivery::Whole);
  ASSERT_FALSE(seen.error) << seen.error->detail;
  EXPECT_EQ(seen.bytes, kAnswer);
  EXPECT_THAT(queue.asked(), ElementsAre(kRun, kStatus));
}

TEST_F(RemoteStreamTest, ARefusalBehindTheWorkerIsTheCallers) {
  FakeQueue queue([](const std::string& what, int) -> std::optional<Told> {
    if (what == kRun) {
      return Told{.body = std::string(kQueued)};
    }
    return Told{.body = what == kStream ? given("FAILED", {})
                                        : R"({"id":"j-1","status":"FAILED","error":"{'message': )"
                                          R"('vLLM returned HTTP 400: {\"error\":{\"message\":)"
                                          R"(\"bad temperature\"}}', 'type': 'worker_error'}"})"};
  });
  const Seen seen = ask(queue, Delivery::Stream);
  ASSERT_TRUE(seen.error);
  EXPECT_EQ(seen.error->kind, ErrorKind::InvalidRequest) << seen.error->detail;
  EXPECT_EQ(queue.count(kRun), 1);
}

TEST_F(RemoteStreamTest, AClientWhoLeavesHasTheJobCancelled) {
  FakeQueue queue([](const std::string& what, int) -> std::optional<Told> {
    return Told{.body = what == kRun      ? std::string(kQueued)
                        : what == kStream ? given("IN_QUEUE", {})
                                          : std::string("{}")};
  });
  after_ = [&] { return until_asked(queue, kCancel); };
  const Seen seen = ask(queue, Delivery::Stream, [&](model::RequestContext& context) -> Task<void> {
    co_await until_asked(queue, kStream);
    context.cancel.cancel();
  });
  ASSERT_TRUE(seen.error);
  EXPECT_EQ(seen.error->kind, ErrorKind::ClientLeft);
  EXPECT_EQ(queue.count(kCancel), 1);
}

TEST_F(RemoteStreamTest, APartThatIsLostBreaksTheStreamOff) {
  FakeQueue queue([](const std::string& what, int n) -> std::optional<Told> {
    if (what == kStream && n == 2) {
      return std::nullopt;  // reset: what was in it is gone
    }
    const std::size_t first = kEvents.find("\n\n") + 2;
    return Told{.body = what == kRun      ? std::string(kQueued)
                        : what == kStream ? given("IN_PROGRESS", {kEvents.substr(0, first)})
                                          : std::string("{}")};
  });
  after_ = [&] { return until_asked(queue, kCancel); };
  const Seen seen = ask(queue, Delivery::Stream);
  EXPECT_THAT(seen.bytes, AllOf(HasSubstr("Gr\xC3\xBC\xC3\x9F"), HasSubstr(R"("error")"),
                                Not(HasSubstr("[DONE]"))));
  EXPECT_THAT(queue.asked(), Contains(kCancel));
}

TEST_F(RemoteStreamTest, ARefusalToTellOutputLosesNothing) {
  FakeQueue queue([](const std::string& what, int n) -> std::optional<Told> {
    if (what == kStream && n == 1) {
      return Told{.status = 503, .body = "{}"};
    }
    return Told{.body = what == kRun      ? std::string(kQueued)
                        : what != kStream ? std::string(kDone)
                        : n == 2          ? given("COMPLETED", {kEvents})
                                          : given("COMPLETED", {})};
  });
  const Seen seen = ask(queue, Delivery::Stream);
  ASSERT_FALSE(seen.error) << seen.error->detail;
  EXPECT_EQ(seen.bytes, kEvents);
}

TEST_F(RemoteStreamTest, WorkThatMayHaveArrivedIsNotHandedOverAgain) {
  FakeQueue queue([](const std::string&, int) -> std::optional<Told> { return std::nullopt; });
  const Seen seen = ask(queue, Delivery::Stream);
  ASSERT_TRUE(seen.error);
  EXPECT_EQ(wire_code(*seen.error), "upstream_in_doubt");
  EXPECT_THAT(queue.asked(), ElementsAre(kRun));
}

}  // namespace
}  // namespace headgate::dispatch
