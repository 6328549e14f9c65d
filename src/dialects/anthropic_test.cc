// Answers in the words of /v1/messages, whole and streamed.
#include "dialects/anthropic.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace headgate::dialects {
namespace {

using model::ChatEvent;
using model::Finish;
using model::Part;

AnswerFrame frame() {
  AnswerFrame frame;
  frame.request_id = "req-1";
  frame.model = "public";
  return frame;
}

Part part_of(Part::Type type, std::string text, std::string signature = {}) {
  Part part;
  part.type = type;
  part.text = std::move(text);
  part.signature = std::move(signature);
  return part;
}

Part redacted(std::string data) {
  Part part = part_of(Part::Type::Reasoning, {}, std::move(data));
  part.redacted = true;
  return part;
}

model::ChatAnswer answer_of(model::Choice choice) {
  model::ChatAnswer answer;
  answer.choices.push_back(std::move(choice));
  return answer;
}

ChatEvent event_of(ChatEvent::Type type, std::string text = {}) {
  ChatEvent event;
  event.type = type;
  event.text = std::move(text);
  return event;
}

ChatEvent text(std::string words) { return event_of(ChatEvent::Type::Text, std::move(words)); }

ChatEvent reasoning(std::string words, std::string signature = {}) {
  ChatEvent event = event_of(ChatEvent::Type::Reasoning, std::move(words));
  event.signature = std::move(signature);
  return event;
}

ChatEvent call(std::uint32_t index, std::string id, std::string name) {
  ChatEvent event = event_of(ChatEvent::Type::ToolCall);
  event.index = index;
  event.id = std::move(id);
  event.name = std::move(name);
  return event;
}

ChatEvent arguments(std::uint32_t index, std::string json) {
  ChatEvent event = event_of(ChatEvent::Type::ToolArguments, std::move(json));
  event.index = index;
  return event;
}

ChatEvent finish(Finish why, std::string stop_sequence = {}) {
  ChatEvent event = event_of(ChatEvent::Type::Finish, std::move(stop_sequence));
  event.finish = why;
  return event;
}

ChatEvent usage(model::Usage tokens) {
  ChatEvent event = event_of(ChatEvent::Type::Usage);
  event.usage = tokens;
  return event;
}

/// The events behind message_start as "type data" without what is the same in each, up to
/// message_delta.
std::vector<std::string> blocks_of(const std::vector<ChatEvent>& events) {
  const auto writer = make_anthropic_writer(frame());
  std::string out;
  for (const ChatEvent& event : events) {
    writer->write(event, out);
  }
  writer->finish(out);
  std::vector<std::string> lines;
  std::size_t at = 0;
  while (at < out.size()) {
    const std::size_t end = out.find("\n\n", at);
    const std::string event = out.substr(at, end - at);
    const std::size_t data = event.find("\ndata: ");
    const std::string name = event.substr(7, data - 7);
    const JsonView json(std::string_view(out).substr(at + data + 7, event.size() - data - 7));
    EXPECT_EQ(json["type"].text(), name);
    const std::string index(json["index"].raw());
    if (name == "content_block_start") {
      lines.push_back(index + " + " + std::string(json["content_block"].raw()));
    } else if (name == "content_block_delta") {
      lines.push_back(index + " " + std::string(json["delta"].raw()));
    } else if (name == "content_block_stop") {
      lines.push_back(index + " -");
    } else if (name == "error") {
      lines.push_back("error");
    }
    at = end + 2;
  }
  return lines;
}

using Lines = std::vector<std::string>;

TEST(AnthropicAnswer, AWholeAnswerIsAMessage) {
  model::Choice choice;
  choice.content = {part_of(Part::Type::Reasoning, "hm", "c2ln"), redacted("ZW5j"),
                    part_of(Part::Type::Text, "Hi \"you\"")};
  choice.tool_calls = {{"call_x", "f", R"({"id": 12345678901234567890})", ""},
                       {"", "g", "", "Z2Vt"},
                       {"c", "h", "{broken", ""}};
  choice.finish = Finish::ToolCalls;
  model::ChatAnswer answer = answer_of(choice);
  answer.model = "vendor-model";
  answer.usage = {.input_tokens = 20,
                  .output_tokens = 6,
                  .cached_tokens = 5,
                  .cache_write_tokens = 3,
                  .reasoning_tokens = 2};
  EXPECT_EQ(
      encode_anthropic(answer, frame()),
      R"({"id":"msg_req1","type":"message","role":"assistant","model":"vendor-model","content":[)"
      R"({"type":"thinking","thinking":"hm","signature":"c2ln"},)"
      R"({"type":"redacted_thinking","data":"ZW5j"},)"
      R"({"type":"text","text":"Hi \"you\"","citations":null},)"
      R"({"type":"tool_use","id":"call_x","name":"f","input":{"id": 12345678901234567890}},)"
      R"({"type":"tool_use","id":"toolu_req1_1","name":"g","input":{},"signature":"Z2Vt"},)"
      R"({"type":"tool_use","id":"c","name":"h","input":{"raw_arguments":"{broken"}}],)"
      R"("stop_reason":"tool_use","stop_sequence":null,"stop_details":null,)"
      R"("usage":{"input_tokens":12,"cache_creation_input_tokens":3,"cache_read_input_tokens":5,)"
      R"("output_tokens":6,"output_tokens_details":{"thinking_tokens":2}}})");
}

TEST(AnthropicAnswer, AnAnswerOfNothingIsAMessageToo) {
  model::ChatAnswer answer;
  answer.id = "msg_01";
  EXPECT_EQ(encode_anthropic(answer, frame()),
            R"({"id":"msg_01","type":"message","role":"assistant","model":"public","content":[],)"
            R"("stop_reason":"end_turn","stop_sequence":null,"stop_details":null,)"
            R"("usage":{"input_tokens":0,"cache_creation_input_tokens":0,)"
            R"("cache_read_input_tokens":0,"output_tokens":0}})");
}

TEST(AnthropicAnswer, EachFinishHasItsStopReason) {
  const auto stop_of = [](Finish why, Part refusal = {}) {
    model::Choice choice;
    choice.finish = why;
    choice.stop_sequence = why == Finish::StopSequence ? "END" : "";
    if (!refusal.text.empty()) {
      choice.content.push_back(std::move(refusal));
    }
    const std::string body = encode_anthropic(answer_of(choice), frame());
    const std::size_t begin = body.find("\"stop_reason\"");
    return body.substr(begin, body.find(",\"usage\"") - begin);
  };
  EXPECT_EQ(stop_of(Finish::Stop),
            R"("stop_reason":"end_turn","stop_sequence":null,"stop_details":null)");
  EXPECT_EQ(stop_of(Finish::Length),
            R"("stop_reason":"max_tokens","stop_sequence":null,"stop_details":null)");
  EXPECT_EQ(stop_of(Finish::StopSequence),
            R"("stop_reason":"stop_sequence","stop_sequence":"END","stop_details":null)");
  EXPECT_EQ(stop_of(Finish::ContentFilter),
            R"("stop_reason":"refusal","stop_sequence":null,)"
            R"("stop_details":{"type":"refusal","category":null,"explanation":null})");
  EXPECT_EQ(stop_of(Finish::Stop, part_of(Part::Type::Refusal, "No.")),
            R"("stop_reason":"refusal","stop_sequence":null,)"
            R"("stop_details":{"type":"refusal","category":null,"explanation":"No."})");
}

TEST(AnthropicAnswer, WhatWasAnsweredCanBeSaidAgain) {
  model::Choice choice;
  choice.content = {part_of(Part::Type::Reasoning, "hm\n", "c2ln"), redacted("ZW5j"),
                    part_of(Part::Type::Text, "Caf\xC3\xA9")};
  choice.tool_calls = {{"toolu_1", "f", R"({"x": 1.50})", "Z2Vt"}};
  choice.finish = Finish::ToolCalls;
  const std::string answer = encode_anthropic(answer_of(choice), frame());
  const auto request =
      decode_anthropic(R"({"max_tokens":1,"messages":[{"role":"assistant","content":)" +
                       std::string(JsonView(answer)["content"].raw()) + "}]}");
  ASSERT_TRUE(request) << request.error().message;
  const model::Message& said = request->messages.at(0);
  ASSERT_EQ(said.content.size(), 3U);
  for (std::size_t i = 0; i < said.content.size(); ++i) {
    EXPECT_EQ(said.content[i].type, choice.content[i].type) << i;
    EXPECT_EQ(said.content[i].text, choice.content[i].text) << i;
    EXPECT_EQ(said.content[i].signature, choice.content[i].signature) << i;
    EXPECT_EQ(said.content[i].redacted, choice.content[i].redacted) << i;
  }
  ASSERT_EQ(said.tool_calls.size(), 1U);
  EXPECT_EQ(said.tool_calls[0].id, "toolu_1");
  EXPECT_EQ(said.tool_calls[0].arguments, R"({"x": 1.50})");
  EXPECT_EQ(said.tool_calls[0].signature, "Z2Vt");
}

TEST(AnthropicWriter, AStreamHasItsNamedEvents) {
  const auto writer = dialect_for(model::Dialect::Anthropic).writer(frame());
  std::string out;
  ChatEvent start = event_of(ChatEvent::Type::Start);
  start.id = "chatcmpl-1";
  start.name = "vendor-model";
  writer->write(start, out);
  writer->write(text("Hel"), out);
  writer->write(text("lo"), out);
  writer->write(finish(Finish::StopSequence, "END"), out);
  writer->write(usage({.input_tokens = 9, .output_tokens = 4, .cached_tokens = 2}), out);
  writer->finish(out);
  EXPECT_EQ(
      out,
      "event: message_start\n"
      R"(data: {"type":"message_start","message":{"id":"msg_req1","type":"message",)"
      R"("role":"assistant","model":"vendor-model","content":[],"stop_reason":null,)"
      R"("stop_sequence":null,"usage":{"input_tokens":0,"cache_creation_input_tokens":0,)"
      R"("cache_read_input_tokens":0,"output_tokens":0}}})"
      "\n\nevent: content_block_start\n"
      R"(data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})"
      "\n\nevent: content_block_delta\n"
      R"(data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hel"}})"
      "\n\nevent: content_block_delta\n"
      R"(data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"lo"}})"
      "\n\nevent: content_block_stop\n"
      R"(data: {"type":"content_block_stop","index":0})"
      "\n\nevent: message_delta\n"
      R"(data: {"type":"message_delta","delta":{"stop_reason":"stop_sequence",)"
      R"("stop_sequence":"END","stop_details":null},"usage":{"input_tokens":7,)"
      R"("cache_creation_input_tokens":0,"cache_read_input_tokens":2,"output_tokens":4}})"
      "\n\nevent: message_stop\n"
      R"(data: {"type":"message_stop"})"
      "\n\n");
  const std::string whole = out;
  writer->finish(out);
  writer->fail(timed_out("late"), out);
  EXPECT_EQ(out, whole) << "an answer ends once";
  EXPECT_EQ(dialect_for(model::Dialect::Anthropic).ping(),
            "event: ping\ndata: {\"type\": \"ping\"}\n\n");
}

TEST(AnthropicWriter, DeltasGoOutAtOnce) {
  const auto writer = make_anthropic_writer(frame());
  std::string out;
  writer->write(text("Hel"), out);
  EXPECT_NE(out.find("\"Hel\""), std::string::npos);
  out.clear();
  writer->write(call(0, "a", "f"), out);
  writer->write(arguments(0, "{\"x\""), out);
  EXPECT_NE(out.find(R"("partial_json":"{\"x\"")"), std::string::npos);
}

TEST(AnthropicWriter, ReasoningIsABlockThatItsSignatureEnds) {
  ChatEvent hidden = reasoning("", "ZW5j");
  hidden.redacted = true;
  EXPECT_EQ(
      blocks_of({reasoning("h"), reasoning("m"), reasoning("", "c2ln"), hidden,
                 reasoning("", "b25seQ=="), text("Hi")}),
      (Lines{R"(0 + {"type":"thinking","thinking":"","signature":""})",
             R"(0 {"type":"thinking_delta","thinking":"h"})",
             R"(0 {"type":"thinking_delta","thinking":"m"})",
             R"(0 {"type":"signature_delta","signature":"c2ln"})", "0 -",
             R"(1 + {"type":"redacted_thinking","data":"ZW5j"})", "1 -",
             R"(2 + {"type":"thinking","thinking":"","signature":""})",
             R"(2 {"type":"signature_delta","signature":"b25seQ=="})", "2 -",
             R"(3 + {"type":"text","text":""})", R"(3 {"type":"text_delta","text":"Hi"})", "3 -"}));
}

TEST(AnthropicWriter, CallsFollowEachOtherAndKeepTheirIds) {
  EXPECT_EQ(blocks_of({text("See:"), call(0, "toolu_1", "f"), arguments(0, "{\"a\":"),
                       arguments(0, "\"}\\\"{\"}"), call(1, "", "g"), arguments(1, "{}")}),
            (Lines{R"(0 + {"type":"text","text":""})", R"(0 {"type":"text_delta","text":"See:"})",
                   "0 -", R"(1 + {"type":"tool_use","id":"toolu_1","name":"f","input":{}})",
                   R"(1 {"type":"input_json_delta","partial_json":"{\"a\":"})",
                   R"(1 {"type":"input_json_delta","partial_json":"\"}\\\"{\"}"})", "1 -",
                   R"(2 + {"type":"tool_use","id":"toolu_req1_1","name":"g","input":{}})",
                   R"(2 {"type":"input_json_delta","partial_json":"{}"})", "2 -"}));
}

TEST(AnthropicWriter, InterleavedCallsAreNeverInterleavedBlocks) {
  EXPECT_EQ(blocks_of({call(0, "a", "f"), call(1, "b", "g"), arguments(1, "{\"y\":"),
                       arguments(0, "{\"x\":"), arguments(1, "2}"), text("and"), arguments(0, "1}"),
                       arguments(0, " ")}),
            (Lines{R"(0 + {"type":"tool_use","id":"a","name":"f","input":{}})",
                   R"(0 {"type":"input_json_delta","partial_json":"{\"x\":"})",
                   R"(0 {"type":"input_json_delta","partial_json":"1}"})", "0 -",
                   R"(1 + {"type":"tool_use","id":"b","name":"g","input":{}})",
                   R"(1 {"type":"input_json_delta","partial_json":"{\"y\":2}"})", "1 -",
                   R"(2 + {"type":"text","text":""})", R"(2 {"type":"text_delta","text":"and"})",
                   "2 -"}));
}

TEST(AnthropicWriter, CallsThatNeverBecameWholeAreSentAsTheyAre) {
  EXPECT_EQ(blocks_of({call(0, "a", "f"), call(1, "b", "g"), arguments(1, "{}")}),
            (Lines{R"(0 + {"type":"tool_use","id":"a","name":"f","input":{}})", "0 -",
                   R"(1 + {"type":"tool_use","id":"b","name":"g","input":{}})",
                   R"(1 {"type":"input_json_delta","partial_json":"{}"})", "1 -"}));
}

TEST(AnthropicWriter, OtherChoicesAreNotMixedIn) {
  ChatEvent other = text("other");
  other.choice = 1;
  EXPECT_EQ(blocks_of({text("a"), other}), (Lines{R"(0 + {"type":"text","text":""})",
                                                  R"(0 {"type":"text_delta","text":"a"})", "0 -"}));
}

TEST(AnthropicWriter, ARefusalIsToldAtTheEnd) {
  const auto writer = make_anthropic_writer(frame());
  std::string out;
  writer->write(event_of(ChatEvent::Type::Refusal, "N"), out);
  writer->write(event_of(ChatEvent::Type::Refusal, "o."), out);
  writer->write(finish(Finish::Stop), out);
  writer->finish(out);
  EXPECT_NE(out.find(R"("delta":{"stop_reason":"refusal","stop_sequence":null,)"
                     R"("stop_details":{"type":"refusal","category":null,"explanation":"No."}})"),
            std::string::npos)
      << out;
}

TEST(AnthropicWriter, ABrokenAnswerEndsWithAnErrorAndNeverProperly) {
  const auto writer = make_anthropic_writer(frame());
  std::string out;
  writer->write(text("Hel"), out);
  out.clear();
  writer->fail(upstream_failed("The model server failed.", "secret"), out);
  EXPECT_EQ(out,
            "event: error\n"
            R"(data: {"type":"error","error":{"type":"api_error",)"
            R"("message":"The model server failed."},"request_id":"req-1"})"
            "\n\n");
  out.clear();
  writer->finish(out);
  writer->write(text("lo"), out);
  EXPECT_EQ(out, "");
}

TEST(AnthropicWriter, ArgumentsOfNoOpenCallAreAnError) {
  EXPECT_EQ(blocks_of({arguments(0, "{}"), text("x")}), Lines{"error"});
}

TEST(AnthropicWriter, WhatIsKeptForLaterBlocksIsBounded) {
  std::vector<ChatEvent> events = {call(0, "a", "f"), call(1, "b", "g")};
  for (int i = 0; i < 9; ++i) {
    events.push_back(arguments(1, std::string(1U << 20U, ' ')));
  }
  EXPECT_EQ(blocks_of(events).back(), "error");
}

TEST(AnthropicAnswer, ErrorsHaveTheirTypes) {
  EXPECT_EQ(anthropic_error_type(ErrorKind::InvalidRequest), "invalid_request_error");
  EXPECT_EQ(anthropic_error_type(ErrorKind::MethodNotAllowed), "invalid_request_error");
  EXPECT_EQ(anthropic_error_type(ErrorKind::Unauthenticated), "authentication_error");
  EXPECT_EQ(anthropic_error_type(ErrorKind::BudgetSpent), "billing_error");
  EXPECT_EQ(anthropic_error_type(ErrorKind::Forbidden), "permission_error");
  EXPECT_EQ(anthropic_error_type(ErrorKind::NotFound), "not_found_error");
  EXPECT_EQ(anthropic_error_type(ErrorKind::Conflict), "conflict_error");
  EXPECT_EQ(anthropic_error_type(ErrorKind::TooLarge), "request_too_large");
  EXPECT_EQ(anthropic_error_type(ErrorKind::RateLimited), "rate_limit_error");
  EXPECT_EQ(anthropic_error_type(ErrorKind::Overloaded), "overloaded_error");
  EXPECT_EQ(anthropic_error_type(ErrorKind::Timeout), "timeout_error");
  EXPECT_EQ(anthropic_error_type(ErrorKind::Internal), "api_error");
  EXPECT_EQ(anthropic_error_type(ErrorKind::UpstreamFailed), "api_error");
}

}  // namespace
}  // namespace headgate::dialects
