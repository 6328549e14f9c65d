// The client over TLS and through proxies.
#include <csignal>
#include <string>

#include <gtest/gtest.h>

#include "testing/tls_peer.h"
#include "upstream/client_fixture.h"

namespace headgate::upstream {
namespace {

using namespace std::chrono_literals;
using testing::RawPeer;
using testing::RawServer;
using testing::TestAuthority;
using testing::TlsPeer;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class ClientTls : public ::testing::Test {
 protected:
  // OpenSSL's own socket writes, used by the test's server, may raise it.
  ClientTls() { std::signal(SIGPIPE, SIG_IGN); }

  RawServer::Script always(std::string_view response) {
    return [this, response](RawPeer& raw, int) {
      TlsPeer peer(authority_, raw);
      server_name_ = peer.server_name();
      while (!peer.read_head().empty()) {
        peer.send(response);
      }
    };
  }
  ClientSettings trusting() const { return {.extra_ca_file = authority_.file(), .proxy = {}}; }
  static Origin named(const std::string& host, const RawServer& server) {
    return {.scheme = Scheme::Https, .host = host, .port = server.port()};
  }

  TestAuthority authority_{"DNS:models.test,DNS:*.wild.test,IP:127.0.0.1"};
  std::string server_name_;
};

TEST_F(ClientTls, VerifiesNamesItSendsAndReusesTheConnection) {
  RawServer server(always(kOk));
  const Origin origin = named("models.test", server);
  ClientUnderTest under_test(trusting());
  for (int i = 0; i < 3; ++i) {
    const auto reply = under_test.call(get(origin));
    ASSERT_TRUE(reply) << reply.error().detail;
    EXPECT_EQ(reply->body, "ok");
  }
  EXPECT_EQ(server_name_, "models.test");
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(ClientTls, VerifiesAddresses) {
  RawServer server(always(kOk));
  const Origin origin = named("127.0.0.1", server);
  ClientUnderTest under_test(trusting());
  const auto reply = under_test.call(get(origin));
  ASSERT_TRUE(reply) << reply.error().detail;
}

TEST_F(ClientTls, RefusesACertificateOfAnotherName) {
  RawServer server(always(kOk));
  const Origin origin = named("other.test", server);
  ClientUnderTest under_test(trusting());
  expect_phase(under_test.call(get(origin)), FailurePhase::Tls);
}

TEST_F(ClientTls, RefusesAnUnknownAuthority) {
  RawServer server(always(kOk));
  const Origin origin = named("models.test", server);
  ClientUnderTest under_test;
  expect_phase(under_test.call(get(origin)), FailurePhase::Tls);
}

TEST_F(ClientTls, RefusesOldProtocols) {
  SSL_CTX_set_security_level(authority_.server_context(), 0);
  SSL_CTX_set_min_proto_version(authority_.server_context(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(authority_.server_context(), TLS1_1_VERSION);
  RawServer server(always(kOk));
  const Origin origin = named("models.test", server);
  ClientUnderTest under_test(trusting());
  expect_phase(under_test.call(get(origin)), FailurePhase::Tls);
}

TEST_F(ClientTls, MovesBigBodiesBothWays) {
  const std::string big(3 << 20, 'b');
  RawServer server([&](RawPeer& raw, int) {
    TlsPeer peer(authority_, raw);
    peer.read_head();
    if (peer.read_exactly(big.size()) == big) {
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(big.size()) + "\r\n\r\n");
      peer.send(big);
    }
  });
  const Origin origin = named("models.test", server);
  ClientUnderTest under_test(trusting());
  const std::string_view piece = big;
  OutgoingRequest request = get(origin);
  request.method = "POST";
  request.body = std::span(&piece, 1);
  const auto reply = under_test.call(request);
  ASSERT_TRUE(reply) << reply.error().detail;
  EXPECT_TRUE(reply->body == big);
}

TEST_F(ClientTls, WantsAProperEndWhereTheConnectionsEndIsTheBodysEnd) {
  for (const bool proper : {true, false}) {
    RawServer server([&](RawPeer& raw, int) {
      TlsPeer peer(authority_, raw);
      peer.read_head();
      peer.send("HTTP/1.1 200 OK\r\n\r\nall of it");
      if (proper) {
        peer.end();
      }
    });
    const Origin origin = named("models.test", server);
    ClientUnderTest under_test(trusting());
    const auto reply = under_test.call(get(origin));
    if (proper) {
      ASSERT_TRUE(reply) << reply.error().detail;
      EXPECT_EQ(reply->body, "all of it");
    } else {
      expect_phase(reply, FailurePhase::Truncated);
    }
  }
}

TEST_F(ClientTls, LimitsTheHandshakeByTheConnectTimeout) {
  RawServer server([](RawPeer& raw, int) { raw.wait_closed(); });
  const Origin origin = named("models.test", server);
  ClientUnderTest under_test(trusting());
  OutgoingRequest request = get(origin);
  request.timeouts.connect = 50ms;
  expect_phase(under_test.call(request), FailurePhase::ConnectTimeout);
}

TEST_F(ClientTls, AnExchangeWithoutTimeLeftSaysNothingOfTheServer) {
  RawServer server([](RawPeer& raw, int) { raw.wait_closed(); });
  const Origin origin = named("models.test", server);
  ClientUnderTest under_test(trusting());
  OutgoingRequest request = get(origin);
  request.timeouts.connect = 1h;
  request.timeouts.deadline = std::chrono::steady_clock::now() + 50ms;
  expect_phase(under_test.call(request), FailurePhase::TotalTimeout);
}

TEST_F(ClientTls, TunnelsThroughAProxyAndVerifiesTheServerBehindIt) {
  std::string connect;
  std::string head;
  RawServer proxy([&](RawPeer& raw, int) {
    connect = raw.read_head();
    raw.send("HTTP/1.1 200 Connection established\r\n\r\n");
    TlsPeer peer(authority_, raw);
    head = peer.read_head();
    peer.send(kOk);
  });
  ClientSettings settings = trusting();
  settings.proxy.https =
      Proxy{.host = "127.0.0.1", .port = proxy.port(), .authorization = "Basic x"};
  ClientUnderTest under_test(settings);
  const Origin origin{.scheme = Scheme::Https, .host = "models.test", .port = 443};
  const auto reply = under_test.call(get(origin));
  ASSERT_TRUE(reply) << reply.error().detail;
  EXPECT_EQ(connect,
            "CONNECT models.test:443 HTTP/1.1\r\nHost: models.test:443\r\n"
            "Proxy-Authorization: Basic x\r\n\r\n");
  EXPECT_EQ(head, "GET / HTTP/1.1\r\nHost: models.test\r\n\r\n");
}

TEST_F(ClientTls, TellsAProxysRefusalFromAFailedServer) {
  for (const std::string_view answer :
       {"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "junk\r\n\r\n",
        "", "HTTP/1.1 200 OK\r\n\r\nand more"}) {
    RawServer proxy([&](RawPeer& raw, int) {
      raw.read_head();
      raw.send(answer);
    });
    ClientSettings settings = trusting();
    settings.proxy.https = Proxy{.host = "127.0.0.1", .port = proxy.port(), .authorization = {}};
    ClientUnderTest under_test(settings);
    const Origin origin{.scheme = Scheme::Https, .host = "models.test", .port = 443};
    expect_phase(under_test.call(get(origin)), FailurePhase::Connect);
  }
}

TEST_F(ClientTls, LimitsASilentProxyByTheConnectTimeout) {
  RawServer proxy([&](RawPeer& raw, int) { raw.wait_closed(); });
  ClientSettings settings = trusting();
  settings.proxy.https = Proxy{.host = "127.0.0.1", .port = proxy.port(), .authorization = {}};
  ClientUnderTest under_test(settings);
  const Origin origin{.scheme = Scheme::Https, .host = "models.test", .port = 443};
  OutgoingRequest request = get(origin);
  request.timeouts.connect = 50ms;
  expect_phase(under_test.call(request), FailurePhase::ConnectTimeout);
}

}  // namespace
}  // namespace headgate::upstream
