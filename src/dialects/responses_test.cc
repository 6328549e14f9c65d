#include "dialects/responses.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/json_view.h"

namespace headgate::dialects {
namespace {

using model::ChatEvent;
using model::Part;

const Dialect& dialect() { return dialect_for(model::Dialect::Responses); }

constexpr std::string_view kRequest =
    R"({"model":"m","input":"Hi","temperature":0.70,"metadata":{"a":"b"},"store":false,)"
    R"("tools":[{"type":"function","name":"f","parameters":{"maximum":1e400}}],)"
    R"("reasoning":{"effort":"low"},"text":{"format":{"type":"json_object"}}})";

AnswerFrame frame(std::string_view body = "{}") {
  return {.request_id = "0190-ab/c",
          .model = "public",
          .created = 1747000000,
          .usage_wanted = false,
          .request_body = body};
}

/// What a response repeats of a request that says nothing.
constexpr const char* kEcho =
    R"("background":false,"instructions":null,"max_output_tokens":null,"max_tool_calls":null,)"
    R"("metadata":{},"parallel_tool_calls":true,"previous_response_id":null,)"
    R"("prompt_cache_key":null,"safety_identifier":null,"store":true,"temperature":1,)"
    R"("tool_choice":"auto","tools":[],"top_logprobs":0,"top_p":1,"truncation":"disabled",)"
    R"("user":null,"reasoning":{"effort":null,"summary":null},"text":{"format":{"type":"text"}})";

std::string response(const std::string& status, const std::string& output,
                     const std::string& usage = "null", const std::string& error = "null",
                     const std::string& incomplete = "null") {
  return R"({"id":"resp_0190-ab_c","object":"response","created_at":1747000000,"status":")" +
         status + R"(","error":)" + error + R"(,"incomplete_details":)" + incomplete +
         R"(,"model":"claude","output":[)" + output + R"(],"usage":)" + usage + "," + kEcho + "}";
}

Part part(Part::Type type, std::string text, std::string signature = {}) {
  Part made;
  made.type = type;
  made.text = std::move(text);
  made.signature = std::move(signature);
  return made;
}

TEST(ResponsesEncode, AWholeAnswerIsAResponseWithItsItemsInOrder) {
  model::ChatAnswer answer;
  answer.model = "claude";
  answer.usage = {.input_tokens = 9, .output_tokens = 2, .cached_tokens = 8};
  model::Choice& choice = answer.choices.emplace_back();
  choice.content = {part(Part::Type::Reasoning, "hm", "sig"),
                    part(Part::Type::Reasoning, "", "blob"), part(Part::Type::Text, "Hi é"),
                    part(Part::Type::Refusal, "No.")};
  choice.tool_calls = {{.id = "c1", .name = "f", .arguments = R"({"a":1})", .signature = "g"}};
  choice.finish = model::Finish::ToolCalls;
  choice.logprobs = R"({"content":[{"token":"Hi","logprob":-0.10}],"refusal":null})";
  EXPECT_EQ(
      dialect().encode(answer, frame()),
      response(
          "completed",
          R"({"id":"rs_0190-ab_c_0","type":"reasoning","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"sig"},)"
          R"({"id":"rs_0190-ab_c_1","type":"reasoning","summary":[],"encrypted_content":"blob"},)"
          R"({"id":"msg_0190-ab_c_2","type":"message","status":"completed","role":"assistant","content":[)"
          R"({"type":"output_text","text":"Hi é","annotations":[],"logprobs":[{"token":"Hi","logprob":-0.10}]},)"
          R"({"type":"refusal","refusal":"No."}]},)"
          R"({"id":"fc_0190-ab_c_3","type":"function_call","status":"completed","arguments":"{\"a\":1}",)"
          R"("call_id":"c1","name":"f","extra_content":{"google":{"thought_signature":"g"}}})",
          R"({"input_tokens":9,"input_tokens_details":{"cached_tokens":8},"output_tokens":2,)"
          R"("output_tokens_details":{"reasoning_tokens":0},"total_tokens":11})"));
}

TEST(ResponsesEncode, APictureIsAnItemOfItsOwn) {
  model::ChatAnswer answer;
  Part& picture = answer.choices.emplace_back().content.emplace_back();
  picture.type = Part::Type::Image;
  picture.media_type = "image/png";
  picture.data = "iVBO";
  const std::string body = dialect().encode(answer, frame());
  EXPECT_EQ(JsonView(body)["output"].raw(),
            R"([{"id":"ig_0190-ab_c_0","type":"image_generation_call","status":"completed",)"
            R"("result":"iVBO"}])");
}

TEST(ResponsesEncode, TheRequestIsRepeatedAsItWasWritten) {
  model::ChatAnswer answer;
  answer.choices.emplace_back();
  const std::string body = dialect().encode(answer, frame(kRequest));
  const JsonView root(body);
  EXPECT_EQ(root["model"].text(), "public") << "where the vendor tells none";
  EXPECT_EQ(root["temperature"].raw(), "0.70");
  EXPECT_EQ(root["metadata"].raw(), R"({"a":"b"})");
  EXPECT_EQ(root["store"].raw(), "false");
  EXPECT_EQ(root["tools"].items()[0]["parameters"].raw(), R"({"maximum":1e400})");
  EXPECT_EQ(root["reasoning"].raw(), R"({"effort":"low","summary":null})");
  EXPECT_EQ(root["text"].raw(), R"({"format":{"type":"json_object"}})");
}

TEST(ResponsesEncode, AnAnswerThatWasCutShortIsIncompleteAndSaysWhy) {
  model::ChatAnswer answer;
  answer.model = "claude";
  model::Choice& choice = answer.choices.emplace_back();
  choice.content = {part(Part::Type::Text, "Hi")};
  for (const auto& [finish, reason] : {std::pair{model::Finish::Length, "max_output_tokens"},
                                       std::pair{model::Finish::ContentFilter, "content_filter"}}) {
    choice.finish = finish;
    EXPECT_EQ(
        dialect().encode(answer, frame()),
        response(
            "incomplete",
            R"({"id":"msg_0190-ab_c_0","type":"message","status":"incomplete","role":"assistant",)"
            R"("content":[{"type":"output_text","text":"Hi","annotations":[],"logprobs":[]}]})",
            "null", "null", R"({"reason":")" + std::string(reason) + R"("})"));
  }
}

TEST(ResponsesEncode, AResponseWithoutAnAnswerSaysHowItStands) {
  const auto member = [](ResponseState state, const Error* error, std::string_view name) {
    const std::string body = encode_response_state(frame(), state, error);
    return std::string(JsonView(body)[name].raw());
  };
  EXPECT_EQ(member(ResponseState::Queued, nullptr, "status"), R"("queued")");
  EXPECT_EQ(member(ResponseState::InProgress, nullptr, "status"), R"("in_progress")");
  EXPECT_EQ(member(ResponseState::Cancelled, nullptr, "status"), R"("cancelled")");
  EXPECT_EQ(member(ResponseState::Cancelled, nullptr, "error"), "null");
  const Error error = upstream_failed("It broke.", "secret");
  EXPECT_EQ(member(ResponseState::Failed, &error, "error"),
            R"({"code":"server_error","message":"It broke."})");
  EXPECT_EQ(member(ResponseState::Failed, &error, "id"), '"' + response_id("0190-ab/c") + '"');
}

// Streams.

ChatEvent event(ChatEvent::Type type, std::string text = {}) {
  ChatEvent made;
  made.type = type;
  made.text = std::move(text);
  return made;
}

ChatEvent start() {
  ChatEvent made = event(ChatEvent::Type::Start);
  made.name = "claude";
  return made;
}

ChatEvent call(std::uint32_t index, std::string id) {
  ChatEvent made = event(ChatEvent::Type::ToolCall);
  made.index = index;
  made.id = std::move(id);
  made.name = "f";
  return made;
}

ChatEvent arguments(std::uint32_t index, std::string text) {
  ChatEvent made = event(ChatEvent::Type::ToolArguments, std::move(text));
  made.index = index;
  return made;
}

ChatEvent finish(model::Finish reason) {
  ChatEvent made = event(ChatEvent::Type::Finish);
  made.finish = reason;
  return made;
}

std::string written(const std::vector<ChatEvent>& events) {
  auto writer = dialect().writer(frame());
  std::string out;
  for (const ChatEvent& each : events) {
    writer->write(each, out);
  }
  writer->finish(out);
  return out;
}

/// The events of a stream, numbered.
class Stream {
 public:
  Stream& add(const std::string& type, const std::string& members) {
    text_ += "event: " + type + "\ndata: {\"type\":\"" + type +
             "\",\"sequence_number\":" + std::to_string(number_++) + "," + members + "}\n\n";
    return *this;
  }
  Stream& begun() {
    return add("response.created", "\"response\":" + response("in_progress", ""))
        .add("response.in_progress", "\"response\":" + response("in_progress", ""));
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  int number_ = 0;
};

/// The value of the last response in a stream.
std::string last_response(const std::string& out) {
  const std::string_view data = std::string_view(out).substr(out.rfind("\ndata: ") + 7);
  return std::string(JsonView(data)["response"].raw());
}

constexpr const char* kMessage =
    R"({"id":"msg_0190-ab_c_0","type":"message","status":"completed","role":"assistant",)"
    R"("content":[{"type":"output_text","text":"Hello","annotations":[],"logprobs":[]}]})";

TEST(ResponsesWriter, AStreamOfTextHasEveryEventInOrder) {
  ChatEvent usage = event(ChatEvent::Type::Usage);
  usage.usage.input_tokens = 9;
  usage.usage.output_tokens = 2;
  Stream expected;
  const std::string at = R"("item_id":"msg_0190-ab_c_0","output_index":0,"content_index":0,)";
  expected.begun()
      .add(
          "response.output_item.added",
          R"("output_index":0,"item":{"id":"msg_0190-ab_c_0","type":"message","status":"in_progress","role":"assistant","content":[]})")
      .add("response.content_part.added",
           at + R"("part":{"type":"output_text","text":"","annotations":[],"logprobs":[]})")
      .add("response.output_text.delta", at + R"("delta":"Hel","logprobs":[])")
      .add("response.output_text.delta", at + R"("delta":"lo","logprobs":[])")
      .add("response.output_text.done", at + R"("text":"Hello","logprobs":[])")
      .add("response.content_part.done",
           at + R"("part":{"type":"output_text","text":"Hello","annotations":[],"logprobs":[]})")
      .add("response.output_item.done", std::string(R"("output_index":0,"item":)") + kMessage)
      .add("response.completed",
           "\"response\":" +
               response("completed", kMessage,
                        R"({"input_tokens":9,"input_tokens_details":{"cached_tokens":0},)"
                        R"("output_tokens":2,"output_tokens_details":{"reasoning_tokens":0},)"
                        R"("total_tokens":11})"));
  EXPECT_EQ(written({start(), event(ChatEvent::Type::Text, "Hel"),
                     event(ChatEvent::Type::Text, "lo"), usage, finish(model::Finish::Stop)}),
            expected.text());
}

TEST(ResponsesWriter, ReasoningAndCallsHaveTheirEvents) {
  ChatEvent signature = event(ChatEvent::Type::Reasoning);
  signature.signature = "sig";
  Stream expected;
  const std::string reasoning = R"("item_id":"rs_0190-ab_c_0","output_index":0,"summary_index":0,)";
  const std::string reasoning_item =
      R"({"id":"rs_0190-ab_c_0","type":"reasoning","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"sig"})";
  const std::string call_at = R"("item_id":"fc_0190-ab_c_1","output_index":1,)";
  const std::string call_item =
      R"({"id":"fc_0190-ab_c_1","type":"function_call","status":"completed","arguments":"{\"a\":1}","call_id":"c1","name":"f"})";
  expected.begun()
      .add("response.output_item.added",
           R"("output_index":0,"item":{"id":"rs_0190-ab_c_0","type":"reasoning","summary":[]})")
      .add("response.reasoning_summary_part.added",
           reasoning + R"("part":{"type":"summary_text","text":""})")
      .add("response.reasoning_summary_text.delta", reasoning + R"("delta":"hm")")
      .add("response.reasoning_summary_text.done", reasoning + R"("text":"hm")")
      .add("response.reasoning_summary_part.done",
           reasoning + R"("part":{"type":"summary_text","text":"hm"})")
      .add("response.output_item.done", R"("output_index":0,"item":)" + reasoning_item)
      .add(
          "response.output_item.added",
          R"("output_index":1,"item":{"id":"fc_0190-ab_c_1","type":"function_call","status":"in_progress","arguments":"","call_id":"c1","name":"f"})")
      .add("response.function_call_arguments.delta", call_at + R"("delta":"{\"a\"")")
      .add("response.function_call_arguments.delta", call_at + R"("delta":":1}")")
      .add("response.function_call_arguments.done", call_at + R"("arguments":"{\"a\":1}")")
      .add("response.output_item.done", R"("output_index":1,"item":)" + call_item)
      .add("response.completed",
           "\"response\":" + response("completed", reasoning_item + "," + call_item));
  EXPECT_EQ(
      written({start(), event(ChatEvent::Type::Reasoning, "hm"), signature, call(0, "c1"),
               arguments(0, "{\"a\""), arguments(0, ":1}"), finish(model::Finish::ToolCalls)}),
      expected.text());
}

TEST(ResponsesWriter, InterleavedCallsLoseNothing) {
  const std::string out =
      written({start(), call(0, "a"), call(1, "b"), arguments(0, "{1"), arguments(1, "{2"),
               arguments(0, "}"), finish(model::Finish::ToolCalls)});
  const std::string whole = last_response(out);
  const auto items = JsonView(whole)["output"].items();
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0]["arguments"].text(), "{1}");
  EXPECT_EQ(items[1]["arguments"].text(), "{2");
}

TEST(ResponsesWriter, TheWholeOfAStreamIsTheAnswerHoweverItsDeltasAreCut) {
  model::ChatAnswer answer;
  answer.model = "claude";
  model::Choice& choice = answer.choices.emplace_back();
  choice.content = {part(Part::Type::Reasoning, "think", "sig"),
                    part(Part::Type::Reasoning, "", "blob"), part(Part::Type::Text, "answer"),
                    part(Part::Type::Refusal, "refuse")};
  choice.tool_calls = {{.id = "a", .name = "f", .arguments = "{\"x\":1}", .signature = {}}};
  choice.finish = model::Finish::Length;
  choice.logprobs = R"({"content":[{"logprob":-0.10},{"logprob":-2}]})";
  for (std::size_t size = 1; size <= 8; ++size) {
    std::vector<ChatEvent> events = {start()};
    const auto deltas = [&](ChatEvent::Type type, std::string_view text) {
      for (std::size_t at = 0; at < text.size(); at += size) {
        events.push_back(event(type, std::string(text.substr(at, size))));
      }
    };
    deltas(ChatEvent::Type::Reasoning, "think");
    for (const char* signature : {"sig", "blob"}) {
      events.push_back(event(ChatEvent::Type::Reasoning));
      events.back().signature = signature;
    }
    deltas(ChatEvent::Type::Text, "answer");
    events.push_back(event(ChatEvent::Type::Logprobs, R"({"content":[{"logprob":-0.10}]})"));
    events.push_back(event(ChatEvent::Type::Logprobs, R"({"content":[{"logprob":-2}]})"));
    deltas(ChatEvent::Type::Refusal, "refuse");
    events.push_back(call(0, "a"));
    deltas(ChatEvent::Type::ToolArguments, "{\"x\":1}");
    events.push_back(finish(model::Finish::Length));
    const std::string out = written(events);
    EXPECT_NE(out.find("event: response.incomplete\n"), std::string::npos);
    std::string expected = dialect().encode(answer, frame());
    const std::string whole = last_response(out);
    // The call was the last to be written, so it is the one cut short.
    const std::string completed = R"("function_call","status":"completed")";
    expected.replace(expected.find(completed), completed.size(),
                     R"("function_call","status":"incomplete")");
    EXPECT_EQ(whole, expected) << size;
  }
}

TEST(ResponsesWriter, ABrokenAnswerEndsWithItsErrorAndAsFailed) {
  auto writer = dialect().writer(frame());
  std::string out;
  writer->write(start(), out);
  const std::size_t begun = out.size();
  writer->write(event(ChatEvent::Type::Text, "a"), out);
  const std::size_t told = out.size();
  EXPECT_GT(told, begun);
  writer->fail(upstream_failed("It broke.", "secret"), out);
  writer->write(event(ChatEvent::Type::Text, "b"), out);
  writer->finish(out);
  EXPECT_EQ(
      out.substr(told),
      "event: error\ndata: {\"type\":\"error\",\"sequence_number\":5,\"code\":\"upstream_error\","
      "\"message\":\"It broke.\",\"param\":null}\n\n"
      "event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":6,"
      "\"response\":" +
          response("failed", "", "null", R"({"code":"server_error","message":"It broke."})") +
          "}\n\n");

  out.clear();
  dialect().writer(frame())->fail(timed_out("Too late."), out);
  EXPECT_EQ(out,
            "event: error\ndata: {\"type\":\"error\",\"sequence_number\":0,"
            "\"code\":\"timeout\",\"message\":\"Too late.\",\"param\":null}\n\n");
}

TEST(ResponsesWriter, AnAnswerTooLongToBeRepeatedFails) {
  auto writer = dialect().writer(frame());
  const ChatEvent big = event(ChatEvent::Type::Text, std::string(16U << 20U, 'x'));
  std::string out;
  for (int i = 0; i < 5; ++i) {
    out.clear();
    writer->write(big, out);
  }
  EXPECT_NE(out.find("event: response.failed\n"), std::string::npos);
  out.clear();
  writer->finish(out);
  EXPECT_EQ(out, "");
}

}  // namespace
}  // namespace headgate::dialects
