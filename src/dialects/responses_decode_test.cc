#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "dialects/responses.h"

namespace headgate::dialects {
namespace {

using model::Message;
using model::Part;

const Dialect& dialect() { return dialect_for(model::Dialect::Responses); }

std::string param_of(const std::string& body) {
  const auto request = dialect().decode(body);
  if (request) {
    return "accepted";
  }
  EXPECT_EQ(request.error().kind, ErrorKind::InvalidRequest) << body;
  return request.error().param;
}

std::string with(const std::string& members) {
  return R"({"model":"m","input":"Hi",)" + members + "}";
}

TEST(ResponsesDialect, AnInputOfTextIsAMessageBehindTheInstructions) {
  const auto request =
      dialect().decode(R"({"model":"m","instructions":"Be brief.","input":"Hi \u00e9"})");
  ASSERT_TRUE(request);
  ASSERT_EQ(request->messages.size(), 2U);
  EXPECT_EQ(request->messages[0].role, Message::Role::System);
  EXPECT_EQ(request->messages[0].content[0].text, "Be brief.");
  EXPECT_EQ(request->messages[1].role, Message::Role::User);
  EXPECT_EQ(request->messages[1].content[0].text, "Hi é");
}

TEST(ResponsesDialect, ItemsBecomeMessagesAndTheAssistantsAreJoined) {
  const auto request = dialect().decode(R"({"model":"m","input":[
    {"role":"developer","content":"Rules"},
    {"type":"message","role":"user","content":[{"type":"input_text","text":"a"},
      {"type":"input_image","image_url":"data:image/png;base64,iVBO","detail":"low"},
      {"type":"input_file","filename":"a.pdf","file_data":"data:application/pdf;base64,JVBE"},
      {"type":"input_file","file_url":"https://example.com/b.pdf"},
      {"type":"input_audio","input_audio":{"data":"AA","format":"wav"}}]},
    {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"h"},{"type":"summary_text","text":"m"}],"encrypted_content":"sig","status":null},
    {"type":"reasoning","id":"rs_2","summary":[],"encrypted_content":"blob"},
    {"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[
      {"type":"output_text","text":"Let me see.","annotations":[],"logprobs":[]},{"type":"refusal","refusal":"No."}]},
    {"type":"function_call","id":"fc_1","status":"completed","call_id":"c1","name":"f","arguments":"{\"n\":1.0}",
      "extra_content":{"google":{"thought_signature":"g"}}},
    {"type":"function_call","call_id":"c2","name":"g","arguments":"{}"},
    {"type":"function_call_output","call_id":"c1","output":"12"},
    {"type":"function_call_output","call_id":"c2","output":[{"type":"input_text","text":"x"},{"type":"input_image","image_url":"https://example.com/a.png"}]},
    {"role":"assistant","content":"Done."}]})");
  ASSERT_TRUE(request) << request.error().message;
  const auto& messages = request->messages;
  ASSERT_EQ(messages.size(), 6U);
  EXPECT_EQ(messages[0].role, Message::Role::System);
  ASSERT_EQ(messages[1].content.size(), 5U);
  EXPECT_EQ(messages[1].content[1].detail, "low");
  EXPECT_EQ(messages[1].content[2].name, "a.pdf");
  EXPECT_EQ(messages[1].content[3].url, "https://example.com/b.pdf");
  EXPECT_EQ(messages[1].content[4].media_type, "audio/wav");
  const Message& assistant = messages[2];
  EXPECT_EQ(assistant.role, Message::Role::Assistant);
  ASSERT_EQ(assistant.content.size(), 4U);
  EXPECT_EQ(assistant.content[0].type, Part::Type::Reasoning);
  EXPECT_EQ(assistant.content[0].text, "h\n\nm");
  EXPECT_EQ(assistant.content[0].signature, "sig");
  EXPECT_FALSE(assistant.content[0].redacted);
  EXPECT_EQ(assistant.content[1].signature, "blob");
  EXPECT_TRUE(assistant.content[1].redacted);
  EXPECT_EQ(assistant.content[2].text, "Let me see.");
  EXPECT_EQ(assistant.content[3].type, Part::Type::Refusal);
  ASSERT_EQ(assistant.tool_calls.size(), 2U);
  EXPECT_EQ(assistant.tool_calls[0].id, "c1");
  EXPECT_EQ(assistant.tool_calls[0].arguments, R"({"n":1.0})");
  EXPECT_EQ(assistant.tool_calls[0].signature, "g");
  EXPECT_EQ(messages[3].tool_call_id, "c1");
  EXPECT_EQ(messages[3].content[0].text, "12");
  EXPECT_EQ(messages[4].content[1].type, Part::Type::Image);
  EXPECT_EQ(messages[5].content[0].text, "Done.");
}

TEST(ResponsesDialect, EveryParameterIsDecoded) {
  const auto request = dialect().decode(with(
      R"("max_output_tokens":50,"temperature":0.7,"top_p":0.9,"top_logprobs":3,"user":"ann",
"reasoning":{"effort":"high","summary":"auto"},"parallel_tool_calls":false,
"tools":[{"type":"function","name":"f","description":"d","parameters":{"maximum":1e400},"strict":true}],
"tool_choice":{"type":"function","name":"f"},
"text":{"format":{"type":"json_schema","name":"inv","schema":{"type":"object"},"strict":true},"verbosity":"medium"})"));
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->max_tokens, 50);
  EXPECT_EQ(request->temperature, 0.7);
  EXPECT_EQ(request->top_p, 0.9);
  EXPECT_TRUE(request->logprobs);
  EXPECT_EQ(request->top_logprobs, 3);
  EXPECT_EQ(request->user, "ann");
  EXPECT_EQ(request->reasoning_effort, "high");
  EXPECT_EQ(request->parallel_tool_calls, false);
  EXPECT_EQ(request->tools[0].parameters, R"({"maximum":1e400})");
  EXPECT_EQ(request->tools[0].strict, true);
  EXPECT_EQ(request->tool_choice.name, "f");
  EXPECT_EQ(request->format.type, model::OutputFormat::Type::JsonSchema);
  EXPECT_EQ(request->format.name, "inv");
  EXPECT_FALSE(dialect().decode(with(R"("top_logprobs":0)"))->logprobs);
  EXPECT_TRUE(dialect().decode(with(R"("include":["message.output_text.logprobs"])"))->logprobs);
}

TEST(ResponsesDialect, AdviceAndWhatTheRouteDoesAreAccepted) {
  for (const char* members :
       {R"("store":false)", R"("metadata":{"a":"b"})", R"("previous_response_id":"resp_1")",
        R"("background":true)", R"("stream":true,"stream_options":{"include_obfuscation":false})",
        R"("include":["reasoning.encrypted_content"])", R"("truncation":"disabled")",
        R"("service_tier":"auto")", R"("max_tool_calls":3)", R"("prompt_cache_key":"k")",
        R"("safety_identifier":"s")", R"("conversation":null,"prompt":null)",
        R"("text":{"format":{"type":"text"}})"}) {
    EXPECT_EQ(param_of(with(members)), "accepted") << members;
  }
}

TEST(ResponsesDialect, WhatHasNoNeutralFormIsRefusedByItsName) {
  for (const auto& [members, param] : {
           std::pair{R"("tools":[{"type":"web_search"}])", "tools[0].type"},
           std::pair{R"("tools":[{"type":"mcp","server_url":"x"}])", "tools[0].type"},
           std::pair{R"("tools":[{"type":"function"}])", "tools[0].name"},
           std::pair{R"("tool_choice":{"type":"file_search"})", "tool_choice.type"},
           std::pair{R"("tool_choice":"some")", "tool_choice"},
           std::pair{R"("conversation":"conv_1")", "conversation"},
           std::pair{R"("prompt":{"id":"p"})", "prompt"},
           std::pair{R"("truncation":"auto")", "truncation"},
           std::pair{R"("include":["everything"])", "include"},
           std::pair{R"("text":{"verbosity":"low"})", "text.verbosity"},
           std::pair{R"("text":{"format":{"type":"grammar"}})", "text.format.type"},
           std::pair{R"("text":{"format":{"type":"json_schema","schema":{}}})", "text.format.name"},
           std::pair{R"("reasoning":{"depth":1})", "reasoning.depth"},
           std::pair{R"("seed":1)", "seed"},
           std::pair{R"("max_output_tokens":0)", "max_output_tokens"},
           std::pair{R"("instructions":["a"])", "instructions"},
       }) {
    EXPECT_EQ(param_of(with(members)), param) << members;
  }
}

TEST(ResponsesDialect, WhatIsWrongInAnItemIsNamedByItsPlace) {
  const auto of = [](const std::string& item) { return param_of(R"({"input":[)" + item + "]}"); };
  const auto part = [&](const std::string& value) {
    return of(R"({"role":"user","content":[)" + value + "]}");
  };
  EXPECT_EQ(param_of(R"({"model":"m"})"), "input");
  EXPECT_EQ(param_of(R"({"input":[]})"), "input");
  EXPECT_EQ(param_of(R"({"input":7})"), "input");
  EXPECT_EQ(of("7"), "input[0]");
  EXPECT_EQ(of(R"({"type":"web_search_call","id":"ws"})"), "input[0].type");
  EXPECT_EQ(of(R"({"type":"item_reference","id":"msg_1"})"), "input[0]");
  EXPECT_EQ(of(R"({"content":"a"})"), "input[0].role");
  EXPECT_EQ(of(R"({"role":"tool","content":"a"})"), "input[0].role");
  EXPECT_EQ(of(R"({"role":"user"})"), "input[0].content");
  EXPECT_EQ(of(R"({"role":"user","content":"a","mood":"x"})"), "input[0].mood");
  EXPECT_EQ(of(R"({"type":"function_call","name":"f","arguments":""})"), "input[0].call_id");
  EXPECT_EQ(of(R"({"type":"function_call_output","call_id":"c"})"), "input[0].output");
  EXPECT_EQ(part(R"({"type":"text","text":"a"})"), "input[0].content[0].type");
  EXPECT_EQ(part(R"({"type":"output_text","text":"a"})"), "input[0].content[0].type");
  EXPECT_EQ(part(R"({"type":"input_image","file_id":"file-1"})"), "input[0].content[0].file_id");
  EXPECT_EQ(part(R"({"type":"input_image","image_url":{"url":"https://a/b"}})"),
            "input[0].content[0].image_url");
  EXPECT_EQ(part(R"({"type":"input_file","file_id":"file-1"})"), "input[0].content[0].file_id");
  EXPECT_EQ(part(R"({"type":"input_file","file_url":"file:///a"})"),
            "input[0].content[0].file_url");
}

}  // namespace
}  // namespace headgate::dialects
