#include "edge/websocket_handshake.h"

#include <string>

#include <gtest/gtest.h>

namespace headgate::edge {
namespace {

const std::string kKey = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const std::string kVersion = "Sec-WebSocket-Version: 13\r\n";
const std::string kUpgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n";

struct Outcome {
  int status = 101;
  std::string text;  ///< the accept value, or the refusal's fields
};

Outcome check(const std::string& request, const config::ServerSettings& settings = {}) {
  Head head;
  auto parsed = parse_head(request, head);
  if (!parsed) {
    ADD_FAILURE() << parsed.error().message;
    return {};
  }
  auto accept = check_upgrade(head, settings);
  if (!accept) {
    EXPECT_FALSE(accept.error().error.message.empty());
    return {.status = accept.error().status, .text = accept.error().fields};
  }
  return {.text = *accept};
}
Outcome check_fields(const std::string& fields, const config::ServerSettings& settings = {}) {
  return check("GET /ws HTTP/1.1\r\nHost: gateway.test:8080\r\n" + fields + "\r\n", settings);
}

TEST(WebSocketHandshake, AcceptsTheKeyOfRfc6455) {
  EXPECT_EQ(websocket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");

  const Outcome outcome = check_fields(kUpgrade + kVersion + kKey);

  EXPECT_EQ(outcome.status, 101);
  EXPECT_EQ(outcome.text, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocketHandshake, FindsItsTokensInListsOfAnyCase) {
  EXPECT_EQ(check_fields("Upgrade: h2c, WebSocket\r\nConnection: keep-alive, upgrade\r\n" +
                         kVersion + kKey)
                .status,
            101);
  EXPECT_EQ(check_fields("Upgrade: h2c\r\nConnection: keep-alive\r\n" + kUpgrade + kVersion + kKey)
                .status,
            101);
}

TEST(WebSocketHandshake, RefusesWhatIsNoHandshakeAndSaysWhatIsTaken) {
  const std::string upgrade_to = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
  const struct {
    const char* what;
    std::string fields;
    int status;
    std::string answer;
  } cases[] = {
      {"a plain request", "", 426, upgrade_to},
      {"another protocol", "Upgrade: h2c\r\nConnection: Upgrade\r\n" + kVersion + kKey, 426,
       upgrade_to},
      {"no Connection", "Upgrade: websocket\r\n" + kVersion + kKey, 426, upgrade_to},
      {"a Connection without the token",
       "Upgrade: websocket\r\nConnection: keep-alive\r\n" + kVersion + kKey, 426, upgrade_to},
      {"no version", kUpgrade + kKey, 426, upgrade_to + kVersion},
      {"version 8", kUpgrade + "Sec-WebSocket-Version: 8\r\n" + kKey, 426, upgrade_to + kVersion},
      {"two versions", kUpgrade + kVersion + kVersion + kKey, 426, upgrade_to + kVersion},
      {"no key", kUpgrade + kVersion, 400, ""},
      {"two keys", kUpgrade + kVersion + kKey + kKey, 400, ""},
      {"a key of 15 bytes", kUpgrade + kVersion + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n",
       400, ""},
      {"a key without padding",
       kUpgrade + kVersion + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ\r\n", 400, ""},
      {"a key that is not base64",
       kUpgrade + kVersion + "Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!==\r\n", 400, ""},
      {"a body", kUpgrade + kVersion + kKey + "Content-Length: 2\r\n", 400, ""},
  };
  for (const auto& c : cases) {
    const Outcome outcome = check_fields(c.fields);
    EXPECT_EQ(outcome.status, c.status) << c.what;
    EXPECT_EQ(outcome.text, c.answer) << c.what;
  }
}

TEST(WebSocketHandshake, IsAGetInHttp11) {
  const std::string fields = "Host: x\r\n" + kUpgrade + kVersion + kKey + "\r\n";
  EXPECT_EQ(check("GET / HTTP/1.1\r\n" + fields).status, 101);
  EXPECT_EQ(check("POST / HTTP/1.1\r\n" + fields).status, 400);
  EXPECT_EQ(check("HEAD / HTTP/1.1\r\n" + fields).status, 400);
  EXPECT_EQ(check("GET / HTTP/1.0\r\n" + fields).status, 426);
}

TEST(WebSocketHandshake, LetsInTheOwnHostAndAllowedOriginsOnly) {
  const auto status = [](const std::string& origin, const config::ServerSettings& settings) {
    return check_fields(kUpgrade + kVersion + kKey + "Origin: " + origin + "\r\n", settings).status;
  };
  const config::ServerSettings none;
  EXPECT_EQ(status("http://gateway.test:8080", none), 101);
  EXPECT_EQ(status("https://Gateway.test:8080", none), 101) << "TLS may end in front of us";
  EXPECT_EQ(status("http://gateway.test", none), 403) << "another port";
  EXPECT_EQ(status("http://evil.test:8080", none), 403);
  EXPECT_EQ(status("http://gateway.test:8080.evil.test", none), 403);
  EXPECT_EQ(status("null", none), 403);
  EXPECT_EQ(status("http://", none), 403);
  EXPECT_EQ(status("file://gateway.test:8080", none), 403);
  EXPECT_EQ(status("http://gateway.test:8080\r\nOrigin: http://evil.test", none), 403);

  config::ServerSettings listed;
  listed.cors_allow_origins = {"https://app.test"};
  EXPECT_EQ(status("https://app.test", listed), 101);
  EXPECT_EQ(status("http://app.test", listed), 403);

  config::ServerSettings any;
  any.cors_allow_origins = {"*"};
  EXPECT_EQ(status("http://evil.test", any), 101);
}

TEST(WebSocketHandshake, TakesTheDefaultPortForNoPort) {
  const std::string head = "GET /ws HTTP/1.1\r\n" + kUpgrade + kVersion + kKey;
  EXPECT_EQ(check(head + "Host: a.test\r\nOrigin: https://a.test:443\r\n\r\n").status, 101);
  EXPECT_EQ(check(head + "Host: a.test:80\r\nOrigin: http://a.test\r\n\r\n").status, 101);
  EXPECT_EQ(check(head + "Host: a.test:80\r\nOrigin: https://a.test\r\n\r\n").status, 403);
}

}  // namespace
}  // namespace headgate::edge
