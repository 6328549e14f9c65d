// WebSockets from the first request line to the last frame.

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "base/signal.h"
#include "edge/websocket_fixture.h"
#include "edge/websocket_link.h"
#include "testing/temp_folder.h"
#include "testing/tls_peer.h"

namespace headgate::edge {
namespace {

using headgate::testing::client_close;
using headgate::testing::client_frame;
using headgate::testing::Final;
using headgate::testing::RawPeer;
using headgate::testing::read_server_frame;
using namespace std::chrono_literals;

using Client = WebSocketClient;

constexpr std::string_view kCancelled = "cancelled";
constexpr unsigned kText = 0x1;
constexpr std::size_t kLarge = 64 << 10;
constexpr int kManyMessages = 200;

/// Sends back what it receives. Ends at "end", closes at "close", breaks at "throw".
class Echo final : public WebSocketSession {
 public:
  Task<void> run(WebSocketPeer& peer) override {
    while (true) {
      auto message = co_await peer.receive_until(SteadyTime::max());
      if (!message || !*message || **message == "end") {
        co_return;
      }
      if (**message == "throw") {
        throw std::runtime_error("a bug in a session");
      }
      if (**message == "close") {
        co_await peer.close(4000, "as you wish");
        co_return;
      }
      auto sent = co_await peer.send_text(**message);
      if (!sent) {
        co_return;
      }
    }
  }
};

/// Waits for nothing but its request's end, and says so.
class Deaf final : public WebSocketSession {
 public:
  explicit Deaf(model::RequestContext& context) : context_(context) {}
  Task<void> run(WebSocketPeer& peer) override {
    Signal ended;
    OnCancel hook(context_.cancel, [&ended] { ended.notify(); });
    co_await ended.wait();
    auto sent = co_await peer.send_text("too late");
    auto received = co_await peer.receive_until(SteadyTime::max());
    if (!sent && sent.error().kind == ErrorKind::ClientLeft) {
      context_.kind = kCancelled;
    }
    // What arrived before the end is still there.
    while (received) {
      received = co_await peer.receive_until(SteadyTime::max());
    }
  }

 private:
  model::RequestContext& context_;
};

/// Sends what does not fit into any socket's buffer.
class Flood final : public WebSocketSession {
 public:
  Task<void> run(WebSocketPeer& peer) override {
    for (int i = 0; i < kManyMessages; ++i) {
      auto sent = co_await peer.send_text(std::string(kLarge, static_cast<char>('a' + i % 26)));
      if (!sent) {
        co_return;
      }
    }
  }
};

/// Tells why receive_until returned without a message.
class Waiting final : public WebSocketSession {
 public:
  Task<void> run(WebSocketPeer& peer) override {
    auto late = co_await peer.receive_until(SteadyTime{});
    co_await tell(peer, late);
    peer.wake();
    auto woken = co_await peer.receive_until(SteadyTime::max());
    co_await tell(peer, woken);
    auto message = co_await peer.receive_until(SteadyTime::max());
    co_await tell(peer, message);
  }

 private:
  static Task<void> tell(WebSocketPeer& peer, const Result<std::optional<std::string>>& received) {
    auto sent = co_await peer.send_text(!received   ? "left"
                                        : *received ? **received
                                                    : std::string("nothing"));
    EXPECT_TRUE(sent);
  }
};

std::unique_ptr<WebSocketSession> make_session(std::string_view path,
                                               model::RequestContext& context) {
  if (path == "/echo") {
    return std::make_unique<Echo>();
  }
  if (path == "/deaf") {
    return std::make_unique<Deaf>(context);
  }
  if (path == "/flood") {
    return std::make_unique<Flood>();
  }
  if (path == "/waiting") {
    return std::make_unique<Waiting>();
  }
  return nullptr;
}

TEST(WebSocket, CarriesMessagesBothWaysAndEndsWithTheHandshake) {
  WebSocketGateway gateway(make_session);
  Client client(gateway, "/echo");
  EXPECT_NE(client.head.find("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
            std::string::npos);
  EXPECT_NE(client.head.find("\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"),
            std::string::npos);
  EXPECT_NE(client.head.find("\r\nx-request-id: from-the-test\r\n"), std::string::npos);
  EXPECT_EQ(client.head.find("Content-"), std::string::npos);
  EXPECT_EQ(gateway.server.stats().in_flight, 1U);

  client.send(client_frame(kText, "one"));
  EXPECT_EQ(client.frame(), "1:one");
  client.send(client_frame(kText, "t", Final::No) + client_frame(0x9, "are you there?") +
              client_frame(0, "wo"));
  EXPECT_EQ(client.frame(), "10:are you there?");
  EXPECT_EQ(client.frame(), "1:two");
  const std::string large(kLarge, 'x');
  client.send(client_frame(kText, large));
  EXPECT_EQ(client.frame(), "1:" + large);
  client.send(client_close(1001, "leaving"));
  EXPECT_EQ(client.frame(), "8:1001 ");
  EXPECT_TRUE(client.wait_closed());

  const Finished finished = gateway.handler.wait_finished();
  EXPECT_EQ(finished.status, 101);
  EXPECT_EQ(finished.bytes, 5 + 16 + 5 + (10 + kLarge) + 4);
}

TEST(WebSocket, TakesFramesThatCameWithTheHandshake) {
  WebSocketGateway gateway(make_session);
  Client client(gateway, "/echo", client_frame(kText, "early") + client_frame(kText, "bird"));

  EXPECT_EQ(client.frame(), "1:early");
  EXPECT_EQ(client.frame(), "1:bird");
  client.send(client_frame(kText, std::string(5000, 'y')));
  EXPECT_EQ(client.frame(), "1:" + std::string(5000, 'y'));
}

TEST(WebSocket, FollowsAnotherRequestOnItsConnection) {
  WebSocketGateway gateway(make_session);
  RawPeer client(gateway.connect());

  client.send("GET /plain HTTP/1.1\r\nHost: x\r\n\r\n" + handshake("/echo") +
              client_frame(kText, "first").substr(0, 7));
  EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 200 "));
  EXPECT_EQ(client.read_exactly(5), "plain");
  EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 101 "));
  for (const char c : client_frame(kText, "first").substr(7) + client_frame(kText, "second")) {
    client.send({&c, 1});
  }

  EXPECT_EQ(read_server_frame(client), "1:first");
  EXPECT_EQ(read_server_frame(client), "1:second");
}

TEST(WebSocket, RefusesOtherRequestsAndKeepsTheirConnection) {
  WebSocketGateway gateway(make_session);
  RawPeer client(gateway.connect());
  const auto answer = [&](const std::string& request) {
    client.send(request);
    const std::string head = client.read_head();
    const std::size_t at = head.find("Content-Length: ");
    return head + client.read_exactly(std::stoul(head.substr(at + 16)));
  };

  const std::string plain = answer("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(plain.starts_with("HTTP/1.1 426 Upgrade Required\r\n")) << plain;
  EXPECT_NE(plain.find("\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"), std::string::npos);
  EXPECT_TRUE(plain.ends_with("send Upgrade: websocket with HTTP/1.1.")) << plain;
  std::string foreign = handshake("/echo");
  foreign.insert(foreign.find("Upgrade"), "Origin: http://evil.test\r\n");
  EXPECT_TRUE(answer(foreign).starts_with("HTTP/1.1 403 Forbidden\r\n"));
  EXPECT_EQ(gateway.handler.wait_finished(1).status, 403);
}

TEST(WebSocket, IsNotForcedOnOtherRoutes) {
  WebSocketGateway gateway(make_session);
  RawPeer client(gateway.connect());

  client.send(handshake("/plain"));

  EXPECT_TRUE(client.read_head().starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(client.read_exactly(5), "plain");
}

TEST(WebSocket, EndsItsSessionWhenTheClientLeaves) {
  for (const bool reset : {false, true}) {
    WebSocketGateway gateway(make_session);
    Client client(gateway, "/deaf");
    reset ? client.reset() : client.close();
    EXPECT_EQ(gateway.handler.wait_finished().status, 101);
    EXPECT_EQ(gateway.handler.wait_finished().kind, kCancelled);
  }
}

TEST(WebSocket, EndsItsSessionWhenTheClientCloses) {
  WebSocketGateway gateway(make_session);
  Client client(gateway, "/deaf");

  client.send(client_frame(0x8, ""));

  EXPECT_EQ(client.frame(), "8:") << "a Close without a code is answered by one without";
  EXPECT_TRUE(client.wait_closed());
  EXPECT_EQ(gateway.handler.wait_finished().bytes, 2U);
  EXPECT_EQ(gateway.handler.wait_finished().kind, kCancelled);
}

TEST(WebSocket, CutsOffAClientThatBreaksTheProtocol) {
  const struct {
    std::string frame;
    std::string close;
  } cases[] = {
      {"\x81\x05Hello", "8:1002 A client's frame is not masked."},
      {client_frame(kText, "\xFF"), "8:1007 A text is not valid UTF-8."},
      {client_frame(kText, std::string(kLarge + 1, 'x')),
       "8:1009 A message may have at most 64 KiB."},
  };
  for (const auto& c : cases) {
    WebSocketGateway gateway(make_session);
    Client client(gateway, "/deaf");
    client.send(c.frame);
    EXPECT_EQ(client.frame(), c.close);
    EXPECT_EQ(client.frame(), "end");
    client.close();
    const Finished finished = gateway.handler.wait_finished();
    EXPECT_EQ(finished.status, 101);
    EXPECT_EQ("8:" + c.close.substr(2, 5) + finished.detail, c.close);
    EXPECT_EQ(gateway.handler.wait_finished().kind, kCancelled);
  }
}

TEST(WebSocket, TakesNoBinaryMessages) {
  WebSocketGateway gateway(make_session);
  Client client(gateway, "/echo");

  client.send(client_frame(0x2, "bytes"));

  EXPECT_EQ(client.frame(), "8:1003 Only text messages are taken.");
  client.send(client_close(1003, ""));
  EXPECT_TRUE(client.wait_closed());
}

TEST(WebSocket, HoldsOnlySoMuchThatItsSessionDoesNotTake) {
  WebSocketGateway gateway(make_session);
  Client client(gateway, "/deaf");

  for (int i = 0; i < 5; ++i) {
    client.send(client_frame(kText, std::string(kLarge, 'x')));
  }

  EXPECT_EQ(client.frame(), "8:1008 Messages come faster than they are taken.");
  client.send(client_close(1008, ""));
  EXPECT_TRUE(client.wait_closed());
}

TEST(WebSocket, ClosesAsItsSessionWishes) {
  WebSocketGateway gateway(make_session);
  const struct {
    std::string message;
    std::string close;
    std::string detail;
  } cases[] = {
      {"end", "8:1000 ", ""},
      {"close", "8:4000 as you wish", ""},
      {"throw", "8:1011 The gateway failed; its log has the cause.", "a bug in a session"}};
  std::size_t number = 0;
  for (const auto& c : cases) {
    Client client(gateway, "/echo");
    client.send(client_frame(kText, c.message));
    EXPECT_EQ(client.frame(), c.close);
    client.send(client_close(1000, ""));
    EXPECT_TRUE(client.wait_closed());
    EXPECT_EQ(gateway.handler.wait_finished(number++).detail, c.detail);
  }
}

TEST(WebSocket, DoesNotWaitForeverForTheClientsClose) {
  WebSocketGateway gateway(make_session);
  Client client(gateway, "/echo");

  client.send(client_frame(kText, "close"));

  EXPECT_EQ(client.frame(), "8:4000 as you wish");
  EXPECT_EQ(client.frame(), "end");
  EXPECT_EQ(gateway.handler.wait_finished().status, 101);
}

TEST(WebSocket, GoesAwayWhenTheGatewayDrains) {
  WebSocketGateway gateway(make_session);
  Client client(gateway, "/deaf");
  std::thread peer([&] {
    EXPECT_EQ(client.frame(), "8:1001 The gateway is stopping.");
    client.send(client_close(1001, ""));
    EXPECT_TRUE(client.wait_closed());
  });

  EXPECT_TRUE(gateway.drain());

  peer.join();
  EXPECT_EQ(gateway.handler.wait_finished().kind, kCancelled);
  EXPECT_EQ(gateway.server.stats().in_flight, 0U);
  EXPECT_EQ(gateway.server.stats().open_connections, 0U);
}

TEST(WebSocket, WaitsForASlowReader) {
  WebSocketGateway gateway(make_session);
  Client client(gateway, "/flood");

  for (int i = 0; i < kManyMessages; ++i) {
    ASSERT_EQ(client.frame(), "1:" + std::string(kLarge, static_cast<char>('a' + i % 26))) << i;
  }
  EXPECT_EQ(client.frame(), "8:1000 ");
  client.send(client_close(1000, ""));
  EXPECT_TRUE(client.wait_closed());
}

TEST(WebSocket, StopsSendingWhenTheReaderLeaves) {
  WebSocketGateway gateway(make_session);
  Client client(gateway, "/flood");
  EXPECT_TRUE(client.frame().starts_with("1:aaa"));

  client.close();

  EXPECT_LT(gateway.handler.wait_finished().bytes, kManyMessages * kLarge);
}

TEST(WebSocket, LetsItsSessionWaitForOtherThings) {
  WebSocketGateway gateway(make_session);
  Client client(gateway, "/waiting");

  EXPECT_EQ(client.frame(), "1:nothing") << "the time had passed";
  EXPECT_EQ(client.frame(), "1:nothing") << "wake() was called";
  client.send(client_frame(kText, "something"));
  EXPECT_EQ(client.frame(), "1:something");
}

/// The client's side of TLS, blocking.
class TlsClient final {
 public:
  explicit TlsClient(int fd) : socket_(fd), context_(SSL_CTX_new(TLS_client_method())) {
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, fd);
    EXPECT_EQ(SSL_connect(ssl_), 1);
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;
  ~TlsClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  void send(std::string_view bytes) {
    std::size_t sent = 0;
    EXPECT_EQ(SSL_write_ex(ssl_, bytes.data(), bytes.size(), &sent), 1);
  }
  std::string read_exactly(std::size_t size) {
    std::string bytes(size, '\0');
    std::size_t have = 0;
    std::size_t got = 0;
    while (have < size && SSL_read_ex(ssl_, bytes.data() + have, size - have, &got) == 1) {
      have += got;
    }
    bytes.resize(have);
    return bytes;
  }

 private:
  RawPeer socket_;
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
};

TEST(WebSocket, WorksOverTls) {
  const headgate::testing::TempFolder folder;
  headgate::testing::TestAuthority authority("IP:127.0.0.1");
  config::ServerSettings settings;
  settings.tls.cert = folder.file("cert.pem");
  settings.tls.key = folder.file("key.pem");
  FILE* out = std::fopen(settings.tls.cert.c_str(), "w");
  ASSERT_EQ(PEM_write_X509(out, SSL_CTX_get0_certificate(authority.server_context())), 1);
  std::fclose(out);
  out = std::fopen(settings.tls.key.c_str(), "w");
  ASSERT_EQ(PEM_write_PrivateKey(out, SSL_CTX_get0_privatekey(authority.server_context()), nullptr,
                                 nullptr, 0, nullptr, nullptr),
            1);
  std::fclose(out);
  WebSocketGateway gateway(make_session, settings);
  TlsClient client(gateway.connect());

  client.send(handshake("/echo"));
  std::string head;
  while (!head.ends_with("\r\n\r\n")) {
    const std::string next = client.read_exactly(1);
    ASSERT_FALSE(next.empty()) << head;
    head += next;
  }
  EXPECT_TRUE(head.starts_with("HTTP/1.1 101 ")) << head;
  for (int i = 0; i < 10; ++i) {
    const std::string text(kLarge, static_cast<char>('0' + i));
    client.send(client_frame(kText, text));
    client.send(client_frame(0x9, "p"));
    std::vector<std::string> frames{read_server_frame(client), read_server_frame(client)};
    std::ranges::sort(frames);
    EXPECT_EQ(frames, (std::vector<std::string>{"10:p", "1:" + text})) << i;
  }
  client.send(client_close(1000, ""));
  EXPECT_EQ(read_server_frame(client), "8:1000 ");
  EXPECT_EQ(read_server_frame(client), "end");
  EXPECT_EQ(gateway.handler.wait_finished().status, 101);
}

TEST(WebSocketIdle, PingsEveryHalfMinuteAndGivesUpAfter75SecondsOfSilence) {
  const SteadyTime start{};
  const auto step = [&](std::chrono::seconds heard, std::chrono::seconds pinged,
                        std::chrono::seconds now) {
    const IdleStep result = idle_step(start + heard, start + pinged, start + now);
    return std::pair(result.action, result.again - start);
  };
  using enum IdleAction;
  EXPECT_EQ(step(0s, 0s, 0s), std::pair(Wait, SteadyTime::duration(30s)));
  EXPECT_EQ(step(0s, 0s, 29s), std::pair(Wait, SteadyTime::duration(30s)));
  EXPECT_EQ(step(0s, 0s, 30s), std::pair(Ping, SteadyTime::duration(60s)));
  EXPECT_EQ(step(0s, 30s, 60s), std::pair(Ping, SteadyTime::duration(75s)));
  EXPECT_EQ(step(0s, 60s, 75s), std::pair(GiveUp, SteadyTime::duration(75s)));
  EXPECT_EQ(step(59s, 30s, 60s), std::pair(Ping, SteadyTime::duration(90s)))
      << "also a client that talks: proxies look at both directions";
  EXPECT_EQ(step(61s, 60s, 75s), std::pair(Wait, SteadyTime::duration(90s)));
}

}  // namespace
}  // namespace headgate::edge
