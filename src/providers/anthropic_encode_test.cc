#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "providers/anthropic_wire.h"

namespace headgate::providers {
namespace {

using model::Message;
using model::Part;

const TargetName kTarget{.model = "claude-x", .json_model = "\"claude-x\"", .max_output = 0};

Part text(std::string words) {
  Part part;
  part.text = std::move(words);
  return part;
}

Part of_type(Part::Type type) {
  Part part;
  part.type = type;
  return part;
}

Message said(Message::Role role, std::vector<Part> parts) {
  Message message;
  message.role = role;
  message.content = std::move(parts);
  return message;
}

Message user(std::string words) { return said(Message::Role::User, {text(std::move(words))}); }

Message result_of(std::string id, std::string words) {
  Message message = said(Message::Role::Tool, {text(std::move(words))});
  message.tool_call_id = std::move(id);
  return message;
}

Message calls(std::vector<model::ToolCall> tool_calls, std::vector<Part> parts = {}) {
  Message message = said(Message::Role::Assistant, std::move(parts));
  message.tool_calls = std::move(tool_calls);
  return message;
}

model::ChatRequest asking(std::vector<Message> messages = {user("Hi")}) {
  model::ChatRequest request;
  request.messages = std::move(messages);
  return request;
}

std::string encoded(const model::ChatRequest& request, const TargetName& target = kTarget,
                    model::Delivery delivery = model::Delivery::Whole) {
  const auto wire = encode_anthropic_chat(request, delivery, target);
  return wire ? std::string(wire->body[0]) : wire.error().message + " | " + wire.error().param;
}

/// What the body has behind the greeting that all requests here have.
std::string behind_greeting(const model::ChatRequest& request, const TargetName& target = kTarget) {
  constexpr std::string_view kGreeting =
      R"("messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}])";
  const std::string body = encoded(request, target);
  const std::size_t at = body.find(kGreeting);
  return at == std::string::npos ? body : body.substr(at + kGreeting.size());
}

std::string messages_of(const model::ChatRequest& request) {
  const std::string body = encoded(request);
  const JsonView messages = JsonView(body)["messages"];
  return messages.given() ? std::string(messages.raw()) : body;
}

TEST(AnthropicEncode, ASimpleChatIsAPostToMessages) {
  const auto wire = encode_anthropic_chat(asking(), model::Delivery::Whole, kTarget);
  ASSERT_TRUE(wire);
  EXPECT_EQ(wire->path, "/v1/messages");
  EXPECT_EQ(wire->body[0],
            R"({"model":"claude-x","max_tokens":4096,)"
            R"("messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]})");
  EXPECT_NE(wire->fields.find("anthropic-version: 2026-10-21\r\n"), std::string_view::npos);
  EXPECT_NE(encoded(asking(), kTarget, model::Delivery::Stream).find(R"("stream":true)"),
            std::string::npos);
}

TEST(AnthropicEncode, MaxTokensComesFromTheRequestOrTheTarget) {
  model::ChatRequest request = asking();
  const TargetName large{.model = "m", .json_model = "\"m\"", .max_output = 64000};
  EXPECT_NE(encoded(request, large).find(R"("max_tokens":64000)"), std::string::npos);
  request.max_tokens = 7;
  EXPECT_NE(encoded(request, large).find(R"("max_tokens":7,)"), std::string::npos);
}

TEST(AnthropicEncode, LeadingSystemMessagesAreTheSystemText) {
  const std::string body =
      encoded(asking({said(Message::Role::System, {text("Be brief.")}),
                      said(Message::Role::System, {text("Be kind."), text("")}), user("Hi"),
                      said(Message::Role::System, {text("Now in French.")})}));
  EXPECT_NE(body.find(R"("system":"Be brief.\n\nBe kind.")"), std::string::npos) << body;
  EXPECT_NE(body.find(R"("content":[{"type":"text","text":"Hi"},)"
                      R"({"type":"text","text":"<system>\nNow in French.\n</system>"}])"),
            std::string::npos)
      << body;
}

TEST(AnthropicEncode, TurnsOfOneSpeakerAreOneTurnWithoutEmptyTexts) {
  EXPECT_EQ(messages_of(asking({user("a"), user(" \n"), user("b"),
                                said(Message::Role::Assistant, {text("c")}), user("d")})),
            R"([{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},)"
            R"({"role":"assistant","content":[{"type":"text","text":"c"}]},)"
            R"({"role":"user","content":[{"type":"text","text":"d"}]}])");
}

TEST(AnthropicEncode, ImagesAndDocumentsHaveTheirBlocks) {
  Part inlined = of_type(Part::Type::Image);
  inlined.media_type = "image/png";
  inlined.data = "iVBORw0=";
  inlined.detail = "low";
  Part linked = of_type(Part::Type::Image);
  linked.url = "https://example.com/a.jpg";
  Part pdf = of_type(Part::Type::File);
  pdf.media_type = "application/pdf";
  pdf.data = "JVBERi0=";
  pdf.name = "a.pdf";
  Part note = of_type(Part::Type::File);
  note.media_type = "text/plain";
  note.data = base64("caf\xC3\xA9\n");
  Part linked_pdf = of_type(Part::Type::File);
  linked_pdf.url = "https://example.com/a.pdf";
  EXPECT_EQ(
      messages_of(asking({said(Message::Role::User, {inlined, linked, pdf, note, linked_pdf})})),
      R"([{"role":"user","content":[)"
      R"({"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0="}},)"
      R"({"type":"image","source":{"type":"url","url":"https://example.com/a.jpg"}},)"
      R"({"type":"document","source":{"type":"base64","media_type":"application/pdf",)"
      R"("data":"JVBERi0="},"title":"a.pdf"},)"
      R"({"type":"document","source":{"type":"text","media_type":"text/plain","data":"café\n"}},)"
      R"({"type":"document","source":{"type":"url","url":"https://example.com/a.pdf"}}]}])");
}

TEST(AnthropicEncode, ResultsOfToolsAreOneTurnBeforeWhatTheUserSays) {
  Message failed = result_of("toolu_2", "no such city");
  failed.outcome = Message::Outcome::Failed;
  EXPECT_EQ(
      messages_of(
          asking({user("?"),
                  calls({{"toolu_1", "weather", R"({"id":12345678901234567890})", ""},
                         {"toolu_2", "weather", "", ""}},
                        {text("Let me see.")}),
                  result_of("toolu_1", "12C"), failed, result_of("toolu_3", ""), user("And?")})),
      R"([{"role":"user","content":[{"type":"text","text":"?"}]},)"
      R"({"role":"assistant","content":[{"type":"text","text":"Let me see."},)"
      R"({"type":"tool_use","id":"toolu_1","name":"weather","input":{"id":12345678901234567890}},)"
      R"({"type":"tool_use","id":"toolu_2","name":"weather","input":{}}]},)"
      R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1",)"
      R"("content":[{"type":"text","text":"12C"}]},)"
      R"({"type":"tool_result","tool_use_id":"toolu_2",)"
      R"("content":[{"type":"text","text":"no such city"}],"is_error":true},)"
      R"({"type":"tool_result","tool_use_id":"toolu_3"},{"type":"text","text":"And?"}]}])");
}

TEST(AnthropicEncode, SignedReasoningGoesBackAndOtherVendorsDoesNot) {
  Part signed_part = of_type(Part::Type::Reasoning);
  signed_part.text = "hm";
  signed_part.signature = "c2ln";
  Part redacted = of_type(Part::Type::Reasoning);
  redacted.signature = "ZW5j";
  redacted.redacted = true;
  Part foreign = of_type(Part::Type::Reasoning);
  foreign.text = "not signed";
  EXPECT_EQ(
      messages_of(asking({user("?"), said(Message::Role::Assistant,
                                          {signed_part, redacted, foreign, text("Yes.")})})),
      R"([{"role":"user","content":[{"type":"text","text":"?"}]},)"
      R"({"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"c2ln"},)"
      R"({"type":"redacted_thinking","data":"ZW5j"},{"type":"text","text":"Yes."}]}])");
}

TEST(AnthropicEncode, ToolsKeepTheirSchemasText) {
  model::ChatRequest request = asking();
  request.tools = {{"weather", "Tells the weather.", R"({"type": "object","maximum":1e400})", true},
                   {"now", "", "", std::nullopt}};
  const std::string tools = R"(,"tools":[{"name":"weather","description":"Tells the weather.",)"
                            R"("input_schema":{"type": "object","maximum":1e400},"strict":true},)"
                            R"({"name":"now","input_schema":{"type":"object","properties":{}}}])";
  EXPECT_EQ(behind_greeting(request), tools + "}");
  struct Case {
    model::ToolChoice choice;
    std::optional<bool> parallel;
    std::string sent;
  };
  using Mode = model::ToolChoice::Mode;
  for (const auto& [choice, parallel, sent] :
       {Case{{Mode::Auto, ""}, std::nullopt, R"({"type":"auto"})"},
        Case{{Mode::None, ""}, false, R"({"type":"none"})"},
        Case{{Mode::Required, ""}, true, R"({"type":"any"})"},
        Case{{Mode::Named, "now"},
             false,
             R"({"type":"tool","name":"now","disable_parallel_tool_use":true})"},
        Case{{Mode::Unset, ""}, false, R"({"type":"auto","disable_parallel_tool_use":true})"}}) {
    request.tool_choice = choice;
    request.parallel_tool_calls = parallel;
    EXPECT_EQ(behind_greeting(request),
              std::string(tools).append(R"(,"tool_choice":)") += sent + "}");
  }
}

TEST(AnthropicEncode, OutputFormatsAreASchemaOrAnInstruction) {
  model::ChatRequest request = asking();
  request.format.type = model::OutputFormat::Type::JsonSchema;
  request.format.name = "person";
  request.format.schema = R"({"type":"object"})";
  EXPECT_EQ(behind_greeting(request),
            R"(,"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}})");
  request.format.type = model::OutputFormat::Type::JsonObject;
  EXPECT_NE(encoded(request).find(R"("system":"Answer with one JSON object and nothing else.")"),
            std::string::npos);
}

TEST(AnthropicEncode, AnEffortOfReasoningIsSentAsTheModelTakesIt) {
  model::ChatRequest request = asking();
  request.reasoning_effort = "minimal";
  EXPECT_EQ(behind_greeting(request),
            R"(,"thinking":{"type":"adaptive"},"output_config":{"effort":"low"}})");
  request.reasoning_effort = "none";
  EXPECT_EQ(behind_greeting(request), R"(,"thinking":{"type":"disabled"}})");
  request.reasoning_effort = "feverish";
  EXPECT_TRUE(encoded(request).ends_with("| reasoning_effort"));
  const TargetName old{.model = "claude-sonnet-4-5-20250929", .json_model = "\"o\""};
  request.reasoning_effort = "high";
  EXPECT_EQ(behind_greeting(request, old),
            R"(,"thinking":{"type":"enabled","budget_tokens":16384}})");
  EXPECT_NE(encoded(request, old).find(R"("max_tokens":20480)"), std::string::npos);
  request.max_tokens = 4000;
  EXPECT_EQ(behind_greeting(request, old),
            R"(,"thinking":{"type":"enabled","budget_tokens":2000}})")
      << "the answer needs room too";
  request.max_tokens = 100;
  EXPECT_EQ(behind_greeting(request, old), "}");
}

TEST(AnthropicEncode, ABudgetOfReasoningIsSentAsItIs) {
  model::ChatRequest request = asking();
  request.reasoning_tokens = 10000;
  EXPECT_EQ(behind_greeting(request), R"(,"thinking":{"type":"enabled","budget_tokens":10000}})");
  EXPECT_NE(encoded(request).find(R"("max_tokens":14096)"), std::string::npos);
  request.reasoning_tokens = 0;
  EXPECT_EQ(behind_greeting(request), R"(,"thinking":{"type":"disabled"}})");
}

TEST(AnthropicEncode, AnOldModelInTheMidstOfCallsWithoutItsReasoningIsNotAskedToReason) {
  const TargetName old{.model = "claude-opus-4-1", .json_model = "\"o\""};
  Part signed_part = of_type(Part::Type::Reasoning);
  signed_part.signature = "c2ln";
  model::ChatRequest request =
      asking({user("?"), calls({{"t", "now", "{}", ""}}, {signed_part}), result_of("t", "noon")});
  request.reasoning_effort = "low";
  EXPECT_NE(encoded(request, old).find("budget_tokens"), std::string::npos);
  request.messages[1].content.clear();
  EXPECT_EQ(encoded(request, old).find("budget_tokens"), std::string::npos);
  request.messages.push_back(user("And now?"));
  EXPECT_NE(encoded(request, old).find("budget_tokens"), std::string::npos);
}

TEST(AnthropicEncode, SamplingIsSentInTheOlderVersion) {
  model::ChatRequest request = asking();
  request.temperature = 1;
  request.top_p = 0.25;
  request.top_k = 40;
  EXPECT_EQ(behind_greeting(request), R"(,"temperature":1,"top_p":0.25,"top_k":40})");
  const auto wire = encode_anthropic_chat(request, model::Delivery::Whole, kTarget);
  EXPECT_NE(wire->fields.find("anthropic-version: 2023-06-01\r\n"), std::string_view::npos);
}

TEST(AnthropicEncode, StopSequencesAreSent) {
  model::ChatRequest request = asking();
  request.stop = {"END"};
  request.user = "u-1";
  EXPECT_EQ(behind_greeting(request), R"(,"stop_sequences":["END"],"metadata":{"user_id":"u-1"}})");
}

TEST(AnthropicEncode, WhatTheVendorCannotExpressIsRefusedByName) {
  const auto refused = [](auto change) {
    model::ChatRequest request = asking();
    change(request);
    const auto wire = encode_anthropic_chat(request, model::Delivery::Whole, kTarget);
    return wire ? "taken" : wire.error().param;
  };
  EXPECT_EQ(refused([](auto& request) { request.choices = 2; }), "n");
  EXPECT_EQ(refused([](auto& request) { request.logprobs = true; }), "logprobs");
  EXPECT_EQ(refused([](auto& request) { request.top_logprobs = 3; }), "top_logprobs");
  EXPECT_EQ(refused([](auto& request) { request.seed = 0; }), "seed");
  EXPECT_EQ(refused([](auto& request) { request.stop = {"END", "\n"}; }), "stop");
  EXPECT_EQ(refused([](auto& request) { request.temperature = 1.1; }), "temperature");
  EXPECT_EQ(refused([](auto& request) {
              request.tools.clear();
              request.tool_choice.mode = model::ToolChoice::Mode::Required;
            }),
            "tool_choice");
  EXPECT_EQ(refused([](auto& request) { request.presence_penalty = 1; }), "presence_penalty");
  EXPECT_EQ(refused([](auto& request) { request.frequency_penalty = -1; }), "frequency_penalty");
  EXPECT_EQ(refused([](auto& request) { request.logit_bias = R"({"7":1})"; }), "logit_bias");
  EXPECT_EQ(refused([](auto& request) { request.logit_bias = "{}"; }), "taken");
  EXPECT_EQ(refused([](auto& request) { request.presence_penalty = 0; }), "taken");
  EXPECT_EQ(refused([](auto& request) {
              request.messages[0].content.push_back(of_type(Part::Type::Audio));
            }),
            "messages[0].content[1]");
  EXPECT_EQ(refused([](auto& request) {
              request.messages[0].content[0] = of_type(Part::Type::Image);
              request.messages[0].content[0].media_type = "image/bmp";
            }),
            "messages[0].content[0]");
  EXPECT_EQ(refused([](auto& request) {
              request.messages[0].content[0] = of_type(Part::Type::File);
              request.messages[0].content[0].media_type = "text/plain";
              request.messages[0].content[0].data = "not base64";
            }),
            "messages[0].content[0]");
  EXPECT_EQ(
      refused([](auto& request) {
        request.messages.push_back(said(Message::Role::Assistant, {of_type(Part::Type::Image)}));
      }),
      "messages[1].content[0]");
  EXPECT_EQ(refused([](auto& request) {
              request.messages = {said(Message::Role::System, {text("Be brief.")})};
            }),
            "messages");
}

}  // namespace
}  // namespace headgate::providers
