// A silent call and another beside it, from the dispatcher's side.
#include "dispatch/race.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/blocking_pool.h"
#include "base/event_loop_run.h"
#include "dispatch/dispatcher.h"
#include "testing/raw_server.h"

namespace headgate::dispatch {
namespace {

using namespace std::chrono_literals;
using model::Delivery;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::RawPeer;

std::string whole(std::string_view word) {
  const std::string body = R"({"id":"c","choices":[{"index":0,"message":{"role":"assistant",)"
                           R"("content":")" +
                           std::string(word) +
                           R"("},"finish_reason":"stop"}],)"
                           R"("usage":{"prompt_tokens":7,"completion_tokens":5}})";
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

std::string event(std::string_view delta) {
  return R"(data: {"id":"c","choices":[{"index":0,"delta":)" + std::string(delta) + "}]}\n\n";
}

std::string streamed(std::string_view word) {
  return event(R"({"role":"assistant","content":""})") +
         event(R"({"content":")" + std::string(word) + "\"}") +
         R"(data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})" +
         "\n\ndata: [DONE]\n\n";
}

std::string refusal() {
  return "HTTP/1.1 500 X\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
}

/// A ledger that lets everything happen.
struct AnyAttempt final : model::AttemptLedger {
  Task<Result<void>> begin(std::string_view, std::string_view) override {
    co_return Result<void>{};
  }
  void failed(const Error& /*error*/) override {}
  Task<Result<void>> remote(std::string_view /*id*/) override { co_return Result<void>{}; }
  const model::JobAttempt* under_way() const override { return nullptr; }
  bool leaves_remote() const override { return false; }
};

struct Seen {
  std::string bytes;
  std::optional<Error> error;
  std::uint32_t attempts = 0;
  std::string provider;
  std::string fields;
  std::int64_t output_tokens = -1;
};

/// Two model servers, "a" before "b", that do what a test says with each request.
class RaceTest : public ::testing::Test {
 protected:
  using Script = std::function<void(RawPeer&)>;

  enum class Reader : std::uint8_t { Caller, CallerWhoLeaves, Job };

  /// One request.
  Seen ask(Delivery delivery, const Script& a, const Script& b, Reader reader = Reader::Caller) {
    const testing::RawServer first([&](RawPeer& peer, int) { serve(peer, a); });
    const testing::RawServer second([&](RawPeer& peer, int) { serve(peer, b); });
    configure(first.port(), second.port());
    EventLoop loop;
    Catalogs catalogs(
        1, [&](std::size_t) { return routing::Catalog::build(settings_, health_).value(); });
    Clients clients(1, [&](std::size_t) {
      return std::make_unique<upstream::Client>(loop, resolver_, upstream::ClientSettings{});
    });
    Routers routers(1, [&](std::size_t) { return routing::Router(health_, 1); });
    const Dispatcher dispatcher({.catalogs = catalogs, .clients = clients, .routers = routers},
                                lines_);
    Seen seen = run_on(loop, read_all(dispatcher, delivery, reader, routers.at(0)));
    for (const auto& view : routers.at(0).view(std::chrono::steady_clock::now())) {
      views_[view.provider == "a" ? 0 : 1] = view;
    }
    return seen;
  }

  /// What `look` says of a request whose first target has been called.
  bool with_attempts(Reader reader, const std::function<bool(Attempts&)>& look) {
    configure(1, 1);
    EventLoop loop;
    Catalogs catalogs(
        1, [&](std::size_t) { return routing::Catalog::build(settings_, health_).value(); });
    Clients clients(1, [&](std::size_t) {
      return std::make_unique<upstream::Client>(loop, resolver_, upstream::ClientSettings{});
    });
    Routers routers(1, [&](std::size_t) { return routing::Router(health_, 1); });
    const auto looked = [&]() -> Task<bool> {
      AnyAttempt ledger;
      model::RequestContext context;
      context.ledger = reader == Reader::Job ? &ledger : nullptr;
      const Services services{.catalogs = catalogs, .clients = clients, .routers = routers};
      Attempts attempts(services, catalogs.here()->find("m").value(), request_, context);
      const bool called = attempts.choose() && attempts.call();
      EXPECT_TRUE(called);
      co_return called&& look(attempts);
    };
    return run_on(loop, looked());
  }

  config::ModelSettings model_ = [] {
    config::ModelSettings model;
    model.hedge_after = "20ms";
    return model;
  }();
  std::array<routing::TargetView, 2> views_;  // once the request is over

 private:
  void configure(std::uint16_t port_of_a, std::uint16_t port_of_b) {
    settings_ = {};
    asked_ = 0;
    config::ModelSettings& model = settings_.models.emplace_back(model_);
    model.name = "m";
    model.retry.max_attempts = 1;
    for (const char* name : {"a", "b"}) {
      config::ProviderSettings& provider = settings_.providers.emplace_back();
      provider.name = name;
      provider.protocol = "openai";
      provider.base_url =
          "http://127.0.0.1:" + std::to_string(*name == 'a' ? port_of_a : port_of_b) + "/v1";
      model.targets.emplace_back().provider = name;
    }
  }

  void serve(RawPeer& peer, const Script& script) {
    const std::string request = peer.read_head();
    if (const auto length = request.find("Content-Length: "); length != std::string::npos) {
      peer.read_exactly(std::stoul(request.substr(length + 16)));
      ++asked_;
      script(peer);
    }
  }

  Task<Seen> read_all(const Dispatcher& dispatcher, Delivery delivery, Reader reader,
                      const routing::Router& router) {
    Seen seen = co_await read_answer(dispatcher, delivery, reader);
    // What was broken off ends by itself.
    const SteadyTime until = std::chrono::steady_clock::now() + 10s;
    while (calls_in_flight(router) != 0 && std::chrono::steady_clock::now() < until) {
      co_await sleep_for(1ms);
    }
    co_return seen;
  }

  static std::uint32_t calls_in_flight(const routing::Router& router) {
    std::uint32_t sum = 0;
    for (const auto& view : router.view(std::chrono::steady_clock::now())) {
      sum += view.in_flight;
    }
    return sum;
  }

  Task<Seen> read_answer(const Dispatcher& dispatcher, Delivery delivery, Reader reader) {
    Seen seen;
    AnyAttempt ledger;
    model::RequestContext context;
    context.ledger = reader == Reader::Job ? &ledger : nullptr;
    model::InferenceRequest request = request_;
    request.delivery = delivery;
    if (reader == Reader::CallerWhoLeaves) {
      EventLoop::current()->spawn(leave_when_both_are_asked(context));
    }
    auto response = co_await dispatcher.run(request, context);
    if (!response) {
      seen.error = response.error();
    } else {
      seen.fields = response->fields;
      seen.bytes = response->body;
      while (response->stream) {
        auto piece = co_await response->stream->next();
        if (!piece || piece->empty()) {
          break;
        }
        seen.bytes.append(*piece);
      }
    }
    seen.attempts = context.attempts;
    seen.provider = context.provider;
    seen.output_tokens = context.output_tokens;
    co_return seen;
  }

  Task<void> leave_when_both_are_asked(model::RequestContext& context) {
    while (asked_ < 2) {
      co_await sleep_for(1ms);
    }
    context.cancel.cancel();
  }

  const model::InferenceRequest request_ = [] {
    model::InferenceRequest request;
    request.model = "m";
    request.body = R"({"model":"m"})";
    request.model_value = {.begin = 9, .end = 12};
    request.usage_wanted = true;
    return request;
  }();
  SystemClock clock_;
  BlockingPool pool_{"dns", 1, 16};
  upstream::Resolver resolver_{pool_, clock_,
                               [](const std::string&) -> Result<std::vector<upstream::IpAddress>> {
                                 return std::vector{*upstream::parse_address("127.0.0.1")};
                               }};
  queue::Lines lines_{[](std::string_view) { return queue::LineSettings{}; }};
  routing::Health health_;
  config::Settings settings_;
  std::atomic<int> asked_ = 0;
};

void hang(RawPeer& peer) { EXPECT_TRUE(peer.wait_closed()) << "it is not broken off"; }
void never(RawPeer& /*peer*/) { ADD_FAILURE() << "it is asked"; }

TEST_F(RaceTest, ASilentTargetIsOvertakenByAnother) {
  const Seen seen = ask(Delivery::Whole, hang, [](RawPeer& peer) { peer.send(whole("second")); });
  ASSERT_FALSE(seen.error) << seen.error->detail;
  EXPECT_THAT(seen.bytes, HasSubstr("second"));
  EXPECT_EQ(seen.provider, "b");
  EXPECT_EQ(seen.attempts, 2U);
  EXPECT_THAT(seen.fields, HasSubstr("x-headgate-attempts: 2\r\n"));
  EXPECT_THAT(seen.fields, HasSubstr("x-headgate-provider: b\r\n"));
  EXPECT_EQ(seen.output_tokens, 5);
}

TEST_F(RaceTest, TheLoserHasNeitherFailedNorSucceeded) {
  ask(Delivery::Whole, hang, [](RawPeer& peer) { peer.send(whole("second")); });
  EXPECT_EQ(views_[0].failed, 0U);
  EXPECT_EQ(views_[0].succeeded, 0U);
  EXPECT_EQ(views_[0].failures_in_row, 0U);
  EXPECT_EQ(views_[0].in_flight, 0U);
  EXPECT_GE(views_[0].latency, 20ms) << "that it is slow has been noticed";
  EXPECT_EQ(views_[1].succeeded, 1U);
}

TEST_F(RaceTest, ATargetThatAnswersInTimeIsAloneAsked) {
  model_.hedge_after = "1h";
  const Seen seen = ask(Delivery::Whole, [](RawPeer& peer) { peer.send(whole("first")); }, never);
  EXPECT_THAT(seen.bytes, HasSubstr("first"));
  EXPECT_EQ(seen.attempts, 1U);
}

TEST_F(RaceTest, TheFirstMayStillWin) {
  std::binary_semaphore asked(0);
  const Seen seen = ask(
      Delivery::Whole,
      [&](RawPeer& peer) {
        EXPECT_TRUE(asked.try_acquire_for(10s));
        peer.send(whole("first"));
      },
      [&](RawPeer& peer) {
        asked.release();
        hang(peer);
      });
  ASSERT_FALSE(seen.error) << seen.error->detail;
  EXPECT_THAT(seen.bytes, HasSubstr("first"));
  EXPECT_EQ(seen.provider, "a");
  EXPECT_EQ(seen.attempts, 2U);
  EXPECT_EQ(views_[1].in_flight, 0U);
  EXPECT_EQ(views_[1].failed, 0U);
}

TEST_F(RaceTest, AFailureBesideASilentCallIsOnlyCounted) {
  std::binary_semaphore refused(0);
  const Seen seen = ask(
      Delivery::Whole,
      [&](RawPeer& peer) {
        EXPECT_TRUE(refused.try_acquire_for(10s));
        peer.send(whole("first"));
      },
      [&](RawPeer& peer) {
        peer.send(refusal());
        refused.release();
      });
  ASSERT_FALSE(seen.error) << seen.error->detail;
  EXPECT_THAT(seen.bytes, HasSubstr("first"));
  EXPECT_EQ(seen.provider, "a");
  EXPECT_EQ(views_[1].failed, 1U);
}

TEST_F(RaceTest, WhenBothFailBothAreToldOf) {
  std::binary_semaphore asked(0);
  const Seen seen = ask(
      Delivery::Whole,
      [&](RawPeer& peer) {
        EXPECT_TRUE(asked.try_acquire_for(10s));
        peer.send(refusal());
      },
      [&](RawPeer& peer) {
        asked.release();
        peer.send(refusal());
      });
  ASSERT_TRUE(seen.error);
  EXPECT_EQ(seen.attempts, 2U);
  EXPECT_THAT(seen.error->details_json, HasSubstr(R"("provider":"a")"));
  EXPECT_THAT(seen.error->details_json, HasSubstr(R"("provider":"b")"));
}

TEST_F(RaceTest, OfAStreamTheFirstTokenCounts) {
  const Seen seen = ask(
      Delivery::Stream,
      [](RawPeer& peer) {
        peer.send(std::string(kStreamHead) + event(R"({"role":"assistant","content":""})"));
        hang(peer);
      },
      [](RawPeer& peer) { peer.send(std::string(kStreamHead) + streamed("second")); });
  ASSERT_FALSE(seen.error) << seen.error->detail;
  EXPECT_EQ(seen.bytes, streamed("second")) << "and of the loser nothing is seen";
  EXPECT_EQ(seen.provider, "b");
  EXPECT_THAT(seen.fields, HasSubstr("x-headgate-attempts: 2\r\n"));
  EXPECT_GE(views_[0].first_token, 20ms);
  EXPECT_EQ(views_[0].failed, 0U);
}

TEST_F(RaceTest, AWinnerThatBreaksOffIsReplacedLikeAnyOther) {
  std::atomic<int> calls_of_a = 0;
  const Seen seen = ask(
      Delivery::Stream,
      [&](RawPeer& peer) {
        if (++calls_of_a == 1) {
          hang(peer);
        } else {
          peer.send(std::string(kStreamHead) + streamed("second"));
        }
      },
      [&](RawPeer& peer) { peer.send(std::string(kStreamHead) + event(R"({"content":"sec"})")); });
  EXPECT_THAT(seen.bytes, AllOf(HasSubstr("\"sec\""), HasSubstr("\"ond\""), HasSubstr("[DONE]")));
  EXPECT_EQ(seen.attempts, 3U);
  EXPECT_EQ(seen.provider, "a") << "the loser is asked again if there is no other";
  EXPECT_EQ(views_[1].failed, 1U);
}

TEST_F(RaceTest, WhoMayNotHaveASecondCallHasNone) {
  const auto hedges = [this](Reader reader) {
    return with_attempts(reader, [](Attempts& attempts) {
      return attempts.hedge_at() != SteadyTime::max() && attempts.call_beside().has_value();
    });
  };
  EXPECT_TRUE(hedges(Reader::Caller));
  EXPECT_FALSE(hedges(Reader::Job)) << "each of its calls is counted on disk";
  model_.retry.budget = 0;
  model_.retry.budget_per_second = 0;
  EXPECT_FALSE(hedges(Reader::Caller)) << "the retry budget bounds it";
  model_ = {};
  EXPECT_FALSE(hedges(Reader::Caller)) << "it is not asked for";
}

TEST_F(RaceTest, ARequestHasOneSecondCallAtMost) {
  EXPECT_TRUE(with_attempts(Reader::Caller, [](Attempts& attempts) {
    return attempts.call_beside() && attempts.hedge_at() == SteadyTime::max();
  }));
}

TEST_F(RaceTest, BothAreBrokenOffWhenTheClientLeaves) {
  for (const Delivery delivery : {Delivery::Whole, Delivery::Stream}) {
    std::atomic<int> left = 0;
    const auto count = [&](RawPeer& peer) { left += peer.wait_closed() ? 1 : 0; };
    const Seen seen = ask(delivery, count, count, Reader::CallerWhoLeaves);
    ASSERT_TRUE(seen.error);
    EXPECT_EQ(seen.error->kind, ErrorKind::ClientLeft);
    EXPECT_EQ(left, 2);
    EXPECT_EQ(views_[0].failed + views_[1].failed, 0U);
  }
}

}  // namespace
}  // namespace headgate::dispatch
