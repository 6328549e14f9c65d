#include <string>

#include <gtest/gtest.h>

#include "dialects/anthropic.h"

namespace headgate::dialects {
namespace {

using model::ChatRequest;
using model::Message;
using model::Part;

/// A request with these members besides those it must have.
std::string body_with(const std::string& members) {
  return R"({"model":"m","max_tokens":100,"messages":[{"role":"user","content":"Hi"}])" +
         (members.empty() ? "" : "," + members) + "}";
}

std::string body_of(const std::string& messages) {
  return R"({"model":"m","max_tokens":100,"messages":[)" + messages + "]}";
}

ChatRequest decoded(const std::string& body) {
  auto request = decode_anthropic(body);
  EXPECT_TRUE(request) << request.error().message;
  return request ? *request : ChatRequest{};
}

/// The member that is blamed.
std::string blamed(const std::string& body) {
  const auto request = decode_anthropic(body);
  if (request) {
    return "taken";
  }
  EXPECT_EQ(request.error().kind, ErrorKind::InvalidRequest);
  EXPECT_FALSE(request.error().message.empty());
  return request.error().param;
}

TEST(AnthropicRequest, ASimpleRequestIsOneMessage) {
  const ChatRequest request =
      decoded(body_with(R"("stream":true,"metadata":{"user_id":"u-1"},"service_tier":"auto",)"
                        R"("speed":null,"cache_control":{"type":"ephemeral"})"));
  ASSERT_EQ(request.messages.size(), 1U);
  EXPECT_EQ(request.messages[0].role, Message::Role::User);
  EXPECT_EQ(request.messages[0].content[0].text, "Hi");
  EXPECT_EQ(request.max_tokens, 100);
  EXPECT_EQ(request.user, "u-1");
  EXPECT_FALSE(request.reasoning_tokens);
  EXPECT_EQ(request.format.type, model::OutputFormat::Type::Text);
}

TEST(AnthropicRequest, SystemTextsComeFirstAndInTheMidst) {
  const ChatRequest plain = decoded(body_with(R"("system":"Be brief.")"));
  ASSERT_EQ(plain.messages.size(), 2U);
  EXPECT_EQ(plain.messages[0].role, Message::Role::System);
  EXPECT_EQ(plain.messages[0].content[0].text, "Be brief.");
  const ChatRequest blocks = decoded(
      R"({"model":"m","max_tokens":1,"system":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}},)"
      R"({"type":"text","text":"b"}],"messages":[{"role":"user","content":"?"},)"
      R"({"role":"system","content":"c"}]})");
  ASSERT_EQ(blocks.messages.size(), 3U);
  EXPECT_EQ(blocks.messages[0].content[1].text, "b");
  EXPECT_EQ(blocks.messages[2].role, Message::Role::System);
}

TEST(AnthropicRequest, SamplingAndStopsAreTaken) {
  const ChatRequest request = decoded(
      body_with(R"("temperature":0.5,"top_p":0.25,"top_k":40,"stop_sequences":["END","\n"])"));
  EXPECT_EQ(request.temperature, 0.5);
  EXPECT_EQ(request.top_p, 0.25);
  EXPECT_EQ(request.top_k, 40);
  EXPECT_EQ(request.stop, (std::vector<std::string>{"END", "\n"}));
}

TEST(AnthropicRequest, ImagesAndDocumentsAreParts) {
  const ChatRequest request = decoded(body_of(
      R"({"role":"user","content":[)"
      R"({"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBO"}},)"
      R"({"type":"image","source":{"type":"url","url":"https://example.com/a.png"}},)"
      R"({"type":"document","title":"a.pdf","citations":{"enabled":false},)"
      R"("source":{"type":"base64","media_type":"application/pdf","data":"JVBE"}},)"
      R"({"type":"document","source":{"type":"url","url":"https://example.com/a.pdf"}},)"
      R"({"type":"document","source":{"type":"text","media_type":"text/plain","data":"note"}}]})"));
  const auto& parts = request.messages.at(0).content;
  ASSERT_EQ(parts.size(), 5U);
  EXPECT_EQ(parts[0].type, Part::Type::Image);
  EXPECT_EQ(parts[0].media_type, "image/png");
  EXPECT_EQ(parts[0].data, "iVBO");
  EXPECT_EQ(parts[1].url, "https://example.com/a.png");
  EXPECT_EQ(parts[2].type, Part::Type::File);
  EXPECT_EQ(parts[2].name, "a.pdf");
  EXPECT_EQ(parts[2].data, "JVBE");
  EXPECT_EQ(parts[3].url, "https://example.com/a.pdf");
  EXPECT_EQ(parts[3].media_type, "application/pdf");
  EXPECT_EQ(parts[4].media_type, "text/plain");
  EXPECT_EQ(parts[4].data, "bm90ZQ==");
}

TEST(AnthropicRequest, CallsAndTheirResultsAreMessagesOfTheirOwn) {
  const ChatRequest request = decoded(body_of(
      R"({"role":"user","content":"?"},)"
      R"({"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"c2ln"},)"
      R"({"type":"redacted_thinking","data":"ZW5j"},{"type":"text","text":"Let me see."},)"
      R"({"type":"tool_use","id":"toolu_1","name":"f","input":{"id": 12345678901234567890},)"
      R"("caller":{"type":"direct"}}]},)"
      R"({"role":"user","content":[)"
      R"({"type":"tool_result","tool_use_id":"toolu_1","content":"12C"},)"
      R"({"type":"tool_result","tool_use_id":"toolu_2","is_error":true,)"
      R"("content":[{"type":"text","text":"no"},)"
      R"({"type":"image","source":{"type":"url","url":"https://example.com/x"}}]},)"
      R"({"type":"tool_result","tool_use_id":"toolu_3"},{"type":"text","text":"And?"}]})"));
  ASSERT_EQ(request.messages.size(), 6U);
  const Message& assistant = request.messages[1];
  ASSERT_EQ(assistant.content.size(), 3U);
  EXPECT_EQ(assistant.content[0].type, Part::Type::Reasoning);
  EXPECT_EQ(assistant.content[0].text, "hm");
  EXPECT_EQ(assistant.content[0].signature, "c2ln");
  EXPECT_TRUE(assistant.content[1].redacted);
  EXPECT_EQ(assistant.content[1].signature, "ZW5j");
  ASSERT_EQ(assistant.tool_calls.size(), 1U);
  EXPECT_EQ(assistant.tool_calls[0].id, "toolu_1");
  EXPECT_EQ(assistant.tool_calls[0].arguments, R"({"id": 12345678901234567890})");
  EXPECT_EQ(request.messages[2].role, Message::Role::Tool);
  EXPECT_EQ(request.messages[2].tool_call_id, "toolu_1");
  EXPECT_EQ(request.messages[2].content[0].text, "12C");
  EXPECT_EQ(request.messages[2].outcome, Message::Outcome::Ok);
  EXPECT_EQ(request.messages[3].outcome, Message::Outcome::Failed);
  EXPECT_EQ(request.messages[3].content[1].type, Part::Type::Image);
  EXPECT_TRUE(request.messages[4].content.empty());
  EXPECT_EQ(request.messages[5].role, Message::Role::User);
  EXPECT_EQ(request.messages[5].content[0].text, "And?");
}

TEST(AnthropicRequest, ToolsAndTheirChoiceAreTaken) {
  const ChatRequest request = decoded(body_with(
      R"("tools":[{"name":"f","description":"d","input_schema":{"type": "object","maximum":1e400},)"
      R"("strict":true,"type":"custom","cache_control":{"type":"ephemeral"}}],)"
      R"("tool_choice":{"type":"tool","name":"f","disable_parallel_tool_use":true})"));
  ASSERT_EQ(request.tools.size(), 1U);
  EXPECT_EQ(request.tools[0].name, "f");
  EXPECT_EQ(request.tools[0].description, "d");
  EXPECT_EQ(request.tools[0].parameters, R"({"type": "object","maximum":1e400})");
  EXPECT_EQ(request.tools[0].strict, true);
  EXPECT_EQ(request.tool_choice.mode, model::ToolChoice::Mode::Named);
  EXPECT_EQ(request.tool_choice.name, "f");
  EXPECT_EQ(request.parallel_tool_calls, false);
  const auto mode_of = [](const std::string& type) {
    return decoded(body_with(R"("tool_choice":{"type":")" + type + "\"}")).tool_choice.mode;
  };
  EXPECT_EQ(mode_of("auto"), model::ToolChoice::Mode::Auto);
  EXPECT_EQ(mode_of("any"), model::ToolChoice::Mode::Required);
  EXPECT_EQ(mode_of("none"), model::ToolChoice::Mode::None);
}

TEST(AnthropicRequest, ThinkingEffortAndFormatAreTaken) {
  const auto tokens = [](const std::string& thinking) {
    return decoded(body_with("\"thinking\":" + thinking)).reasoning_tokens;
  };
  EXPECT_EQ(tokens(R"({"type":"enabled","budget_tokens":2048,"display":"omitted"})"), 2048);
  EXPECT_EQ(tokens(R"({"type":"disabled"})"), 0);
  EXPECT_EQ(tokens(R"({"type":"adaptive"})"), std::nullopt);
  const ChatRequest request = decoded(body_with(
      R"("output_config":{"effort":"max","format":{"type":"json_schema","schema":{"type": "object"}}})"));
  EXPECT_EQ(request.reasoning_effort, "max");
  EXPECT_EQ(request.format.type, model::OutputFormat::Type::JsonSchema);
  EXPECT_EQ(request.format.schema, R"({"type": "object"})");
  EXPECT_EQ(request.format.strict, true);
}

TEST(AnthropicRequest, WhatIsMissingIsNamed) {
  EXPECT_EQ(blamed(R"({"model":"m","messages":[{"role":"user","content":"Hi"}]})"), "max_tokens");
  EXPECT_EQ(blamed(R"({"model":"m","max_tokens":1})"), "messages");
  EXPECT_EQ(blamed(body_of("")), "messages");
  EXPECT_EQ(blamed(body_of(R"({"role":"user","content":[]})")), "messages");
  EXPECT_EQ(blamed(body_of(R"({"role":"user"})")), "messages[0].content");
  EXPECT_EQ(blamed(body_of(R"({"content":"Hi"})")), "messages[0].role");
  EXPECT_EQ(blamed(body_of(R"({"role":"user","content":[{"type":"text"}]})")),
            "messages[0].content[0].text");
  EXPECT_EQ(blamed(body_of(R"({"role":"user","content":[{"type":"image"}]})")),
            "messages[0].content[0].source");
  EXPECT_EQ(blamed(body_of(
                R"({"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f"}]})")),
            "messages[0].content[0].input");
  EXPECT_EQ(blamed(body_with(R"("tools":[{"name":"f"}])")), "tools[0].input_schema");
  EXPECT_EQ(blamed(body_with(R"("tools":[{"input_schema":{}}])")), "tools[0].name");
  EXPECT_EQ(blamed(body_with(R"("tool_choice":{"type":"tool"})")), "tool_choice.name");
  EXPECT_EQ(blamed(body_with(R"("thinking":{"type":"enabled"})")), "thinking.budget_tokens");
  EXPECT_EQ(blamed(body_with(R"("thinking":{})")), "thinking.type");
  EXPECT_EQ(blamed(body_with(R"("output_config":{"format":{"type":"json_schema"}})")),
            "output_config.format.schema");
}

TEST(AnthropicRequest, WhatIsWrongIsNamed) {
  EXPECT_EQ(blamed(R"({"model":"m","max_tokens":0,"messages":[{"role":"user","content":"Hi"}]})"),
            "max_tokens");
  EXPECT_EQ(blamed(body_of(R"({"role":"tool","content":"Hi"})")), "messages[0].role");
  EXPECT_EQ(blamed(body_of(R"({"role":"user","content":7})")), "messages[0].content");
  EXPECT_EQ(blamed(body_of("7")), "messages[0]");
  EXPECT_EQ(blamed(R"({"max_tokens":1,"messages":{}})"), "messages");
  EXPECT_EQ(blamed(body_with(R"("system":7)")), "system");
  EXPECT_EQ(blamed(body_with(R"("temperature":1.5)")), "temperature");
  EXPECT_EQ(blamed(body_with(R"("stop_sequences":"END")")), "stop_sequences");
  EXPECT_EQ(blamed(body_with(R"("stop_sequences":[7])")), "stop_sequences[0]");
  EXPECT_EQ(blamed(body_with(R"("tools":{})")), "tools");
  EXPECT_EQ(blamed(body_with(R"("tool_choice":"auto")")), "tool_choice");
  EXPECT_EQ(blamed(body_with(R"("thinking":{"type":"enabled","budget_tokens":10})")),
            "thinking.budget_tokens");
  EXPECT_EQ(blamed(body_with(R"("output_config":{"effort":"feverish"})")), "output_config.effort");
  EXPECT_EQ(blamed(body_of(R"({"role":"user","content":[{"type":"text","text":"?"},)"
                           R"({"type":"tool_result","tool_use_id":"a","content":"b"}]})")),
            "messages[0].content[1]");
}

TEST(AnthropicRequest, WhatHasNoNeutralFormIsRefusedByName) {
  for (const std::string member : {"container", "inference_geo", "mcp_servers",
                                   "context_management", "diagnostics", "temprature"}) {
    EXPECT_EQ(blamed(body_with("\"" + member + "\":{\"a\":1}")), member);
    EXPECT_EQ(blamed(body_with("\"" + member + "\":null")), "taken");
  }
  EXPECT_EQ(blamed(body_with(R"("speed":"fast")")), "speed");
  EXPECT_EQ(blamed(body_with(R"("thinking":{"type":"between_tools"})")), "thinking.type");
  EXPECT_EQ(blamed(body_with(R"("metadata":{"x":1})")), "metadata.x");
  EXPECT_EQ(blamed(body_with(
                R"("tools":[{"type":"web_search_20250305","name":"web_search","max_uses":3}])")),
            "tools[0].type");
  const auto block = [](const std::string& role, const std::string& text) {
    return blamed(body_of(R"({"role":")" + role + R"(","content":[)" + text + "]}"));
  };
  EXPECT_EQ(block("user", R"({"type":"search_result","source":"x"})"),
            "messages[0].content[0].type");
  EXPECT_EQ(block("user", R"({"type":"image","source":{"type":"file","file_id":"f"}})"),
            "messages[0].content[0].source.type");
  EXPECT_EQ(block("user", R"({"type":"document","source":{"type":"content","content":[]}})"),
            "messages[0].content[0].source.type");
  EXPECT_EQ(block("user", R"({"type":"document","context":"x","source":{"type":"url","url":"u"}})"),
            "messages[0].content[0].context");
  EXPECT_EQ(block("user", R"({"type":"document","citations":{"enabled":true},)"
                          R"("source":{"type":"url","url":"u"}})"),
            "messages[0].content[0].citations");
  EXPECT_EQ(block("assistant", R"({"type":"server_tool_use","id":"s"})"),
            "messages[0].content[0].type");
  EXPECT_EQ(block("assistant", R"({"type":"text","text":"a","citations":[{"type":"x"}]})"),
            "messages[0].content[0].citations");
  EXPECT_EQ(block("assistant", R"({"type":"text","text":"a","citations":null})"), "taken");
  EXPECT_EQ(block("system", R"({"type":"image"})"), "messages[0].content[0].type");
}

}  // namespace
}  // namespace headgate::dialects
