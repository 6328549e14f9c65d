#include "edge/websocket_frames.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "testing/websocket_client.h"

namespace headgate::edge {
namespace {

using headgate::testing::client_close;
using headgate::testing::client_frame;
using headgate::testing::Final;

constexpr std::uint8_t kText = 0x1;
constexpr std::uint8_t kPing = 0x9;

/// Everything that comes of `bytes` when `piece` of them arrive at a time; a fault is the last.
std::vector<std::string> decode(std::string_view bytes, std::size_t piece) {
  WebSocketDecoder decoder;
  std::vector<std::string> events;
  while (!bytes.empty()) {
    std::string_view input = bytes.substr(0, piece);
    bytes.remove_prefix(input.size());
    while (!input.empty()) {
      auto step = decoder.next(input);
      if (!step) {
        events.push_back("fault " + std::to_string(step.error().code));
        return events;
      }
      input.remove_prefix(step->taken);
      if (step->event) {
        const auto& event = *step->event;
        events.push_back(std::to_string(static_cast<int>(event.kind)) + ":" + event.payload +
                         (event.kind == Opcode::Close ? "/" + std::to_string(event.code) : ""));
      }
    }
  }
  return events;
}
std::vector<std::string> decode(std::string_view bytes) { return decode(bytes, bytes.size()); }

TEST(WebSocketDecoder, TakesTheExamplesOfRfc6455) {
  using namespace std::string_literals;
  EXPECT_EQ(decode("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"s),
            std::vector<std::string>{"1:Hello"});
  EXPECT_EQ(decode("\x89\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"s),
            std::vector<std::string>{"9:Hello"});
}

TEST(WebSocketDecoder, GivesTheSameEventsWhereverTheBytesAreCut) {
  const std::string bytes = client_frame(kText, "one") + client_frame(kText, "tw", Final::No) +
                            client_frame(kPing, "p") + client_frame(0, "o", Final::No) +
                            client_frame(0, "") + client_frame(0x2, std::string(300, 'b')) +
                            client_frame(kText, "") + client_frame(0xA, "") +
                            client_close(1000, "bye") + "whatever follows";
  const std::vector<std::string> expected = {
      "1:one", "9:p", "1:two", "2:" + std::string(300, 'b'), "1:", "10:", "8:bye/1000"};
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    ASSERT_EQ(decode(bytes, piece), expected) << piece << " bytes at a time";
  }
}

TEST(WebSocketDecoder, RefusesWhatRfc6455Forbids) {
  using namespace std::string_literals;
  const std::string mask = "\x01\x02\x03\x04";
  const struct {
    const char* what;
    std::string bytes;
    int code;
  } cases[] = {
      {"a frame without a mask", "\x81\x05Hello", 1002},
      {"RSV1 (compression)", client_frame(0x40 | kText, "x"), 1002},
      {"RSV2", client_frame(0x20 | kText, "x"), 1002},
      {"RSV3", client_frame(0x10 | kText, "x"), 1002},
      {"opcode 3", client_frame(0x3, "x"), 1002},
      {"opcode 7", client_frame(0x7, "x"), 1002},
      {"opcode 11", client_frame(0xB, "x"), 1002},
      {"opcode 15", client_frame(0xF, "x"), 1002},
      {"a fragmented ping", client_frame(kPing, "x", Final::No), 1002},
      {"a fragmented close", client_frame(0x8, "", Final::No), 1002},
      {"a ping of 126 bytes", client_frame(kPing, std::string(126, 'x')), 1002},
      {"a continuation of nothing", client_frame(0, "x"), 1002},
      {"a continuation after the end",
       client_frame(kText, "x", Final::No) + client_frame(0, "y") + client_frame(0, "z"), 1002},
      {"a message inside another", client_frame(kText, "x", Final::No) + client_frame(kText, "y"),
       1002},
      {"a 16 bit length that fits in 7", "\x81\xFE\x00\x7D"s + mask, 1002},
      {"a 64 bit length that fits in 16", "\x81\xFF\0\0\0\0\0\0\xFF\xFF"s + mask, 1002},
      {"a negative length", "\x81\xFF\x80\0\0\0\0\0\0\0"s + mask, 1002},
      {"a message over 64 KiB", "\x81\xFF\0\0\0\0\0\x01\0\x01"s + mask, 1009},
      {"an enormous message", "\x81\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s + mask, 1009},
      {"fragments over 64 KiB",
       client_frame(kText, std::string(kMaxWebSocketMessage, 'x'), Final::No) +
           client_frame(0, "y"),
       1009},
      {"a text that is not UTF-8", client_frame(kText, "\xC0\x80"), 1007},
      {"a surrogate", client_frame(kText, "\xED\xA0\x80"), 1007},
      {"a text that ends inside a character", client_frame(kText, "\xE2\x82"), 1007},
      {"a close with half a code", client_frame(0x8, "\x03"), 1002},
      {"a close reason that is not UTF-8", client_close(1000, "\xFF"), 1007},
      {"close code 0", client_close(0, ""), 1002},
      {"close code 999", client_close(999, ""), 1002},
      {"close code 1004", client_close(1004, ""), 1002},
      {"close code 1005", client_close(1005, ""), 1002},
      {"close code 1006", client_close(1006, ""), 1002},
      {"close code 1015", client_close(1015, ""), 1002},
      {"close code 2999", client_close(2999, ""), 1002},
      {"close code 5000", client_close(5000, ""), 1002},
  };
  for (const auto& c : cases) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, c.bytes.size()}) {
      const auto events = decode(c.bytes, piece);
      ASSERT_FALSE(events.empty()) << c.what;
      EXPECT_EQ(events.back(), "fault " + std::to_string(c.code)) << c.what;
    }
  }
}

TEST(WebSocketDecoder, TakesWhatIsJustWithinTheLimits) {
  const std::string largest(kMaxWebSocketMessage, 'x');
  EXPECT_EQ(decode(client_frame(kText, largest)), std::vector<std::string>{"1:" + largest});
  EXPECT_EQ(decode(client_frame(kPing, std::string(125, 'x'))),
            std::vector<std::string>{"9:" + std::string(125, 'x')});
  EXPECT_EQ(decode(client_frame(kText, "\xE2\x82", Final::No) + client_frame(0, "\xAC")),
            std::vector<std::string>{"1:\xE2\x82\xAC"})
      << "a character may be cut by a fragment's end";
  EXPECT_EQ(decode(client_frame(0x8, "")), std::vector<std::string>{"8:/1005"});
  for (const int code : {1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 4999}) {
    EXPECT_EQ(decode(client_close(code, "")),
              std::vector<std::string>{"8:/" + std::to_string(code)});
  }
}

TEST(WebSocketDecoder, RepeatsAFaultAndDropsWhatFollowsAClose) {
  WebSocketDecoder faulty;
  EXPECT_FALSE(faulty.next("\x81\x05Hello"));
  EXPECT_FALSE(faulty.next(client_frame(kText, "fine")));

  WebSocketDecoder closed;
  ASSERT_TRUE(closed.next(client_close(1000, "")));
  const auto after = closed.next("\xFF\xFF\xFF");
  ASSERT_TRUE(after);
  EXPECT_EQ(after->taken, 3U);
  EXPECT_FALSE(after->event);
}

TEST(WebSocketFrames, UseTheShortestLength) {
  using namespace std::string_literals;
  const struct {
    std::size_t size;
    std::string head;
  } cases[] = {{0, "\x81\x00"s},
               {125, "\x81\x7D"s},
               {126, "\x81\x7E\x00\x7E"s},
               {65535, "\x81\x7E\xFF\xFF"s},
               {65536, "\x81\x7F\0\0\0\0\0\x01\0\0"s}};
  for (const auto& c : cases) {
    std::string out;
    append_websocket_frame(out, Opcode::Text, std::string(c.size, 'x'));
    EXPECT_EQ(out, c.head + std::string(c.size, 'x')) << c.size;
  }
}

TEST(WebSocketFrames, CutALongCloseReasonBetweenCharacters) {
  using namespace std::string_literals;
  std::string out;
  append_websocket_close(out, 1000, std::string(122, 'x') + "\xE2\x82\xAC");
  EXPECT_EQ(out, "\x88\x7C\x03\xE8"s + std::string(122, 'x'));

  out.clear();
  append_websocket_close(out, close_code::kNone, "");
  EXPECT_EQ(out, "\x88\x00"s);
}

}  // namespace
}  // namespace headgate::edge
