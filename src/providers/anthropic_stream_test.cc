// Both readers of a streamed message: the relay to clients of the same dialect and the neutral one.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "providers/anthropic_wire.h"

namespace headgate::providers {
namespace {

using model::ChatEvent;

std::string event(const std::string& type, const std::string& rest) {
  return "event: " + type + "\ndata: {\"type\":\"" + type + "\"" + (rest.empty() ? "" : ",") +
         rest + "}\n\n";
}

std::string block(int index, const std::string& content) {
  return event("content_block_start",
               "\"index\":" + std::to_string(index) + ",\"content_block\":" + content);
}

std::string delta(int index, const std::string& content) {
  return event("content_block_delta",
               "\"index\":" + std::to_string(index) + ",\"delta\":" + content);
}

std::string end_of(int index) {
  return event("content_block_stop", "\"index\":" + std::to_string(index));
}

const std::string kStart = event(
    "message_start",
    R"("message":{"id":"msg_01","type":"message","role":"assistant","model":"claude-x","content":[],)"
    R"("stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":25,)"
    R"("cache_creation_input_tokens":0,"cache_read_input_tokens":7,"output_tokens":1}})");
const std::string kPing = event("ping", "");
const std::string kText = block(0, R"({"type":"text","text":""})") +
                          delta(0, R"({"type":"text_delta","text":"Hel"})") +
                          delta(0, R"({"type":"text_delta","text":"lo"})") + end_of(0);
const std::string kCall =
    block(1, R"({"type":"tool_use","id":"toolu_1","name":"get_weather","input":{}})") +
    delta(1, R"({"type":"input_json_delta","partial_json":""})") +
    delta(1, R"({"type":"input_json_delta","partial_json":"{\"city\": \"Os"})") +
    delta(1, R"({"type":"input_json_delta","partial_json":"lo\"}"})") + end_of(1);
const std::string kDelta =
    event("message_delta", R"("delta":{"stop_reason":"tool_use","stop_sequence":null},)"
                           R"("usage":{"output_tokens":89})");
const std::string kStop = event("message_stop", "");
const std::string kWhole = kStart + kText + kCall + kDelta + kStop;

struct Relayed {
  std::string out;
  std::string error;
  Usage usage;
};

Relayed relay(const std::string& stream, std::size_t size = 1 << 20) {
  const auto follower = make_anthropic_stream();
  Relayed relayed;
  const auto take = [&](Result<std::string_view> piece) {
    if (piece) {
      relayed.out.append(*piece);
    } else {
      relayed.error = piece.error().message + "|" + piece.error().detail;
    }
    return piece.has_value();
  };
  bool good = true;
  for (std::size_t at = 0; good && at < stream.size(); at += size) {
    good = take(follower->feed(std::string_view(stream).substr(at, size)));
  }
  if (good) {
    take(follower->finish());
  }
  relayed.usage = follower->usage();
  return relayed;
}

std::string shown(const ChatEvent& event) {
  switch (event.type) {
    case ChatEvent::Type::Start:
      return "start " + event.id + " " + event.name;
    case ChatEvent::Type::Text:
      return "text " + event.text;
    case ChatEvent::Type::Reasoning:
      return (event.redacted ? "redacted " : "reasoning ") + event.text + "/" + event.signature;
    case ChatEvent::Type::Refusal:
      return "refusal " + event.text;
    case ChatEvent::Type::ToolCall:
      return "call " + std::to_string(event.index) + " " + event.id + " " + event.name;
    case ChatEvent::Type::ToolArguments:
      return "arguments " + std::to_string(event.index) + " " + event.text;
    case ChatEvent::Type::Image:
      return "image";
    case ChatEvent::Type::Logprobs:
      return "logprobs";
    case ChatEvent::Type::Finish:
      return "finish " + std::to_string(static_cast<int>(event.finish)) + " " + event.text;
    case ChatEvent::Type::Usage:
      return "usage " + std::to_string(event.usage.input_tokens) + " " +
             std::to_string(event.usage.cached_tokens) + " " +
             std::to_string(event.usage.output_tokens);
  }
  return {};
}

using Lines = std::vector<std::string>;

/// The events of a stream, and the message of its error as the last line.
Lines read(const std::string& stream, std::size_t size = 1 << 20) {
  const auto reader = make_anthropic_chat_reader();
  std::vector<ChatEvent> events;
  Result<void> good;
  for (std::size_t at = 0; good && at < stream.size(); at += size) {
    good = reader->feed(std::string_view(stream).substr(at, size), events);
  }
  if (good) {
    good = reader->finish(events);
  }
  Lines lines;
  for (const ChatEvent& event : events) {
    lines.push_back(shown(event));
  }
  if (!good) {
    lines.push_back("error " + good.error().message);
  }
  return lines;
}

const std::string kFinishCalls =
    "finish " + std::to_string(static_cast<int>(model::Finish::ToolCalls)) + " ";
const std::string kCutError = "error The model server ended its answer before it was complete.";

TEST(AnthropicStream, WholeEventsPassAsTheyCameHoweverTheStreamIsCut) {
  for (std::size_t size = 1; size <= kWhole.size(); ++size) {
    const Relayed relayed = relay(kWhole, size);
    ASSERT_EQ(relayed.out, kWhole) << size;
    ASSERT_EQ(relayed.error, "") << size;
  }
}

TEST(AnthropicStream, OnlyTheEndMarkEndsIt) {
  const std::size_t mark = kWhole.find("event: message_stop");
  const auto stream = make_anthropic_stream();
  ASSERT_TRUE(stream->feed(std::string_view(kWhole).substr(0, mark)));
  EXPECT_FALSE(stream->ended());
  ASSERT_TRUE(stream->feed(std::string_view(kWhole).substr(mark)));
  EXPECT_TRUE(stream->ended());
}

TEST(AnthropicStream, TheLastUsageHoldsAndThePlaceholderDoesNotCount) {
  const Usage usage = relay(kWhole).usage;
  EXPECT_EQ(usage.input_tokens, 32);
  EXPECT_EQ(usage.cached_tokens, 7);
  EXPECT_EQ(usage.output_tokens, 89);
  EXPECT_EQ(relay(kStart + kText).usage.output_tokens, -1);
  const Usage corrected =
      relay(kStart + event("message_delta", R"("delta":{"stop_reason":"end_turn"},)"
                                            R"("usage":{"input_tokens":30,"output_tokens":4})"))
          .usage;
  EXPECT_EQ(corrected.input_tokens, 37);
}

TEST(AnthropicStream, PingsCommentsAndMalformedEventsAreDropped) {
  const Relayed relayed =
      relay(kStart + kPing + ": x\n\nevent: content_block_delta\ndata: {\"type\":\n\ndata: 7\n\n" +
            kText + kDelta + kPing + kStop + kText);
  EXPECT_EQ(relayed.out, kStart + kText + kDelta + kStop);
  EXPECT_EQ(relayed.error, "");
}

TEST(AnthropicStream, EventsOfUnknownTypesPass) {
  const std::string unknown = event("content_block_hint", R"("x":1)");
  EXPECT_EQ(relay(kStart + unknown + kDelta + kStop).out, kStart + unknown + kDelta + kStop);
}

TEST(AnthropicStream, EventsWithoutANameGetTheirs) {
  EXPECT_EQ(relay("data: {\"type\":\"message_stop\"}\n\n").out, kStop);
  EXPECT_EQ(relay("data: {\"type\":\"a\\nevent: error\"}\n\n").out,
            "data: {\"type\":\"a\\nevent: error\"}\n\n")
      << "a name of several lines would be several fields";
}

TEST(AnthropicStream, AnAnswerThatWasCutIsNeverPassedOffAsWhole) {
  const std::string half = kStart + kText;
  for (const std::string& stream :
       {std::string(), kStart, half, half + kCall, half + kDelta.substr(0, kDelta.size() - 1)}) {
    const Relayed relayed = relay(stream);
    EXPECT_NE(relayed.error, "") << stream;
    EXPECT_EQ(relayed.out.find("message_stop"), std::string::npos) << stream;
  }
}

TEST(AnthropicStream, AMissingEndMarkAfterTheStopReasonIsSupplied) {
  const Relayed relayed = relay(kStart + kText + kDelta);
  EXPECT_EQ(relayed.error, "");
  EXPECT_EQ(relayed.out, kStart + kText + kDelta + kStop);
}

TEST(AnthropicStream, NothingFollowsAnErrorEventHoweverTheStreamIsCut) {
  const std::string stream =
      kStart + kText +
      event("error", R"("error":{"type":"overloaded_error","message":"sk-ant-1 is too busy"})") +
      kCall + kDelta + kStop;
  for (std::size_t size = 1; size <= stream.size(); ++size) {
    const Relayed relayed = relay(stream, size);
    ASSERT_EQ(relayed.out, kStart + kText) << size;
    ASSERT_TRUE(relayed.error.starts_with("The model server is overloaded;")) << relayed.error;
    ASSERT_NE(relayed.error.find("sk-ant-1"), std::string::npos) << "for the log";
  }
}

TEST(AnthropicReader, GivesTheSameEventsHoweverTheStreamIsCut) {
  const Lines expected = {"start msg_01 claude-x",
                          "usage 32 7 -1",
                          "text Hel",
                          "text lo",
                          "call 0 toolu_1 get_weather",
                          "arguments 0 {\"city\": \"Os",
                          "arguments 0 lo\"}",
                          "usage 32 7 89",
                          kFinishCalls};
  for (std::size_t size = 1; size <= kWhole.size(); ++size) {
    ASSERT_EQ(read(kWhole, size), expected) << size;
  }
}

TEST(AnthropicReader, ReasoningEndsWithItsSignature) {
  const std::string stream =
      kStart + block(0, R"({"type":"thinking","thinking":"","signature":""})") +
      delta(0, R"({"type":"thinking_delta","thinking":"h"})") +
      delta(0, R"({"type":"thinking_delta","thinking":"m"})") +
      delta(0, R"({"type":"signature_delta","signature":"c2"})") +
      delta(0, R"({"type":"signature_delta","signature":"ln"})") + end_of(0) +
      block(1, R"({"type":"redacted_thinking","data":"ZW5j"})") + end_of(1) +
      block(2, R"({"type":"thinking","thinking":"","signature":"b25seQ=="})") + end_of(2) + kDelta;
  const Lines expected = {"start msg_01 claude-x", "usage 32 7 -1",   "reasoning h/",
                          "reasoning m/",          "reasoning /c2ln", "redacted /ZW5j",
                          "reasoning /b25seQ==",   "usage 32 7 89",   kFinishCalls};
  EXPECT_EQ(read(stream), expected);
  EXPECT_EQ(read(stream, 1), expected);
}

TEST(AnthropicReader, CallsAreNumberedAndNeverWithoutArguments) {
  const Lines lines =
      read(kStart + kText + block(1, R"({"type":"tool_use","id":"a","name":"f","input":{}})") +
           delta(1, R"({"type":"input_json_delta","partial_json":""})") + end_of(1) +
           block(2, R"({"type":"tool_use","id":"b","name":"g","input":{"x": 1.0}})") + end_of(2) +
           kDelta + kStop);
  const Lines expected = {"call 0 a f", "arguments 0 {}", "call 1 b g", "arguments 1 {\"x\": 1.0}"};
  EXPECT_EQ(Lines(lines.begin() + 4, lines.begin() + 8), expected);
}

TEST(AnthropicReader, StopSequencesAndRefusalsAreTold) {
  const auto end_with = [](const std::string& delta_text) {
    const Lines lines =
        read(kStart + event("message_delta", "\"delta\":" + delta_text + ",\"usage\":{}") + kStop);
    return Lines(lines.begin() + 3, lines.end());
  };
  EXPECT_EQ(
      end_with(R"({"stop_reason":"stop_sequence","stop_sequence":"END"})"),
      Lines{"finish " + std::to_string(static_cast<int>(model::Finish::StopSequence)) + " END"});
  EXPECT_EQ(
      end_with(
          R"({"stop_reason":"refusal","stop_details":{"type":"refusal","explanation":"No."}})"),
      (Lines{"refusal No.",
             "finish " + std::to_string(static_cast<int>(model::Finish::ContentFilter)) + " "}));
}

TEST(AnthropicReader, BlocksOfUnknownTypesAndTheirDeltasArePassedOver) {
  const Lines lines =
      read(kStart + block(0, R"({"type":"server_tool_use","id":"s","name":"web_search"})") +
           delta(0, R"({"type":"input_json_delta","partial_json":"{}"})") + end_of(0) + kPing +
           event("new_event", "") + delta(0, R"({"type":"new_delta"})") + kDelta + kStop);
  EXPECT_EQ(lines,
            (Lines{"start msg_01 claude-x", "usage 32 7 -1", "usage 32 7 89", kFinishCalls}));
}

TEST(AnthropicReader, AnAnswerThatWasCutIsNotComplete) {
  const std::string half = kStart + kText;
  for (const std::string& stream : {std::string(), half, half + kStop}) {
    EXPECT_EQ(read(stream).back(), kCutError) << stream;
  }
  EXPECT_EQ(read(kStart + kText + kDelta).back(), kFinishCalls) << "only the end mark is missing";
}

TEST(AnthropicReader, ArgumentsWhoseCallWasLostMakeTheAnswerUnsound) {
  const std::string lost = "event: content_block_start\ndata: {\"type\":\"content_bl\n\n";
  EXPECT_EQ(read(kStart + lost + delta(0, R"({"type":"input_json_delta","partial_json":"{}"})") +
                 kDelta + kStop)
                .back(),
            "error The model server's answer could not be understood.");
}

TEST(AnthropicReader, NothingFollowsAnErrorEvent) {
  const std::string stream =
      kStart + event("error", R"("error":{"type":"api_error","message":"sk-ant"})") + kText;
  const auto reader = make_anthropic_chat_reader();
  std::vector<ChatEvent> events;
  const auto first = reader->feed(stream, events);
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().message, "The model server failed to answer.");
  EXPECT_EQ(events.size(), 2U);
  EXPECT_FALSE(reader->feed(kText, events));
  EXPECT_FALSE(reader->finish(events));
  EXPECT_EQ(events.size(), 2U);
}

}  // namespace
}  // namespace headgate::providers
