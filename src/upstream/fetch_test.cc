#include "upstream/fetch.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "upstream/client_fixture.h"
#include "upstream/fetch_policy.h"

namespace headgate::upstream {
namespace {

using namespace std::chrono_literals;
using config::FetchSettings;
using testing::RawPeer;
using testing::RawServer;

void expect_code(const Error& error, std::string_view code) {
  EXPECT_EQ(error.code, code) << error.message << " / " << error.detail;
  EXPECT_EQ(error.kind, ErrorKind::InvalidRequest);
}

TEST(FetchPolicy, AllowsPublicHttpsByDefault) {
  const FetchSettings settings;
  for (const std::string_view good : {"https://files.example/a.png", "https://files.example:443/",
                                      "https://1.1.1.1/", "https://[2606:4700::1111]/"}) {
    EXPECT_TRUE(parse_fetch_url(good, settings)) << good;
  }
}

TEST(FetchPolicy, RefusesWhatCouldLeadInside) {
  const FetchSettings settings;
  for (const std::string_view bad : {"http://files.example/",
                                     "https://files.example:8443/",
                                     "https://files.example:22/",
                                     "ftp://files.example/",
                                     "file:///etc/passwd",
                                     "gopher://files.example/",
                                     "https://user:secret@files.example/",
                                     "https://127.0.0.1/",
                                     "https://127.1/",
                                     "https://0x7f000001/",
                                     "https://2130706433/",
                                     "https://0177.0.0.1/",
                                     "https://[::1]/",
                                     "https://[::ffff:127.0.0.1]/",
                                     "https://[64:ff9b::7f00:1]/",
                                     "https://[2002:7f00:1::]/",
                                     "https://169.254.169.254/latest/meta-data",
                                     "https://100.100.100.200/",
                                     "https://10.0.0.1/",
                                     "https://0.0.0.0/",
                                     "https://224.0.0.1/",
                                     "https://\xE2\x91\xA0.example/",
                                     "not a url",
                                     ""}) {
    const auto url = parse_fetch_url(bad, settings);
    ASSERT_FALSE(url) << bad;
    expect_code(url.error(), "url_not_allowed");
    EXPECT_EQ(url.error().message.find("secret"), std::string::npos);
  }
}

TEST(FetchPolicy, FollowsItsLists) {
  FetchSettings settings;
  settings.allowed_hosts = {"files.example", "*.cdn.example"};
  EXPECT_TRUE(parse_fetch_url("https://Files.Example/", settings));
  EXPECT_TRUE(parse_fetch_url("https://a.b.cdn.example/", settings));
  EXPECT_FALSE(parse_fetch_url("https://cdn.example/", settings));
  EXPECT_FALSE(parse_fetch_url("https://badcdn.example/", settings));
  EXPECT_FALSE(parse_fetch_url("https://other.example/", settings));

  settings.allow_http_hosts = {"files.example"};
  EXPECT_TRUE(parse_fetch_url("http://files.example/", settings));
  EXPECT_FALSE(parse_fetch_url("http://files.example:8080/", settings));
  EXPECT_FALSE(parse_fetch_url("http://a.cdn.example/", settings));

  settings.allow_private_hosts = {"nas.internal", "10.0.0.5"};
  EXPECT_TRUE(parse_fetch_url("https://nas.internal:9443/", settings));
  EXPECT_TRUE(parse_fetch_url("https://10.0.0.5/", settings));
  EXPECT_FALSE(parse_fetch_url("http://nas.internal/", settings));

  settings.enabled = false;
  EXPECT_FALSE(parse_fetch_url("https://files.example/", settings));
}

/// A fetcher whose server is called files.test and may be private and plain.
class FetcherTest : public ::testing::Test {
 protected:
  FetcherTest() {
    settings_.allow_http_hosts = {"files.test", "inside.test"};
    settings_.allow_private_hosts = {"files.test"};
    settings_.timeout = 5s;
  }

  Result<Fetched> fetch(const RawServer& server, const std::string& path,
                        FetchLimits limits = {.max_bytes = 1000}) {
    return fetch_url("http://files.test:" + std::to_string(server.port()) + path, limits);
  }
  Result<Fetched> fetch_url(const std::string& url, FetchLimits limits = {.max_bytes = 1000}) {
    Fetcher fetcher(under_test_.client, under_test_.resolver);
    return run_on(under_test_.loop, fetcher.fetch(url, settings_, limits));
  }

  FetchSettings settings_;
  ClientUnderTest under_test_;
};

RawServer::Script answer(std::string response) {
  return [response = std::move(response)](RawPeer& peer, int) {
    peer.read_head();
    peer.send(response);
  };
}

TEST_F(FetcherTest, GetsTheBytesAndSendsNothingOfTheCaller) {
  std::string head;
  RawServer server([&](RawPeer& peer, int) {
    head = peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbytes");
  });
  const auto fetched = fetch(server, "/a.png?x=1");
  ASSERT_TRUE(fetched) << fetched.error().detail;
  EXPECT_EQ(fetched->bytes, "bytes");
  const std::string port = std::to_string(server.port());
  EXPECT_EQ(fetched->final_url, "http://files.test:" + port + "/a.png?x=1");
  EXPECT_EQ(head, "GET /a.png?x=1 HTTP/1.1\r\nHost: files.test:" + port +
                      "\r\nConnection: close\r\nUser-Agent: headgate\r\nAccept: */*\r\n"
                      "Accept-Encoding: identity\r\n\r\n");
}

TEST_F(FetcherTest, NeverContactsANameThatLeadsToAPrivateAddress) {
  RawServer server(answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  for (const std::vector<std::string_view>& answers : std::vector<std::vector<std::string_view>>{
           {"127.0.0.1"}, {"1.1.1.1", "127.0.0.1"}, {"::ffff:127.0.0.1"}, {"169.254.169.254"}}) {
    under_test_.addresses.clear();
    for (const std::string_view address : answers) {
      under_test_.addresses.push_back(*parse_address(address));
    }
    const std::string host =
        "host" + std::to_string(answers.size()) + std::to_string(answers.front().size()) + ".test";
    const auto fetched = fetch_url("https://" + host + "/");
    ASSERT_FALSE(fetched);
    expect_code(fetched.error(), "url_not_allowed");
    EXPECT_EQ(fetched.error().message.find("127.0.0.1"), std::string::npos);
  }
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(FetcherTest, FollowsRedirectsAndCountsThem) {
  RawServer server([](RawPeer& peer, int number) {
    peer.read_head();
    peer.send(number < 3 ? "HTTP/1.1 302 Found\r\nLocation: next" + std::to_string(number) +
                               "\r\nContent-Length: 0\r\n\r\n"
                         : "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nend");
  });
  const auto fetched = fetch(server, "/folder/start");
  ASSERT_TRUE(fetched) << fetched.error().detail;
  EXPECT_EQ(fetched->bytes, "end");
  EXPECT_TRUE(fetched->final_url.ends_with("/folder/next2"));

  RawServer endless(answer("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"));
  const auto lost = fetch(endless, "/");
  ASSERT_FALSE(lost);
  expect_code(lost.error(), "url_fetch_failed");
  EXPECT_EQ(endless.connections(), 4);
}

TEST_F(FetcherTest, ChecksWhereARedirectLeads) {
  for (const std::string_view location :
       {"http://127.0.0.1/", "https://169.254.169.254/latest", "http://other.test/",
        "https://files.example:22/", "https://[::1]/", "http://inside.test/"}) {
    RawServer server(answer("HTTP/1.1 307 Moved\r\nLocation: " + std::string(location) +
                            "\r\nContent-Length: 0\r\n\r\n"));
    const auto fetched = fetch(server, "/");
    ASSERT_FALSE(fetched) << location;
    expect_code(fetched.error(), "url_not_allowed");
  }
}

TEST_F(FetcherTest, HoldsTheSizeLimitDeclaredAndCounted) {
  const std::string body(1001, 'x');
  for (const std::string& response :
       {"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + body,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + body + "\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n" + body}) {
    RawServer server(answer(response));
    const auto fetched = fetch(server, "/");
    ASSERT_FALSE(fetched);
    EXPECT_EQ(fetched.error().kind, ErrorKind::TooLarge);
  }
  RawServer fits(answer("HTTP/1.1 200 OK\r\n\r\n" + body.substr(1)));
  EXPECT_TRUE(fetch(fits, "/"));
}

TEST_F(FetcherTest, SaysWhyWithoutShowingBodies) {
  for (const std::string_view response :
       {"HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\nsecret",
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 6\r\n\r\nsecret",
        "HTTP/1.1 206 Part\r\nContent-Length: 6\r\n\r\nsecret",
        "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsecret",
        "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: http://secret@a b/\r\nContent-Length: 0\r\n\r\n",
        "secret\r\n", ""}) {
    RawServer server(answer(std::string(response)));
    const auto fetched = fetch(server, "/");
    ASSERT_FALSE(fetched) << response;
    EXPECT_EQ(fetched.error().kind, ErrorKind::InvalidRequest);
    EXPECT_TRUE(fetched.error().code.starts_with("url_"));
    EXPECT_EQ(fetched.error().message.find("secret"), std::string::npos);
    EXPECT_EQ(fetched.error().message.find("127.0.0.1"), std::string::npos);
  }
}

TEST_F(FetcherTest, SaysThatANameDoesNotResolve) {
  const auto fetched = fetch_url("https://missing.test/");
  ASSERT_FALSE(fetched);
  expect_code(fetched.error(), "url_fetch_failed");
}

TEST_F(FetcherTest, LimitsTheWholeFetchAcrossRedirects) {
  RawServer server([](RawPeer& peer, int number) {
    peer.read_head();
    if (number == 0) {
      peer.send("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n");
    } else {
      peer.wait_closed();
    }
  });
  settings_.timeout = 100ms;
  const auto fetched = fetch(server, "/");
  ASSERT_FALSE(fetched);
  expect_code(fetched.error(), "url_fetch_failed");
}

TEST_F(FetcherTest, LeavesTheRequestsOwnDeadlineATimeout) {
  RawServer server([](RawPeer& peer, int) { peer.wait_closed(); });
  const auto fetched =
      fetch(server, "/", {.max_bytes = 1000, .deadline = std::chrono::steady_clock::now() + 50ms});
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().kind, ErrorKind::Timeout);
}

TEST_F(FetcherTest, StopsWhenTheClientHasLeft) {
  RawServer server(answer(""));
  CancelSource source;
  source.cancel();
  const auto fetched = fetch(server, "/", {.max_bytes = 1000, .cancel = &source});
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().kind, ErrorKind::ClientLeft);
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(FetcherTest, PostsAndReturnsTheStatus) {
  for (const int status : {200, 302, 410, 500}) {
    std::string head;
    std::string body;
    RawServer server([&](RawPeer& peer, int) {
      head = peer.read_head();
      body = peer.read_exactly(4);
      peer.send("HTTP/1.1 " + std::to_string(status) +
                " X\r\nLocation: http://169.254.169.254/\r\nContent-Length: 6\r\n\r\nanswer");
    });
    const std::string port = std::to_string(server.port());
    Fetcher fetcher(under_test_.client, under_test_.resolver);
    const auto answered =
        run_on(under_test_.loop, fetcher.post("http://files.test:" + port + "/a?x=1",
                                              "Content-Type: application/json\r\n", "true",
                                              settings_, {.max_bytes = 4}));
    ASSERT_TRUE(answered) << answered.error().detail;
    EXPECT_EQ(*answered, status);
    EXPECT_EQ(body, "true");
    EXPECT_EQ(head, "POST /a?x=1 HTTP/1.1\r\nHost: files.test:" + port +
                        "\r\nConnection: close\r\nUser-Agent: headgate\r\nAccept: */*\r\n"
                        "Accept-Encoding: identity\r\nContent-Type: application/json\r\n"
                        "Content-Length: 4\r\n\r\n");
    EXPECT_EQ(server.connections(), 1);
  }
}

TEST_F(FetcherTest, PostsNowhereThatAFetchMayNotGo) {
  RawServer server(answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  Fetcher fetcher(under_test_.client, under_test_.resolver);
  for (const std::string& url :
       {"http://127.0.0.1:" + std::to_string(server.port()) + "/", std::string("https://[::1]/"),
        std::string("http://inside.test/"), std::string("https://inside.test/")}) {
    const auto answered =
        run_on(under_test_.loop, fetcher.post(url, {}, "true", settings_, {.max_bytes = 4}));
    ASSERT_FALSE(answered) << url;
    expect_code(answered.error(), "url_not_allowed");
  }
  EXPECT_EQ(server.connections(), 0);
}

TEST(FetcherProxy, IsAskedForATunnelToTheCheckedAddress) {
  std::string connect;
  std::string head;
  RawServer proxy([&](RawPeer& peer, int) {
    connect = peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\n\r\n");
    head = peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  ClientSettings client_settings;
  client_settings.proxy.http =
      Proxy{.host = "127.0.0.1", .port = proxy.port(), .authorization = {}};
  ClientUnderTest under_test(client_settings);
  under_test.addresses = {*parse_address("1.1.1.1")};
  FetchSettings settings;
  settings.allow_http_hosts = {"files.test"};
  Fetcher fetcher(under_test.client, under_test.resolver);
  const auto fetched =
      run_on(under_test.loop, fetcher.fetch("http://files.test/a", settings, {.max_bytes = 1000}));
  ASSERT_TRUE(fetched) << fetched.error().detail;
  EXPECT_EQ(connect, "CONNECT 1.1.1.1:80 HTTP/1.1\r\nHost: 1.1.1.1:80\r\n\r\n");
  EXPECT_TRUE(head.starts_with("GET /a HTTP/1.1\r\nHost: files.test\r\n"));
}

}  // namespace
}  // namespace headgate::upstream
