#include "upstream/client.h"

#include <array>
#include <future>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/task_group.h"
#include "upstream/client_fixture.h"

namespace headgate::upstream {
namespace {

using namespace std::chrono_literals;
using testing::RawPeer;
using testing::RawServer;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Answers every request of every connection with `response`.
RawServer::Script always(std::string response) {
  return [response = std::move(response)](RawPeer& peer, int) {
    while (!peer.read_head().empty()) {
      peer.send(response);
    }
  };
}

/// Answers one request with `response` and closes.
RawServer::Script once(std::string response) {
  return [response = std::move(response)](RawPeer& peer, int) {
    peer.read_head();
    peer.send(response);
  };
}

Result<Reply> ask_once(std::string response) {
  RawServer server(once(std::move(response)));
  const Origin origin = origin_of(server);
  ClientUnderTest under_test;
  return under_test.call(get(origin));
}

TEST(Client, SendsHeadAndBodyPiecesAsOneRequest) {
  std::string head;
  std::string body;
  RawServer server([&](RawPeer& peer, int) {
    head = peer.read_head();
    body = peer.read_exactly(11);
    peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok");
  });
  const Origin origin = origin_of(server);
  ClientUnderTest under_test;
  const std::array<std::string_view, 3> pieces = {"hello", "", " world"};
  OutgoingRequest request = get(origin);
  request.method = "POST";
  request.target = "/v1/chat?x=1";
  request.fields = "Content-Type: application/json\r\n";
  request.more_fields = "Authorization: Bearer key\r\n";
  request.body = pieces;

  const auto reply = under_test.call(request);

  ASSERT_TRUE(reply) << reply.error().detail;
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->content_type, "text/plain");
  EXPECT_EQ(reply->body, "ok");
  EXPECT_EQ(head, "POST /v1/chat?x=1 HTTP/1.1\r\nHost: " + origin.authority() +
                      "\r\nContent-Type: application/json\r\nAuthorization: Bearer key\r\n"
                      "Content-Length: 11\r\n\r\n");
  EXPECT_EQ(body, "hello world");
}

TEST(Client, RefusesTargetsThatWouldAddLines) {
  RawServer server(always(std::string(kOk)));
  const Origin origin = origin_of(server);
  ClientUnderTest under_test;
  for (const std::string_view target : {"", "v1", "/a b", "/a\r\nX: y", "/\x7F"}) {
    OutgoingRequest request = get(origin);
    request.target = target;
    const auto reply = under_test.call(request);
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().kind, ErrorKind::Internal);
  }
  EXPECT_EQ(server.connections(), 0);
}

TEST(Client, ReusesAConnectionAfterACleanEnd) {
  for (const std::string_view response :
       {kOk, std::string_view("HTTP/1.1 204 No Content\r\n\r\n"),
        std::string_view("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                         "2\r\nok\r\n0\r\nX-Trailer: y\r\n\r\n")}) {
    RawServer server(always(std::string(response)));
    const Origin origin = origin_of(server);
    ClientUnderTest under_test;
    for (int i = 0; i < 3; ++i) {
      const auto reply = under_test.call(get(origin));
      ASSERT_TRUE(reply) << reply.error().detail;
    }
    EXPECT_EQ(server.connections(), 1) << response;
    EXPECT_EQ(under_test.client.stats().opened, 1U);
    EXPECT_EQ(under_test.client.stats().reused, 2U);
    EXPECT_EQ(under_test.client.stats().idle, 1U);
  }
}

TEST(Client, DoesNotReuseWhatTheServerWillClose) {
  for (const std::string_view response :
       {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"}) {
    RawServer server(always(std::string(response)));
    const Origin origin = origin_of(server);
    ClientUnderTest under_test;
    ASSERT_TRUE(under_test.call(get(origin)));
    ASSERT_TRUE(under_test.call(get(origin)));
    EXPECT_EQ(server.connections(), 2);
  }
}

TEST(Client, CountsSurplusBytesAndClosesTheConnection) {
  RawServer server(always(std::string(kOk) + "HTTP/1.1 200 forged"));
  const Origin origin = origin_of(server);
  ClientUnderTest under_test;
  ASSERT_TRUE(under_test.call(get(origin)));
  ASSERT_TRUE(under_test.call(get(origin)));
  EXPECT_EQ(server.connections(), 2);
  EXPECT_EQ(under_test.client.stats().surplus_bytes, 38U);
  EXPECT_EQ(under_test.client.stats().idle, 0U);
}

TEST(Client, RetriesOnceIfAPooledConnectionTurnsOutClosed) {
  RawServer server([](RawPeer& peer, int number) {
    peer.read_head();
    peer.send(kOk);
    peer.read_head();
    if (number == 0) {
      peer.reset();
    } else {
      peer.send(kOk);
    }
  });
  const Origin origin = origin_of(server);
  ClientUnderTest under_test;
  ASSERT_TRUE(under_test.call(get(origin)));

  const auto reply = under_test.call(get(origin));

  ASSERT_TRUE(reply) << reply.error().detail;
  EXPECT_EQ(reply->body, "ok");
  EXPECT_EQ(server.connections(), 2);
  EXPECT_EQ(under_test.client.stats().retried, 1U);
}

TEST(Client, DoesNotRetryOnceAResponseHasBegun) {
  RawServer server([](RawPeer& peer, int) {
    peer.read_head();
    peer.send(kOk);
    peer.read_head();
    peer.send("HTTP/1.1 200 O");
  });
  const Origin origin = origin_of(server);
  ClientUnderTest under_test;
  ASSERT_TRUE(under_test.call(get(origin)));
  expect_phase(under_test.call(get(origin)), FailurePhase::Reset);
  EXPECT_EQ(server.connections(), 1);
}

TEST(Client, DoesNotRetryAFreshConnection) {
  RawServer server([](RawPeer& peer, int) { peer.read_head(); });
  const Origin origin = origin_of(server);
  ClientUnderTest under_test;
  expect_phase(under_test.call(get(origin)), FailurePhase::Reset);
  EXPECT_EQ(server.connections(), 1);
}

TEST(Client, ReadsToTheEndOfTheConnectionWithoutALength) {
  const auto reply = ask_once("HTTP/1.1 200 OK\r\n\r\nall of it");
  ASSERT_TRUE(reply) << reply.error().detail;
  EXPECT_EQ(reply->body, "all of it");
}

TEST(Client, ReadsNoBodyAfterHead) {
  RawServer server(always("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"));
  const Origin origin = origin_of(server);
  ClientUnderTest under_test;
  OutgoingRequest request = get(origin);
  request.method = "HEAD";
  for (int i = 0; i < 2; ++i) {
    const auto reply = under_test.call(request);
    ASSERT_TRUE(reply) << reply.error().detail;
    EXPECT_EQ(reply->body, "");
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST(Client, SkipsInterimResponsesButNotWithoutEnd) {
  const std::string interim = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
  std::string eight;
  for (int i = 0; i < 8; ++i) {
    eight += interim;
  }
  const auto reply = ask_once(eight + std::string(kOk));
  ASSERT_TRUE(reply) << reply.error().detail;
  EXPECT_EQ(reply->body, "ok");
  expect_phase(ask_once(eight + interim + std::string(kOk)), FailurePhase::Protocol);
  expect_phase(ask_once("HTTP/1.1 101 Switching\r\n\r\n"), FailurePhase::Protocol);
}

TEST(Client, NeverTakesATruncatedBodyForAWholeOne) {
  for (const std::string_view response :
       {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nonly",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nonly\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nonly\r\n0\r\n"}) {
    expect_phase(ask_once(std::string(response)), FailurePhase::Truncated);
  }
}

TEST(Client, RefusesBrokenChunks) {
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string_view chunks :
       {"x\r\n", "-1\r\n", "+1\r\na\r\n0\r\n\r\n", "0x1\r\na\r\n0\r\n\r\n", " 1\r\na\r\n0\r\n\r\n",
        "1\na\r\n0\r\n\r\n", "1\r\nab0\r\n\r\n", "1\r\na\n0\r\n\r\n", "11111111111111111\r\n",
        "ffffffffffffffff\r\n"}) {
    expect_phase(ask_once(head + std::string(chunks)), FailurePhase::Protocol);
  }
}

TEST(Client, JoinsChunksHoweverTheyAreCut) {
  const std::string response =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "1;ext=\"a\"\r\nh\r\n4\r\nello\r\n6\r\n world\r\n0\r\n\r\n";
  const std::size_t head = response.find("\r\n\r\n") + 4;
  RawServer server([&](RawPeer& peer, int) {
    for (std::size_t cut = head; cut < response.size(); ++cut) {
      peer.read_head();
      peer.send(response.substr(0, cut));
      std::this_thread::yield();  // the parts may arrive apart; the answer is the same either way
      peer.send(response.substr(cut));
    }
  });
  const Origin origin = origin_of(server);
  ClientUnderTest under_test;
  for (std::size_t cut = head; cut < response.size(); ++cut) {
    const auto reply = under_test.call(get(origin));
    ASSERT_TRUE(reply) << cut << reply.error().detail;
    EXPECT_EQ(reply->body, "hello world") << cut;
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST(Client, MovesBigBodiesBothWays) {
  std::string big(8 << 20, '\0');
  for (std::size_t i = 0; i < big.size(); ++i) {
    big[i] = static_cast<char>(i * 2654435761U >> 24U);
  }
  bool same = false;
  RawServer server([&](RawPeer& peer, int) {
    peer.read_head();
    same = peer.read_exactly(big.size()) == big;
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(big.size()) + "\r\n\r\n");
    peer.send(big);
  });
  const Origin origin = origin_of(server);
  ClientUnderTest under_test;
  const std::string_view view = big;
  const std::array<std::string_view, 2> pieces = {view.substr(0, 1000), view.substr(1000)};
  OutgoingRequest request = get(origin);
  request.method = "POST";
  request.body = pieces;
  const auto reply = under_test.call(request);
  ASSERT_TRUE(reply) << reply.error().detail;
  EXPECT_TRUE(reply->body == big);
  EXPECT_TRUE(same);
}

TEST(Client, DoesNotReuseAConnectionWhoseRequestWasNotSentWhole) {
  // The server answers at once, takes nothing of the body and closes its receiving side's window.
  RawServer server([](RawPeer& peer, int number) {
    peer.read_head();
    peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
    if (number == 0) {
      ::shutdown(peer.fd(), SHUT_RD);
      peer.wait_closed();
    }
  });
  const Origin origin = origin_of(server);
  ClientUnderTest under_test;
  const std::string big(32 << 20, 'x');
  const std::array<std::string_view, 1> pieces = {big};
  OutgoingRequest request = get(origin);
  request.method = "POST";
  request.body = pieces;
  request.timeouts.idle = 300ms;
  const auto first = under_test.call(request);
  EXPECT_EQ(under_test.client.stats().idle, 0U) << (first ? first->status : 0);
}

TEST(Client, NamesThePhaseThatFailed) {
  ClientUnderTest under_test;
  const Origin nowhere{.scheme = Scheme::Http, .host = "missing.test", .port = 80};
  expect_phase(under_test.call(get(nowhere)), FailurePhase::Dns);

  std::uint16_t free_port = 0;
  {
    const RawServer gone([](RawPeer&, int) {});
    free_port = gone.port();
  }
  const Origin refused{.scheme = Scheme::Http, .host = "127.0.0.1", .port = free_port};
  const auto reply = under_test.call(get(refused));
  expect_phase(reply, FailurePhase::Connect);
  EXPECT_EQ(reply.error().kind, ErrorKind::UpstreamFailed);
  EXPECT_EQ(reply.error().message.find("127.0.0.1"), std::string::npos);
  EXPECT_NE(reply.error().detail.find("127.0.0.1"), std::string::npos);
}

TEST(Client, TriesTheNextAddressIfOneRefuses) {
  RawServer server(always(std::string(kOk)));
  ClientUnderTest under_test;
  // The server listens on 127.0.0.1 only.
  under_test.addresses = {*parse_address("::1"), *parse_address("127.0.0.2"),
                          *parse_address("127.0.0.1")};
  const Origin origin{.scheme = Scheme::Http, .host = "many.test", .port = server.port()};
  const auto reply = under_test.call(get(origin));
  ASSERT_TRUE(reply) << reply.error().detail;
}

/// Sends `start` and then nothing until the client has left.
RawServer::Script silent_after(std::string start) {
  return [start = std::move(start)](RawPeer& peer, int) {
    peer.read_head();
    peer.send(start);
    peer.wait_closed();
  };
}

TEST(Client, LimitsTheWaitForTheFirstByte) {
  for (const std::string_view start :
       {"", "HTTP/1.1 200 OK\r\nContent-", "HTTP/1.1 100 C\r\n\r\n"}) {
    RawServer server(silent_after(std::string(start)));
    const Origin origin = origin_of(server);
    ClientUnderTest under_test;
    OutgoingRequest request = get(origin);
    request.timeouts.first_byte = 50ms;
    const auto reply = under_test.call(request);
    expect_phase(reply, FailurePhase::FirstByteTimeout);
    EXPECT_EQ(reply.error().kind, ErrorKind::Timeout);
  }
}

TEST(Client, LimitsSilenceInsideABody) {
  RawServer server(silent_after("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nonly"));
  const Origin origin = origin_of(server);
  ClientUnderTest under_test;
  OutgoingRequest request = get(origin);
  request.timeouts.idle = 50ms;
  expect_phase(under_test.call(request), FailurePhase::IdleTimeout);
}

TEST(Client, LimitsTheWholeExchange) {
  for (const std::string_view start : {"", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nonly"}) {
    RawServer server(silent_after(std::string(start)));
    const Origin origin = origin_of(server);
    ClientUnderTest under_test;
    OutgoingRequest request = get(origin);
    request.timeouts.deadline = std::chrono::steady_clock::now() + 50ms;
    expect_phase(under_test.call(request), FailurePhase::TotalTimeout);
  }
}

TEST(Client, LimitsTheWaitForAServerThatStopsReading) {
  std::promise<void> done;
  RawServer server([&](RawPeer& peer, int) {
    peer.read_head();
    done.get_future().wait_for(10s);
  });
  const Origin origin = origin_of(server);
  ClientUnderTest under_test;
  const std::string big(64 << 20, 'x');
  const std::array<std::string_view, 1> pieces = {big};
  OutgoingRequest request = get(origin);
  request.method = "POST";
  request.body = pieces;
  request.timeouts.idle = 100ms;
  const auto reply = under_test.call(request);
  done.set_value();
  expect_phase(reply, FailurePhase::IdleTimeout);
}

Task<void> hold_then_drop(Client& client, OutgoingRequest request, std::promise<void>& dropped) {
  auto exchange = client.start(request);
  auto head = co_await exchange->await_head();
  EXPECT_TRUE(head && *head);
  exchange.reset();
  dropped.set_value();
}

TEST(Client, ClosesTheConnectionOfAnUnfinishedExchangeAtOnce) {
  std::promise<bool> closed;
  RawServer server([&](RawPeer& peer, int) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nonly");
    closed.set_value(peer.wait_closed());
  });
  const Origin origin = origin_of(server);
  ClientUnderTest under_test;
  std::promise<void> dropped;
  under_test.loop.run_until_done(hold_then_drop(under_test.client, get(origin), dropped));
  EXPECT_TRUE(closed.get_future().get());
  EXPECT_EQ(under_test.client.stats().dirty, 1U);
}

Task<void> cancel_soon(CancelSource& source) {
  co_await sleep_for(20ms);
  source.cancel();
}

Task<Result<Reply>> call_and_cancel(Client& client, OutgoingRequest request, CancelSource& source) {
  TaskGroup group;
  group.spawn(cancel_soon(source));
  request.cancel = &source;
  auto reply = co_await call_task(client, request);
  co_await group.close(std::chrono::steady_clock::now() + 10s);
  co_return reply;
}

TEST(Client, StopsAtOnceWhenTheClientLeaves) {
  for (const std::string_view start : {"", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nonly"}) {
    std::promise<bool> closed;
    RawServer server([&](RawPeer& peer, int) {
      peer.read_head();
      peer.send(start);
      closed.set_value(peer.wait_closed());
    });
    const Origin origin = origin_of(server);
    ClientUnderTest under_test;
    CancelSource source;
    const auto reply =
        run_on(under_test.loop, call_and_cancel(under_test.client, get(origin), source));
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().kind, ErrorKind::ClientLeft);
    EXPECT_TRUE(closed.get_future().get());
  }
}

TEST(Client, DoesNotEvenConnectForAClientThatHasLeft) {
  RawServer server(always(std::string(kOk)));
  const Origin origin = origin_of(server);
  ClientUnderTest under_test;
  CancelSource source;
  source.cancel();
  OutgoingRequest request = get(origin);
  request.cancel = &source;
  const auto reply = under_test.call(request);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, ErrorKind::ClientLeft);
  EXPECT_EQ(server.connections(), 0);
}

Task<Result<Reply>> call_patiently(Client& client, OutgoingRequest request,
                                   std::promise<void>& go_on, int& impatient) {
  auto exchange = client.start(request);
  auto head = co_await exchange->await_head(std::chrono::steady_clock::now() + 20ms);
  while (head && !*head) {
    if (impatient++ == 0) {
      go_on.set_value();
    }
    head = co_await exchange->await_head(std::chrono::steady_clock::now() + 20ms);
  }
  if (!head) {
    co_return fail(head.error());
  }
  Reply reply;
  while (true) {
    auto piece = co_await exchange->read(std::chrono::steady_clock::now() + 20ms);
    if (!piece) {
      co_return fail(piece.error());
    }
    if (*piece && (*piece)->empty()) {
      co_return reply;
    }
    reply.body.append(piece->value_or(""));
  }
}

TEST(Client, LosesNothingWhenPatienceRunsOut) {
  std::promise<void> go_on;
  RawServer server([&](RawPeer& peer, int) {
    peer.read_head();
    go_on.get_future().wait();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst");
    peer.send(" half");
    peer.wait_closed();
  });
  const Origin origin = origin_of(server);
  ClientUnderTest under_test;
  int impatient = 0;
  const auto reply =
      run_on(under_test.loop, call_patiently(under_test.client, get(origin), go_on, impatient));
  ASSERT_TRUE(reply) << reply.error().detail;
  EXPECT_EQ(reply->body, "first half");
  EXPECT_GE(impatient, 1);
  under_test.client.close_idle();
}

Task<std::size_t> read_after(Client& client, OutgoingRequest request, std::future<void>& stalled) {
  auto exchange = client.start(request);
  auto head = co_await exchange->await_head();
  EXPECT_TRUE(head && *head);
  while (stalled.wait_for(0s) != std::future_status::ready) {
    co_await sleep_for(10ms);  // the loop runs on; nobody reads
  }
  std::size_t total = 0;
  while (true) {
    auto piece = co_await exchange->read();
    if (!piece || (*piece)->empty()) {
      co_return total;
    }
    total += (*piece)->size();
  }
}

Task<std::vector<std::string>> take_and_read(Client& client, OutgoingRequest request,
                                             std::promise<void>& go_on) {
  auto exchange = client.start(request);
  auto head = co_await exchange->await_head();
  EXPECT_TRUE(head && *head);
  std::vector<std::string> seen;
  for (int i = 0; i < 2; ++i) {
    const auto here = exchange->take();
    EXPECT_TRUE(here);
    seen.emplace_back(*here ? **here : "nothing here");
  }
  go_on.set_value();
  const auto rest = co_await exchange->read();
  EXPECT_TRUE(rest && *rest);
  seen.emplace_back(**rest);
  const auto end = exchange->take();
  EXPECT_TRUE(end && *end);
  seen.emplace_back((*end)->empty() ? "end" : **end);
  co_return seen;
}

TEST(Client, TakesWhatIsHereWithoutWaiting) {
  std::promise<void> go_on;
  RawServer server([&](RawPeer& peer, int) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst");
    go_on.get_future().wait();
    peer.send("other");
    peer.wait_closed();
  });
  const Origin origin = origin_of(server);
  ClientUnderTest under_test;
  EXPECT_EQ(run_on(under_test.loop, take_and_read(under_test.client, get(origin), go_on)),
            (std::vector<std::string>{"first", "nothing here", "other", "end"}));
  under_test.client.close_idle();
}

TEST(Client, ReadsOnlyWhatIsAskedFor) {
  constexpr std::size_t kSize = 64 << 20;  // more than both ends' socket buffers can ever take
  std::promise<void> stalled;
  RawServer server([&](RawPeer& peer, int) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kSize) + "\r\n\r\n");
    const std::string block(256 << 10, 'x');
    std::size_t left = kSize;
    bool waited = false;
    while (left > 0) {
      const ssize_t sent = ::send(peer.fd(), block.data(), std::min(block.size(), left),
                                  MSG_NOSIGNAL | (waited ? 0 : MSG_DONTWAIT));
      if (sent < 0 && !waited) {
        waited = true;
        stalled.set_value();
      } else if (sent < 0) {
        return;
      } else {
        left -= static_cast<std::size_t>(sent);
      }
    }
    if (!waited) {
      stalled.set_exception(std::make_exception_ptr(std::runtime_error("never stalled")));
    }
  });
  const Origin origin = origin_of(server);
  ClientUnderTest under_test;
  auto future = stalled.get_future();
  EXPECT_EQ(run_on(under_test.loop, read_after(under_test.client, get(origin), future)), kSize);
  EXPECT_NO_THROW(future.get());
}

Task<bool> wait_until_none_idle(Client& client) {
  const SteadyTime until = std::chrono::steady_clock::now() + 10s;
  while (client.stats().idle > 0 && std::chrono::steady_clock::now() < until) {
    co_await sleep_for(10ms);
  }
  co_return client.stats().idle == 0;
}

TEST(Client, SweepsIdleConnectionsThatTheServerHasClosed) {
  RawServer server(once(std::string(kOk)));
  const Origin origin = origin_of(server);
  ClientSettings settings;
  settings.sweep_every = 20ms;
  ClientUnderTest under_test(settings);
  ASSERT_TRUE(under_test.call(get(origin)));
  ASSERT_EQ(under_test.client.stats().idle, 1U);
  EXPECT_TRUE(run_on(under_test.loop, wait_until_none_idle(under_test.client)));
}

TEST(Client, SweepsConnectionsIdleForTooLong) {
  RawServer server([](RawPeer& peer, int) {
    peer.read_head();
    peer.send(kOk);
    peer.wait_closed();
  });
  const Origin origin = origin_of(server);
  ClientSettings settings;
  settings.sweep_every = 20ms;
  settings.max_idle_time = 40ms;
  ClientUnderTest under_test(settings);
  ASSERT_TRUE(under_test.call(get(origin)));
  EXPECT_TRUE(run_on(under_test.loop, wait_until_none_idle(under_test.client)));
}

TEST(Client, ForwardsPlainHttpThroughAProxy) {
  std::string head;
  RawServer proxy([&](RawPeer& peer, int) {
    head = peer.read_head();
    peer.send(kOk);
  });
  ClientSettings settings;
  settings.proxy.http =
      Proxy{.host = "127.0.0.1", .port = proxy.port(), .authorization = "Basic x"};
  ClientUnderTest under_test(settings);
  const Origin origin{.scheme = Scheme::Http, .host = "models.test", .port = 8000};
  OutgoingRequest request = get(origin);
  request.target = "/v1/models";
  const auto reply = under_test.call(request);
  ASSERT_TRUE(reply) << reply.error().detail;
  EXPECT_EQ(head,
            "GET http://models.test:8000/v1/models HTTP/1.1\r\nHost: models.test:8000\r\n"
            "Proxy-Authorization: Basic x\r\n\r\n");
}

}  // namespace
}  // namespace headgate::upstream
