#include "upstream/response_head.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "upstream/failure.h"

namespace headgate::upstream {
namespace {

/// Searches and parses `text` as it would arrive in two parts.
Result<ResponseHead> parse_in_two(std::string_view text, std::size_t cut,
                                  RequestMethod method = RequestMethod::Other) {
  HeadSearch search;
  auto end = find_head_end(text.substr(0, cut), search);
  if (end && !*end) {
    end = find_head_end(text, search);
  }
  if (!end) {
    return fail(end.error());
  }
  if (!*end) {
    return fail(internal_error("incomplete"));
  }
  ResponseHead head;
  auto parsed = parse_response_head(text.substr(0, **end), method, head);
  return parsed ? Result<ResponseHead>(head) : fail(parsed.error());
}

TEST(ResponseHead, IsReadTheSameWayCutAtEveryByte) {
  constexpr std::string_view kText =
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Empty:\r\n"
      "Content-Length: \t 12 \r\nx-request-id: a b\r\n\r\nhello world!";
  for (std::size_t cut = 0; cut <= kText.size(); ++cut) {
    const auto head = parse_in_two(kText, cut);
    ASSERT_TRUE(head) << cut << ": " << head.error().detail;
    EXPECT_EQ(head->status, 200);
    EXPECT_EQ(head->field_count, 4U);
    EXPECT_EQ(head->field("content-type"), "application/json");
    EXPECT_EQ(head->field("x-empty"), "");
    EXPECT_EQ(head->field("x-request-id"), "a b");
    EXPECT_EQ(head->field("absent"), std::nullopt);
    EXPECT_EQ(head->body, ResponseHead::Body::Length);
    EXPECT_EQ(head->length, 12U);
    EXPECT_TRUE(head->keep_alive);
  }
}

struct FramingCase {
  std::string_view text;
  RequestMethod method;
  ResponseHead::Body body;
  std::uint64_t length;
  bool keep_alive;
};

TEST(ResponseHead, DecidesTheFramingOnce) {
  using Body = ResponseHead::Body;
  constexpr auto kOther = RequestMethod::Other;
  const std::vector<FramingCase> cases = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", kOther, Body::Length, 5, true},
      {"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\n", kOther, Body::Length, 5, true},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\ncontent-length: 5\r\n\r\n", kOther, Body::Length, 5,
       true},
      {"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n", kOther, Body::Length,
       9223372036854775807U, true},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\n\r\n", kOther, Body::Chunked, 0, true},
      {"HTTP/1.1 200 OK\r\n\r\n", kOther, Body::UntilClose, 0, false},
      {"HTTP/1.1 204 No Content\r\n\r\n", kOther, Body::None, 0, true},
      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", kOther, Body::None, 0, true},
      {"HTTP/1.1 100 Continue\r\n\r\n", kOther, Body::None, 0, true},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", RequestMethod::Head, Body::None, 0, true},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", RequestMethod::Head, Body::None, 0,
       true},
      {"HTTP/1.1 200 Tunnel\r\n\r\n", RequestMethod::Connect, Body::None, 0, true},
      {"HTTP/1.1 407 No\r\nContent-Length: 3\r\n\r\n", RequestMethod::Connect, Body::Length, 3,
       true},
      {"HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nContent-Length: 1\r\n\r\n", kOther,
       Body::Length, 1, false},
      {"HTTP/1.1 200 OK\r\nConnection: closely\r\nContent-Length: 1\r\n\r\n", kOther, Body::Length,
       1, true},
      {"HTTP/1.1 200 OK\r\nConnection: close, keep-alive\r\nContent-Length: 1\r\n\r\n", kOther,
       Body::Length, 1, false},
      {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", kOther, Body::Length, 1, false},
      {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n", kOther,
       Body::Length, 1, true},
      {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n", kOther,
       Body::Chunked, 0, false},
  };
  for (const FramingCase& c : cases) {
    const auto head = parse_in_two(c.text, c.text.size(), c.method);
    ASSERT_TRUE(head) << c.text << head.error().detail;
    EXPECT_EQ(head->body, c.body) << c.text;
    EXPECT_EQ(head->length, c.length) << c.text;
    EXPECT_EQ(head->keep_alive, c.keep_alive) << c.text;
  }
}

TEST(ResponseHead, RefusesEverythingAmbiguous) {
  using std::string_literals::operator""s;
  const std::vector<std::string> lines = {
      "Content-Length: 5\r\nTransfer-Encoding: chunked",
      "Content-Length: 5\r\nContent-Length: 6",
      "Content-Length: 5, 5",
      "Content-Length: +5",
      "Content-Length: -5",
      "Content-Length: 0x5",
      "Content-Length: 5.0",
      "Content-Length: \"5\"",
      "Content-Length:",
      "Content-Length: 5 5",
      "Content-Length: 9223372036854775808",
      "Content-Length: 99999999999999999999",
      "Transfer-Encoding: gzip, chunked",
      "Transfer-Encoding: chunked, gzip",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
      "Transfer-Encoding: identity",
      "Transfer-Encoding: chunkedx",
      "Transfer-Encoding: chunked\v",
      "Transfer-Encoding:",
      "Name : value",
      "Name\t: value",
      ": value",
      "no colon",
      "Na me: value",
      "N\xC3\xA4me: value",
      "Name: value\r\n folded",
      " folded: first",
      "Name: a\rb",
      "Name: a\nOther: b",
      "Name: a\0b"s,
      "Name: a\x01",
      "Name: \x7F",
  };
  for (const std::string& line : lines) {
    const std::string text = "HTTP/1.1 200 OK\r\n" + line + "\r\n\r\n";
    const auto head = parse_in_two(text, text.size());
    ASSERT_FALSE(head) << line;
    EXPECT_EQ(failure_phase(head.error()), FailurePhase::Protocol) << line;
  }
}

TEST(ResponseHead, RefusesBadStatusLines) {
  for (const std::string_view line :
       {"HTTP/2 200 OK", "HTTP/1.2 200 OK", "HTTP/1.1  200 OK", "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK", "HTTP/1.1 099 OK", "HTTP/1.1 600 OK", "HTTP/1.1 -20 OK",
        "HTTP/1.1 200OK", "http/1.1 200 OK", "HTTP/1.1\t200 OK", "ICY 200 OK", "<html>", "",
        " HTTP/1.1 200 OK", "HTTP/1.1 200 O\x01K"}) {
    const std::string text = std::string(line) + "\r\n\r\n";
    const auto head = parse_in_two(text, text.size());
    ASSERT_FALSE(head) << line;
    EXPECT_EQ(failure_phase(head.error()), FailurePhase::Protocol) << line;
  }
}

TEST(ResponseHead, RefusesBareLineFeedsWithoutWaitingForTheEnd) {
  HeadSearch search;
  EXPECT_FALSE(find_head_end("HTTP/1.1 200 OK\nA", search));
}

TEST(ResponseHead, RefusesWhatCannotBecomeHttpAtTheFirstBytes) {
  HeadSearch search;
  EXPECT_FALSE(find_head_end("SSH-", search));
}

TEST(ResponseHead, HoldsItsSizeLimits) {
  const std::string start = "HTTP/1.1 200 OK\r\n";
  HeadSearch one_line;
  EXPECT_FALSE(find_head_end(start + std::string(kMaxResponseField + 1, 'a'), one_line));

  std::string many = start;
  while (many.size() <= kMaxResponseHead) {
    many += "x: " + std::string(1000, 'y') + "\r\n";
  }
  HeadSearch too_long;
  EXPECT_FALSE(find_head_end(many + "\r\n", too_long));

  std::string fields = start;
  for (std::size_t i = 0; i < kMaxResponseFields; ++i) {
    fields += "a: b\r\n";
  }
  EXPECT_TRUE(parse_in_two(fields + "\r\n", 0));
  EXPECT_FALSE(parse_in_two(fields + "a: b\r\n\r\n", 0));
}

}  // namespace
}  // namespace headgate::upstream
