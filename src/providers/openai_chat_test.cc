#include "providers/openai_chat.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "providers/chat_testing.h"

namespace headgate::providers {
namespace {

using model::ChatRequest;
using model::Message;
using model::Part;

const Provider& openai() { return *provider_for("openai"); }

Part text_part(std::string text) {
  Part part;
  part.text = std::move(text);
  return part;
}

Part data_part(Part::Type type, std::string media_type, std::string data) {
  Part part;
  part.type = type;
  part.media_type = std::move(media_type);
  part.data = std::move(data);
  return part;
}

Message message(Message::Role role, std::vector<Part> content) {
  Message made;
  made.role = role;
  made.content = std::move(content);
  return made;
}

ChatRequest hello() {
  ChatRequest request;
  request.messages.push_back(message(Message::Role::User, {text_part("Hi")}));
  return request;
}

std::string encoded(const ChatRequest& request, std::string model = "m",
                    model::Delivery delivery = model::Delivery::Whole) {
  const std::string json_model = '"' + model + '"';
  auto wire = openai().encode_chat(request, delivery,
                                   {.model = std::move(model), .json_model = json_model});
  if (!wire) {
    return wire.error().param + ": " + wire.error().message;
  }
  EXPECT_EQ(wire->path, "/chat/completions");
  const WireRequest moved = *std::move(wire);
  return std::string(moved.body[0]);
}

TEST(OpenAiChat, AConversationWithImagesAndToolsIsWrittenInTheVendorsWords) {
  ChatRequest request;
  request.messages.push_back(message(Message::Role::System, {text_part("Be \"brief\".")}));
  Part image = data_part(Part::Type::Image, "image/png", "iVBO");
  image.detail = "low";
  request.messages.push_back(message(Message::Role::User, {text_part("Weather?"), image}));
  Message asked = message(Message::Role::Assistant, {});
  asked.tool_calls.push_back(
      {.id = "call_9", .name = "weather", .arguments = R"({"city":"Oslo"})", .signature = "sig"});
  request.messages.push_back(asked);
  Message result = message(Message::Role::Tool, {text_part("12 C")});
  result.tool_call_id = "call_9";
  request.messages.push_back(result);
  request.tools.push_back({.name = "weather",
                           .description = "Tells it",
                           .parameters = R"({"type":"object","maximum":1e400})",
                           .strict = true});
  request.tool_choice.mode = model::ToolChoice::Mode::Auto;
  request.parallel_tool_calls = false;
  EXPECT_EQ(
      encoded(request),
      R"({"model":"m","messages":[{"role":"system","content":"Be \"brief\"."},)"
      R"({"role":"user","content":[{"type":"text","text":"Weather?"},)"
      R"({"type":"image_url","image_url":{"url":"data:image/png;base64,iVBO","detail":"low"}}]},)"
      R"({"role":"assistant","content":null,"tool_calls":[{"id":"call_9","type":"function",)"
      R"("function":{"name":"weather","arguments":"{\"city\":\"Oslo\"}"}}]},)"
      R"({"role":"tool","tool_call_id":"call_9","content":"12 C"}],)"
      R"("tools":[{"type":"function","function":{"name":"weather","description":"Tells it",)"
      R"("parameters":{"type":"object","maximum":1e400},"strict":true}}],)"
      R"("parallel_tool_calls":false,"tool_choice":"auto"})");
}

TEST(OpenAiChat, EveryParameterHasItsName) {
  ChatRequest request = hello();
  request.max_tokens = 50;
  request.temperature = 0.7;
  request.top_p = 0.9;
  request.top_k = 40;
  request.seed = INT64_MAX;
  request.presence_penalty = -1;
  request.frequency_penalty = 1.5;
  request.stop = {"a", "\n"};
  request.choices = 2;
  request.logprobs = true;
  request.top_logprobs = 3;
  request.logit_bias = R"({"50256":-100})";
  request.reasoning_effort = "low";
  request.user = "ann";
  request.format = {.type = model::OutputFormat::Type::JsonSchema,
                    .name = "inv",
                    .description = "An invoice",
                    .schema = R"({"type":"object"})",
                    .strict = true};
  EXPECT_EQ(
      encoded(request, "m", model::Delivery::Stream),
      R"({"model":"m","messages":[{"role":"user","content":"Hi"}],)"
      R"("response_format":{"type":"json_schema","json_schema":{"name":"inv",)"
      R"("description":"An invoice","schema":{"type":"object"},"strict":true}},)"
      R"("max_tokens":50,"temperature":0.7,"top_p":0.9,"top_k":40,"seed":9223372036854775807,)"
      R"("presence_penalty":-1,"frequency_penalty":1.5,"stop":["a","\n"],"n":2,"logprobs":true,)"
      R"("top_logprobs":3,"logit_bias":{"50256":-100},"reasoning_effort":"low","user":"ann",)"
      R"("stream":true,"stream_options":{"include_usage":true}})");
}

TEST(OpenAiChat, TheLimitOfTheAnswerHasTheNameThatTheModelTakes) {
  ChatRequest request = hello();
  request.max_tokens = 7;
  for (const char* model :
       {"o1", "o3-mini", "o4-mini-2025-04-16", "gpt-5", "gpt-5.1", "gpt-10", "openai/gpt-5-nano"}) {
    EXPECT_NE(encoded(request, model).find("\"max_completion_tokens\":7"), std::string::npos)
        << model;
  }
  for (const char* model :
       {"gpt-4o", "gpt-oss-20b", "openai/gpt-oss-120b", "olmo", "o3x", "gpt-1", "org/llama"}) {
    EXPECT_NE(encoded(request, model).find("\"max_tokens\":7"), std::string::npos) << model;
  }
}

TEST(OpenAiChat, AChoiceOfToolsIsNamedOnlyWhereThereAreTools) {
  ChatRequest request = hello();
  request.tool_choice.mode = model::ToolChoice::Mode::None;
  request.parallel_tool_calls = true;
  EXPECT_EQ(encoded(request), R"({"model":"m","messages":[{"role":"user","content":"Hi"}]})");
  request.tool_choice = {.mode = model::ToolChoice::Mode::Named, .name = "f"};
  EXPECT_NE(encoded(request).find(R"("tool_choice":{"type":"function","function":{"name":"f"}})"),
            std::string::npos);
}

TEST(OpenAiChat, ABudgetOfReasoningBecomesAnEffort) {
  ChatRequest request = hello();
  for (const auto& [budget, effort] :
       {std::pair{1024, "low"}, std::pair{10'000, "medium"}, std::pair{32'000, "high"}}) {
    request.reasoning_tokens = budget;
    EXPECT_NE(encoded(request).find("\"reasoning_effort\":\"" + std::string(effort) + "\""),
              std::string::npos)
        << budget;
  }
  request.reasoning_tokens = 0;
  EXPECT_EQ(encoded(request).find("reasoning_effort"), std::string::npos);
}

TEST(OpenAiChat, PicturesInToolResultsFollowTheLastOfThem) {
  ChatRequest request = hello();
  Message asked = message(Message::Role::Assistant, {});
  asked.tool_calls = {{.id = "a", .name = "f", .arguments = "{}", .signature = {}},
                      {.id = "b", .name = "f", .arguments = "{}", .signature = {}}};
  request.messages.push_back(asked);
  Message first = message(Message::Role::Tool,
                          {text_part("shot"), data_part(Part::Type::Image, "image/png", "AA")});
  first.tool_call_id = "a";
  Message second = message(Message::Role::Tool, {text_part("no such file")});
  second.tool_call_id = "b";
  second.outcome = Message::Outcome::Failed;
  request.messages.push_back(first);
  request.messages.push_back(second);
  request.messages.push_back(message(Message::Role::User, {text_part("So?")}));
  const std::string body = encoded(request);
  EXPECT_NE(body.find(R"({"role":"tool","tool_call_id":"a","content":"shot"},)"
                      R"({"role":"tool","tool_call_id":"b","content":"Error: no such file"},)"
                      R"({"role":"user","content":[{"type":"image_url","image_url":{"url":"data:)"
                      R"(image/png;base64,AA"}}]},{"role":"user","content":"So?"}])"),
            std::string::npos)
      << body;
}

TEST(OpenAiChat, EarlierReasoningStaysAndRefusalsGoBack) {
  ChatRequest request = hello();
  Part reasoning = text_part("hm");
  reasoning.type = Part::Type::Reasoning;
  Part refusal = text_part("No.");
  refusal.type = Part::Type::Refusal;
  request.messages.push_back(message(Message::Role::Assistant, {reasoning, refusal}));
  request.messages.push_back(message(Message::Role::Assistant, {reasoning}));
  EXPECT_EQ(encoded(request),
            R"({"model":"m","messages":[{"role":"user","content":"Hi"},)"
            R"({"role":"assistant","content":[{"type":"refusal","refusal":"No."}]},)"
            R"({"role":"assistant","content":""}]})");
}

TEST(OpenAiChat, FilesAndSoundAreSentWhereTheVendorHasAFormForThem) {
  ChatRequest request = hello();
  Part file = data_part(Part::Type::File, "application/pdf", "JVBE");
  file.name = "a.pdf";
  request.messages[0].content = {file, data_part(Part::Type::Audio, "audio/mpeg", "SUQz")};
  EXPECT_EQ(encoded(request),
            R"({"model":"m","messages":[{"role":"user","content":[{"type":"file","file":)"
            R"({"filename":"a.pdf","file_data":"data:application/pdf;base64,JVBE"}},)"
            R"({"type":"input_audio","input_audio":{"data":"SUQz","format":"mp3"}}]}]})");
  request.messages[0].content = {data_part(Part::Type::Audio, "audio/flac", "AA")};
  EXPECT_TRUE(encoded(request).starts_with("messages[0].content: "));
  file.data.clear();
  file.url = "https://example.com/a.pdf";
  request.messages[0].content = {file};
  EXPECT_TRUE(encoded(request).starts_with("messages[0].content: "));
  request.messages[0] = message(Message::Role::System, {data_part(Part::Type::Image, "a/b", "AA")});
  EXPECT_TRUE(encoded(request).starts_with("messages[0].content: "));
}

TEST(OpenAiChat, AWholeAnswerIsReadWithEverythingInIt) {
  const auto answer = openai().decode_chat(
      R"({"id":"chatcmpl-1","object":"chat.completion","created":1747000000,"model":"gpt-x",
 "choices":[{"index":0,"message":{"role":"assistant","reasoning_content":"hm","content":"Hi \u00e9",
  "refusal":null,"tool_calls":[{"id":"call_9","type":"function","function":{"name":"f",
  "arguments":"{\"n\":12345678901234567890}"}}]},
  "logprobs":{"content":[{"token":"Hi","bytes":[72,105],"logprob":-0.010,"top_logprobs":[]}],"refusal":null},
  "finish_reason":"stop"},
  {"index":1,"message":{"role":"assistant","content":null,"refusal":"No."},"finish_reason":"length"}],
 "usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,
  "prompt_tokens_details":{"cached_tokens":8},"completion_tokens_details":{"reasoning_tokens":1}}})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->id, "chatcmpl-1");
  EXPECT_EQ(answer->model, "gpt-x");
  EXPECT_EQ(describe(answer->usage), "9+2 cached 8 written -1 reasoning 1");
  ASSERT_EQ(answer->choices.size(), 2U);
  const model::Choice& first = answer->choices[0];
  ASSERT_EQ(first.content.size(), 2U);
  EXPECT_EQ(first.content[0].type, Part::Type::Reasoning);
  EXPECT_EQ(first.content[0].text, "hm");
  EXPECT_EQ(first.content[1].text, "Hi é");
  ASSERT_EQ(first.tool_calls.size(), 1U);
  EXPECT_EQ(first.tool_calls[0].id, "call_9");
  EXPECT_EQ(first.tool_calls[0].arguments, R"({"n":12345678901234567890})");
  EXPECT_EQ(first.finish, model::Finish::ToolCalls) << "whatever the server says behind calls";
  EXPECT_NE(first.logprobs.find("-0.010,"), std::string::npos) << "numbers as they came";
  EXPECT_EQ(answer->choices[1].content[0].type, Part::Type::Refusal);
  EXPECT_EQ(answer->choices[1].finish, model::Finish::Length);
}

TEST(OpenAiChat, TheWaysOfCompatibleServersAreUnderstood) {
  const auto answer = openai().decode_chat(
      R"({"id":"x","choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"reasoning":"r"},)"
      R"("finish_reason":"stop","stop_reason":"END"},)"
      R"({"message":{"content":"","tool_calls":[{"function":{"name":"f","arguments":{"a":1.50}}}]},"finish_reason":null}]})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->choices[0].content.size(), 3U);
  EXPECT_EQ(answer->choices[0].finish, model::Finish::StopSequence);
  EXPECT_EQ(answer->choices[0].stop_sequence, "END");
  EXPECT_EQ(answer->choices[1].tool_calls[0].id, "call_x_0");
  EXPECT_EQ(answer->choices[1].tool_calls[0].arguments, R"({"a":1.50})");
  EXPECT_EQ(answer->usage.input_tokens, -1);
}

TEST(OpenAiChat, WhatIsNoAnswerIsAFailure) {
  for (const char* body : {"", "<html>", "{}", "[]", R"({"choices":[]})", R"({"choices":[{}]})",
                           R"({"choices":[{"message":{"content":"a"},"finish_reason":"abort"}]})",
                           R"({"error":{"message":"boom","type":"server_error"}})"}) {
    const auto answer = openai().decode_chat(body);
    ASSERT_FALSE(answer) << body;
    EXPECT_EQ(answer.error().kind, ErrorKind::UpstreamFailed) << body;
    EXPECT_EQ(answer.error().message.find("boom"), std::string::npos);
  }
  const auto refused = openai().decode_chat(R"({"error":{"message":"too hot","code":400}})");
  EXPECT_EQ(refused.error().kind, ErrorKind::InvalidRequest);
}

}  // namespace
}  // namespace headgate::providers
