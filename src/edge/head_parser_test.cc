#include "edge/head_parser.h"

#include <string>

#include <gtest/gtest.h>

namespace headgate::edge {
namespace {

constexpr std::size_t kMaxHead = 32 << 10;

std::string get(const std::string& lines) {
  return "GET / HTTP/1.1\r\nHost: x\r\n" + lines + "\r\n";
}
std::string post(const std::string& lines) {
  return "POST / HTTP/1.1\r\nHost: x\r\n" + lines + "\r\n";
}

/// What comes of a head when it arrives at once; nullopt: it is taken.
std::optional<ErrorKind> refusal(const std::string& text, Head& head) {
  HeadScanner scanner;
  auto size = scanner.scan(text, kMaxHead);
  if (!size) {
    return size.error().kind;
  }
  if (!*size) {
    ADD_FAILURE() << "not complete: " << testing::PrintToString(text);
    return ErrorKind::Internal;
  }
  auto parsed = parse_head(std::string_view(text).substr(0, **size), head);
  return parsed ? std::nullopt : std::optional(parsed.error().kind);
}
std::optional<ErrorKind> refusal(const std::string& text) {
  Head head;
  return refusal(text, head);
}

TEST(HeadParser, RefusesWhatRfc9112CallsInvalidOrOthersReadDifferently) {
  using enum ErrorKind;
  const struct {
    std::string text;
    ErrorKind kind;
  } cases[] = {
      {post("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"), InvalidRequest},
      {post("Content-Length: 2\r\nContent-Length: 2\r\n"), InvalidRequest},
      {post("Content-Length: 2\r\nContent-Length: 3\r\n"), InvalidRequest},
      {post("Content-Length: 2,2\r\n"), InvalidRequest},
      {post("Content-Length: +2\r\n"), InvalidRequest},
      {post("Content-Length: -2\r\n"), InvalidRequest},
      {post("Content-Length: 0x2\r\n"), InvalidRequest},
      {post("Content-Length: 2 2\r\n"), InvalidRequest},
      {post("Content-Length:\r\n"), InvalidRequest},
      {post("Content-Length: 9223372036854775808\r\n"), InvalidRequest},
      {post("Content-Length: 99999999999999999999\r\n"), InvalidRequest},
      {post("Transfer-Encoding: banana\r\n"), InvalidRequest},
      {post("Transfer-Encoding: chunked, chunked\r\n"), InvalidRequest},
      {post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), InvalidRequest},
      {post("Transfer-Encoding: chunked, identity\r\n"), InvalidRequest},
      {post("Transfer-Encoding: \"chunked\"\r\n"), InvalidRequest},
      {post("Transfer-Encoding: gzip, chunked\r\n"), NotImplemented},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", InvalidRequest},
      {get("X: a\r\n b\r\n"), InvalidRequest},
      {get("X: a\r\n\tb\r\n"), InvalidRequest},
      {get(" X: a\r\n"), InvalidRequest},
      {get("X : a\r\n"), InvalidRequest},
      {get("X\t: a\r\n"), InvalidRequest},
      {get(": a\r\n"), InvalidRequest},
      {get("X\r\n"), InvalidRequest},
      {get("X(y): a\r\n"), InvalidRequest},
      {get("X: a\nY: b\r\n"), InvalidRequest},
      {get("X: a\rY: b\r\n"), InvalidRequest},
      {get(std::string("X: a\0b\r\n", 8)), InvalidRequest},
      {get("X: \x7F\r\n"), InvalidRequest},
      {"GET / HTTP/1.1\nHost: x\n\n", InvalidRequest},
      {"GET / HTTP/1.1\r\n\r\n", InvalidRequest},
      {get("Host: x\r\n"), InvalidRequest},
      {"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", InvalidRequest},
      {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", InvalidRequest},
      {"GET / HTTP/1.1\r\nHost:\r\n\r\n", InvalidRequest},
      {"GET / HTTP/1.1\r\nHost: x:123456\r\n\r\n", InvalidRequest},
      {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", InvalidRequest},
      {"GET http://y/ HTTP/1.1\r\nHost: x\r\n\r\n", InvalidRequest},
      {"GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n", InvalidRequest},
      {"GET x HTTP/1.1\r\nHost: x\r\n\r\n", InvalidRequest},
      {"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", InvalidRequest},
      {"GET /a\tb HTTP/1.1\r\nHost: x\r\n\r\n", InvalidRequest},
      {"GET /\xC3\xA9 HTTP/1.1\r\nHost: x\r\n\r\n", InvalidRequest},
      {"GET /#a HTTP/1.1\r\nHost: x\r\n\r\n", InvalidRequest},
      {"GET * HTTP/1.1\r\nHost: x\r\n\r\n", InvalidRequest},
      {"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", InvalidRequest},
      {" GET / HTTP/1.1\r\nHost: x\r\n\r\n", InvalidRequest},
      {"G\x01T / HTTP/1.1\r\nHost: x\r\n\r\n", InvalidRequest},
      {"GET / HTTP/1.1 \r\nHost: x\r\n\r\n", InvalidRequest},
      {"GET / http/1.1\r\nHost: x\r\n\r\n", InvalidRequest},
      {"GET /\r\nHost: x\r\n\r\n", InvalidRequest},
      {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", VersionUnsupported},
      {"GET / HTTP/1.2\r\nHost: x\r\n\r\n", VersionUnsupported},
      {"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", MethodNotAllowed},
      {get("Expect: magic\r\n"), ExpectationFailed},
      {post("Content-Encoding: gzip\r\n"), Unsupported},
      {get("X: " + std::string(20 << 10, 'x') + "\r\n"), HeaderTooLarge},
  };
  for (const auto& [text, kind] : cases) {
    EXPECT_EQ(refusal(text), kind) << testing::PrintToString(text.substr(0, 120));
  }
}

TEST(HeadParser, TakesGoodHeadsApart) {
  Head head;
  const std::string text =
      "POST http://x:80/v1/a%20b?c=d?e HTTP/1.1\r\nhOsT: x:80\r\nX-Empty:\r\nX:  a \t b  \r\n"
      "Content-Length: 12\r\nExpect: 100-Continue\r\nConnection: foo, Close\r\n\r\n";
  ASSERT_EQ(refusal(text, head), std::nullopt);
  EXPECT_EQ(head.request.method, Method::Post);
  EXPECT_EQ(head.request.path, "/v1/a%20b");
  EXPECT_EQ(head.request.query, "c=d?e");
  EXPECT_EQ(head.request.host, "x:80");
  EXPECT_EQ(head.request.field("x"), "a \t b");
  EXPECT_EQ(head.request.field("x-empty"), "");
  EXPECT_EQ(head.request.field("y"), std::nullopt);
  EXPECT_EQ(head.framing.kind, Framing::Kind::Length);
  EXPECT_EQ(head.framing.length, 12U);
  EXPECT_TRUE(head.expects_continue);
  EXPECT_FALSE(head.keep_alive);
}

TEST(HeadParser, DecidesWhetherTheConnectionLives) {
  const struct {
    const char* text;
    bool keep;
  } cases[] = {
      {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", true},
      {"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false},
      {"GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, close\r\n\r\n", false},
      {"GET / HTTP/1.0\r\n\r\n", false},
      {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
  };
  for (const auto& [text, keep] : cases) {
    Head head;
    ASSERT_EQ(refusal(text, head), std::nullopt) << text;
    EXPECT_EQ(head.keep_alive, keep) << text;
  }
}

TEST(HeadParser, NothingOfAnEarlierHeadIsLeft) {
  Head head;
  ASSERT_EQ(
      refusal(post("Content-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n"), head),
      std::nullopt);
  ASSERT_EQ(refusal(get(""), head), std::nullopt);
  EXPECT_EQ(head.framing.kind, Framing::Kind::None);
  EXPECT_FALSE(head.expects_continue);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(head.request.fields.size(), 1U);
}

TEST(HeadParser, AHundredFieldsAreTheMost) {
  std::string lines;
  for (int i = 0; i < 99; ++i) {
    lines += "X: y\r\n";
  }
  EXPECT_EQ(refusal(get(lines)), std::nullopt);
  EXPECT_EQ(refusal(get(lines + "X: y\r\n")), ErrorKind::HeaderTooLarge);
}

TEST(HeadScanner, FindsTheEndByteByByteAsAtOnce) {
  const std::string text = "GET / HTTP/1.1\r\nHost: x\r\nX: y\r\n\r\n";
  HeadScanner scanner;
  for (std::size_t have = 1; have < text.size(); ++have) {
    auto size = scanner.scan(text.substr(0, have), kMaxHead);
    ASSERT_TRUE(size) << have;
    ASSERT_FALSE(*size) << have;
  }
  auto size = scanner.scan(text + "and more", kMaxHead);
  ASSERT_TRUE(size && *size);
  EXPECT_EQ(**size, text.size());
}

TEST(HeadScanner, StopsAtTheLimitsBeforeTheHeadIsComplete) {
  HeadScanner line;
  auto too_long = line.scan("GET /" + std::string(9 << 10, 'a'), kMaxHead);
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().kind, ErrorKind::UriTooLong);
  HeadScanner head;
  std::string text = "GET / HTTP/1.1\r\n";
  while (text.size() < kMaxHead) {
    text += "X: " + std::string(1000, 'y') + "\r\n";
  }
  auto too_large = head.scan(text, kMaxHead);
  ASSERT_FALSE(too_large);
  EXPECT_EQ(too_large.error().kind, ErrorKind::HeaderTooLarge);
  HeadScanner bare;
  EXPECT_FALSE(bare.scan("GET / HTTP/1.1\n", kMaxHead));
}

}  // namespace
}  // namespace headgate::edge
