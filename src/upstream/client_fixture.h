#pragma once

// What the client's tests share.

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/event_loop.h"
#include "testing/raw_server.h"
#include "upstream/client.h"
#include "upstream/failure.h"

namespace headgate::upstream {

struct Reply {
  int status = 0;
  std::string body;
  std::string content_type;
};

inline Task<Result<Reply>> call_task(Client& client, OutgoingRequest request) {
  auto exchange = client.start(request);
  auto head = co_await exchange->await_head();
  if (!head) {
    co_return fail(head.error());
  }
  Reply reply;
  reply.status = exchange->head().status;
  reply.content_type = exchange->head().field("content-type").value_or("");
  while (true) {
    auto piece = co_await exchange->read();
    if (!piece) {
      co_return fail(piece.error());
    }
    if ((*piece)->empty()) {
      co_return reply;
    }
    reply.body.append(**piece);
  }
}

/// A client with everything under it; every name but literals resolves to `addresses`.
struct ClientUnderTest {
  explicit ClientUnderTest(ClientSettings client_settings = {})
      : settings(std::move(client_settings)) {}

  Result<Reply> call(const OutgoingRequest& request) {
    return run_on(loop, call_task(client, request));
  }

  ClientSettings settings;
  std::vector<IpAddress> addresses{*parse_address("127.0.0.1")};
  EventLoop loop;
  SystemClock clock;
  BlockingPool pool{"dns", 1, 16};
  Resolver resolver{pool, clock, [this](const std::string& host) -> Result<std::vector<IpAddress>> {
                      if (host == "missing.test") {
                        return fail(failure(FailurePhase::Dns, host));
                      }
                      return addresses;
                    }};
  Client client{loop, resolver, settings};
};

inline Origin origin_of(const testing::RawServer& server, Scheme scheme = Scheme::Http) {
  return {.scheme = scheme, .host = "127.0.0.1", .port = server.port()};
}

inline OutgoingRequest get(const Origin& origin) {
  OutgoingRequest request;
  request.origin = &origin;
  request.method = "GET";
  request.target = "/";
  return request;
}

/// EXPECTs that `result` failed in `phase`.
template <class T>
void expect_phase(const Result<T>& result, FailurePhase phase) {
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(failure_phase(result.error()), phase)
      << result.error().code << ": " << result.error().detail;
}

}  // namespace headgate::upstream
