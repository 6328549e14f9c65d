#include "providers/gemini_request.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "providers/provider.h"

namespace headgate::providers {
namespace {

using model::ChatRequest;
using model::Message;
using model::Part;
using Role = Message::Role;

Part text(std::string words) {
  Part part;
  part.text = std::move(words);
  return part;
}

Part media(Part::Type type, std::string media_type, std::string data, std::string url = {}) {
  Part part;
  part.type = type;
  part.media_type = std::move(media_type);
  part.data = std::move(data);
  part.url = std::move(url);
  return part;
}

Message says(Role role, std::string words) {
  Message message;
  message.role = role;
  message.content.push_back(text(std::move(words)));
  return message;
}

model::ToolCall call(std::string id, std::string arguments, std::string signature = {}) {
  model::ToolCall made;
  made.id = std::move(id);
  made.name = "lookup";
  made.arguments = std::move(arguments);
  made.signature = std::move(signature);
  return made;
}

Message calls(std::vector<model::ToolCall> made) {
  Message message;
  message.role = Role::Assistant;
  message.tool_calls = std::move(made);
  return message;
}

Message result(std::string id, std::string words, Message::Outcome outcome = Message::Outcome::Ok) {
  Message message = says(Role::Tool, std::move(words));
  message.tool_call_id = std::move(id);
  message.outcome = outcome;
  return message;
}

model::Tool tool(std::string name) {
  model::Tool made;
  made.name = std::move(name);
  return made;
}

ChatRequest asking(std::vector<Message> messages) {
  ChatRequest request;
  request.messages = std::move(messages);
  return request;
}

ChatRequest hello() { return asking({says(Role::User, "Hi")}); }

constexpr std::string_view kHello = R"("contents":[{"role":"user","parts":[{"text":"Hi"}]}])";

std::string written(const ChatRequest& request, std::string_view model = "gemini-3-pro") {
  auto members = write_gemini_chat(request, model);
  EXPECT_TRUE(members) << (members ? "" : members.error().message);
  return members ? *members : "";
}

/// What follows the greeting.
std::string behind_hello(const ChatRequest& request, std::string_view model = "gemini-3-pro") {
  const std::string all = written(request, model);
  EXPECT_TRUE(all.starts_with(kHello)) << all;
  return all.substr(std::min(all.size(), kHello.size()));
}

std::string refused(const ChatRequest& request) {
  auto members = write_gemini_chat(request, "gemini-3-pro");
  EXPECT_FALSE(members);
  if (members) {
    return "accepted";
  }
  EXPECT_EQ(members.error().kind, ErrorKind::InvalidRequest);
  return members.error().param;
}

TEST(GeminiRequest, SystemTextsGoAsideInOrderAndTurnsAlternate) {
  ChatRequest request =
      asking({says(Role::System, "Be brief."), says(Role::User, "One"),
              says(Role::User, "Two \"q\""), says(Role::Assistant, "A"), says(Role::Assistant, "B"),
              says(Role::System, "Be kind."), says(Role::User, "C")});
  EXPECT_EQ(written(request),
            R"("systemInstruction":{"parts":[{"text":"Be brief."},{"text":"Be kind."}]},)"
            R"("contents":[{"role":"user","parts":[{"text":"One"},{"text":"Two \"q\""}]},)"
            R"({"role":"model","parts":[{"text":"A"},{"text":"B"}]},)"
            R"({"role":"user","parts":[{"text":"C"}]}])");
}

TEST(GeminiRequest, TheFirstContentIsAlwaysTheUsers) {
  EXPECT_EQ(
      written(asking({says(Role::Assistant, "Hello"), says(Role::User, "Hi")})),
      R"("contents":[{"role":"user","parts":[{"text":" "}]},)"
      R"({"role":"model","parts":[{"text":"Hello"}]},{"role":"user","parts":[{"text":"Hi"}]}])");
  EXPECT_EQ(written(asking({says(Role::System, "Talk.")})),
            R"("systemInstruction":{"parts":[{"text":"Talk."}]},)"
            R"("contents":[{"role":"user","parts":[{"text":" "}]}])");
}

TEST(GeminiRequest, EmptyTextsAreNeverSent) {
  EXPECT_EQ(
      written(asking({says(Role::User, ""), says(Role::Assistant, ""), says(Role::User, "x")})),
      R"("contents":[{"role":"user","parts":[{"text":" "},{"text":"x"}]}])");
}

TEST(GeminiRequest, ImagesSoundsAndFilesAreInlineOrNamed) {
  Message message;
  message.content = {text("Look"),
                     media(Part::Type::Image, "image/png", "iVBORw0="),
                     media(Part::Type::Image, "", "", "https://a.example/x.JPG?y=.png"),
                     media(Part::Type::Image, "", "", "https://a.example/x"),
                     media(Part::Type::Audio, "audio/wav", "UklGRg=="),
                     media(Part::Type::File, "", "JVBERi0="),
                     media(Part::Type::File, "application/pdf", "", "gs://b/c")};
  EXPECT_EQ(written(asking({message})),
            R"("contents":[{"role":"user","parts":[{"text":"Look"},)"
            R"({"inlineData":{"mimeType":"image/png","data":"iVBORw0="}},)"
            R"({"fileData":{"mimeType":"image/jpeg","fileUri":"https://a.example/x.JPG?y=.png"}},)"
            R"({"fileData":{"fileUri":"https://a.example/x"}},)"
            R"({"inlineData":{"mimeType":"audio/wav","data":"UklGRg=="}},)"
            R"({"inlineData":{"mimeType":"application/pdf","data":"JVBERi0="}},)"
            R"({"fileData":{"mimeType":"application/pdf","fileUri":"gs://b/c"}}]}])");
}

TEST(GeminiRequest, MediaItCannotReadAreNamed) {
  Message message = says(Role::User, "x");
  message.content.push_back(media(Part::Type::Image, "", "", "http://a.example/x.png"));
  EXPECT_EQ(refused(asking({says(Role::User, "y"), message})), "messages[1].content[1].image_url");
  message.content[1] = media(Part::Type::Audio, "", "AAAA");
  EXPECT_EQ(refused(asking({message})), "messages[0].content[1].input_audio");
  message.content[1] = media(Part::Type::File, "", "", "file:///etc/passwd");
  EXPECT_EQ(refused(asking({message})), "messages[0].content[1].file");
  message.role = Role::System;
  EXPECT_EQ(refused(asking({message})), "messages[0].content[1]");
}

TEST(GeminiRequest, ToolCallsAndResultsBecomeFunctionCallsAndResponses) {
  ChatRequest request =
      asking({says(Role::User, "Find"),
              calls({call("c1", R"({"q":1.10,"n":12345678901234567890})", "S1"), call("c2", "")}),
              result("c1", "42"), result("c2", R"({"found":[1]})"), says(Role::User, "Well?")});
  EXPECT_EQ(written(request),
            R"("contents":[{"role":"user","parts":[{"text":"Find"}]},)"
            R"({"role":"model","parts":[{"functionCall":{"id":"c1","name":"lookup",)"
            R"("args":{"q":1.10,"n":12345678901234567890}},"thoughtSignature":"S1"},)"
            R"({"functionCall":{"id":"c2","name":"lookup","args":{}}}]},)"
            R"({"role":"user","parts":[{"functionResponse":{"id":"c1","name":"lookup",)"
            R"("response":{"output":"42"}}},)"
            R"({"functionResponse":{"id":"c2","name":"lookup","response":{"found":[1]}}},)"
            R"({"text":"Well?"}]}])");
}

TEST(GeminiRequest, AFailedToolsTextIsAnError) {
  const std::string all = written(asking({says(Role::User, "x"), calls({call("c", "{}", "S")}),
                                          result("c", R"({"a":1})", Message::Outcome::Failed)}));
  EXPECT_NE(all.find(R"("response":{"error":"{\"a\":1}"})"), std::string::npos) << all;
}

TEST(GeminiRequest, AToolsPicturesGoWithItsResponse) {
  Message message = result("c", "see");
  message.content.push_back(text("it"));
  message.content.push_back(media(Part::Type::Image, "image/png", "AAAA"));
  const std::string all =
      written(asking({says(Role::User, "x"), calls({call("c", "{}", "S")}), message}));
  EXPECT_NE(all.find(R"("response":{"output":"see\nit"},)"
                     R"("parts":[{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]}}])"),
            std::string::npos)
      << all;
}

TEST(GeminiRequest, TheNameOfAResultIsThatOfTheNearestCallOfItsId) {
  model::ToolCall early = call("call_0", "{}", "S");
  early.name = "early";
  ChatRequest request = asking({says(Role::User, "x"), calls({early}), result("call_0", "1"),
                                says(Role::Assistant, "y"), says(Role::User, "z"),
                                calls({call("call_0", "{}", "S")}), result("call_0", "2")});
  const std::string all = written(request);
  EXPECT_NE(all.find(R"("name":"early","response":{"output":"1"})"), std::string::npos) << all;
  EXPECT_NE(all.find(R"("name":"lookup","response":{"output":"2"})"), std::string::npos) << all;
  EXPECT_EQ(refused(asking({says(Role::User, "x"), result("other", "1")})),
            "messages[1].tool_call_id");
}

TEST(GeminiRequest, ArgumentsThatAreNoObjectAreNamed) {
  for (const char* arguments : {"[1]", "{\"a\":", "null", "7"}) {
    EXPECT_EQ(refused(asking({says(Role::User, "x"), calls({call("a", "{}"), call("b", arguments)}),
                              result("a", "1"), result("b", "2")})),
              "messages[1].tool_calls[1].function.arguments")
        << arguments;
  }
}

TEST(GeminiRequest, OnlyCallsOfTheCurrentTurnGetTheMakeshiftSignature) {
  const std::string all =
      written(asking({says(Role::User, "x"), calls({call("old", "{}")}), result("old", "1"),
                      says(Role::Assistant, "y"), says(Role::User, "z"),
                      calls({call("a", "{}"), call("b", "{}")}), result("a", "1"), result("b", "1"),
                      says(Role::User, "and?"), calls({call("c", "{}")}), result("c", "1")}));
  constexpr std::string_view kMade =
      R"(,"args":{}},"thoughtSignature":"skip_thought_signature_validator"})";
  EXPECT_EQ(all.find(R"("id":"old","name":"lookup")" + std::string(kMade)), std::string::npos)
      << all;
  EXPECT_NE(all.find(R"("id":"a","name":"lookup")" + std::string(kMade)), std::string::npos) << all;
  EXPECT_EQ(all.find(R"("id":"b","name":"lookup")" + std::string(kMade)), std::string::npos)
      << "only the first of a step carries one";
  EXPECT_NE(all.find(R"("id":"c","name":"lookup")" + std::string(kMade)), std::string::npos)
      << "words right behind results do not begin a turn: " << all;
}

TEST(GeminiRequest, SignaturesOfTextsGoBackAndReasoningStaysOut) {
  Message message = says(Role::Assistant, "Cat");
  message.content[0].signature = "T1";
  Part reasoning = text("Hmm");
  reasoning.type = Part::Type::Reasoning;
  reasoning.signature = "another vendor's";
  message.content.insert(message.content.begin(), reasoning);
  EXPECT_EQ(written(asking({says(Role::User, "x"), message, says(Role::User, "y")})),
            R"("contents":[{"role":"user","parts":[{"text":"x"}]},)"
            R"({"role":"model","parts":[{"text":"Cat","thoughtSignature":"T1"}]},)"
            R"({"role":"user","parts":[{"text":"y"}]}])");
}

TEST(GeminiRequest, ToolsKeepTheirSchemasByteForByte) {
  ChatRequest request = hello();
  request.tools = {tool("lookup"), tool("_b.c:d-e")};
  request.tools[0].description = "Looks \"up\"";
  request.tools[0].parameters = R"({"type":"object", "properties":{"q":{"const":1.00}}})";
  EXPECT_EQ(behind_hello(request),
            R"(,"tools":[{"functionDeclarations":[{"name":"lookup","description":"Looks \"up\"",)"
            R"("parametersJsonSchema":{"type":"object", "properties":{"q":{"const":1.00}}}},)"
            R"({"name":"_b.c:d-e"}]}])");
  for (const std::string& name : {std::string("1st"), std::string("-a"), std::string("a b"),
                                  std::string(), std::string(65, 'a')}) {
    request.tools[1].name = name;
    EXPECT_EQ(refused(request), "tools[1].function.name") << name;
  }
}

TEST(GeminiRequest, EveryToolChoiceHasItsMode) {
  using Mode = model::ToolChoice::Mode;
  ChatRequest request = hello();
  request.tools = {tool("a")};
  const auto config = [&](Mode mode, std::optional<bool> strict = {}) {
    request.tool_choice = {.mode = mode, .name = mode == Mode::Named ? "a" : ""};
    request.tools[0].strict = strict;
    const std::string all = behind_hello(request);
    const std::size_t at = all.find(",\"toolConfig\"");
    return at == std::string::npos ? "" : all.substr(at);
  };
  const auto mode = [](std::string_view name, std::string_view rest = "") {
    return R"(,"toolConfig":{"functionCallingConfig":{"mode":")" + std::string(name) + "\"" +
           std::string(rest) + "}}";
  };
  EXPECT_EQ(config(Mode::Unset), "");
  EXPECT_EQ(config(Mode::Auto), mode("AUTO"));
  EXPECT_EQ(config(Mode::None), mode("NONE"));
  EXPECT_EQ(config(Mode::Required), mode("ANY"));
  EXPECT_EQ(config(Mode::Named), mode("ANY", R"(,"allowedFunctionNames":["a"])"));
  EXPECT_EQ(config(Mode::Unset, true), mode("VALIDATED"));
  EXPECT_EQ(config(Mode::Auto, true), mode("VALIDATED"));
  EXPECT_EQ(config(Mode::Required, true), mode("ANY"));
  EXPECT_EQ(config(Mode::None, true), mode("NONE"));
  request.tool_choice = {.mode = Mode::Named, .name = "b"};
  EXPECT_EQ(refused(request), "tool_choice");
  request.tools.clear();
  EXPECT_EQ(refused(request), "tool_choice");
}

TEST(GeminiRequest, TheWholeGenerationConfig) {
  ChatRequest request = hello();
  request.temperature = 0.2;
  request.top_p = 0.95;
  request.top_k = 40;
  request.choices = 2;
  request.max_tokens = 1024;
  request.stop = {"END", "\n"};
  request.format.type = model::OutputFormat::Type::JsonSchema;
  request.format.schema = R"({"type":"object","maxProperties":1e2})";
  request.seed = 1;
  request.presence_penalty = 0;
  request.frequency_penalty = -1.5;
  request.logprobs = true;
  request.top_logprobs = 5;
  request.reasoning_effort = "low";
  request.user = "ann";
  EXPECT_EQ(behind_hello(request),
            R"(,"generationConfig":{"temperature":0.2,"topP":0.95,"topK":40,"candidateCount":2,)"
            R"("maxOutputTokens":1024,"stopSequences":["END","\n"],)"
            R"("responseMimeType":"application/json",)"
            R"("responseJsonSchema":{"type":"object","maxProperties":1e2},"seed":1,)"
            R"("presencePenalty":0,"frequencyPenalty":-1.5,"responseLogprobs":true,"logprobs":5,)"
            R"("thinkingConfig":{"includeThoughts":true,"thinkingLevel":"LOW"}})");
  request = hello();
  request.format.type = model::OutputFormat::Type::JsonObject;
  EXPECT_EQ(behind_hello(request),
            R"(,"generationConfig":{"responseMimeType":"application/json"})");
}

TEST(GeminiRequest, ThinkingIsALevelOrABudgetNeverBoth) {
  const auto thinking = [](std::string effort, std::optional<std::int64_t> tokens,
                           std::string_view model) {
    ChatRequest request = hello();
    request.reasoning_effort = std::move(effort);
    request.reasoning_tokens = tokens;
    constexpr std::string_view kBefore = R"(,"generationConfig":{"thinkingConfig":)";
    return behind_hello(request, model).substr(kBefore.size());
  };
  EXPECT_EQ(thinking("none", {}, "gemini-3-pro"), R"({"thinkingBudget":0}})");
  EXPECT_EQ(thinking("minimal", {}, "gemini-3-pro"),
            R"({"includeThoughts":true,"thinkingLevel":"MINIMAL"}})");
  EXPECT_EQ(thinking("medium", {}, "gemini-flash-latest"),
            R"({"includeThoughts":true,"thinkingLevel":"MEDIUM"}})");
  EXPECT_EQ(thinking("xhigh", {}, "gemini-3-pro"),
            R"({"includeThoughts":true,"thinkingLevel":"HIGH"}})");
  EXPECT_EQ(thinking("high", {}, "gemini-2.5-flash"),
            R"({"includeThoughts":true,"thinkingBudget":24576}})");
  EXPECT_EQ(thinking("high", 2000, "gemini-3-pro"),
            R"({"includeThoughts":true,"thinkingBudget":2000}})");
  EXPECT_EQ(thinking("", 0, "gemini-3-pro"), R"({"thinkingBudget":0}})");
  ChatRequest request = hello();
  request.reasoning_effort = "heroic";
  EXPECT_EQ(refused(request), "reasoning_effort");
}

TEST(GeminiRequest, WhatCannotBeSaidIsNamed) {
  const auto with = [](auto change) {
    ChatRequest request = hello();
    change(request);
    return refused(request);
  };
  EXPECT_EQ(with([](ChatRequest& r) { r.logit_bias = R"({"1":2})"; }), "logit_bias");
  EXPECT_EQ(with([](ChatRequest& r) { r.choices = 9; }), "n");
  EXPECT_EQ(with([](ChatRequest& r) { r.stop.assign(6, "x"); }), "stop");
  EXPECT_EQ(with([](ChatRequest& r) { r.seed = 1LL << 31; }), "seed");
  EXPECT_EQ(with([](ChatRequest& r) { r.top_logprobs = 21; }), "top_logprobs");
  EXPECT_EQ(with([](ChatRequest& r) {
              r.tools = {tool("a")};
              r.parallel_tool_calls = false;
            }),
            "parallel_tool_calls");
  ChatRequest harmless = hello();
  harmless.parallel_tool_calls = false;
  EXPECT_EQ(behind_hello(harmless), "") << "without tools there is nothing to call";
}

TEST(GeminiRequest, PathsFieldsAndBodyOfACall) {
  const Provider& gemini = *provider_for("gemini");
  auto whole = gemini.encode_chat(hello(), model::Delivery::Whole,
                                  {.model = "gemini-3-pro", .json_model = "\"gemini-3-pro\""});
  ASSERT_TRUE(whole);
  const WireRequest wire = std::move(*whole);
  EXPECT_EQ(wire.method, "POST");
  EXPECT_EQ(wire.path, "/v1beta/models/gemini-3-pro:generateContent");
  EXPECT_EQ(wire.fields, "Content-Type: application/json\r\nAccept-Encoding: identity\r\n");
  ASSERT_EQ(wire.pieces, 1U);
  EXPECT_EQ(wire.body[0], "{" + std::string(kHello) + "}");
  const auto path = [&](std::string model) {
    return gemini
        .encode_chat(hello(), model::Delivery::Stream,
                     {.model = std::move(model), .json_model = ""})
        ->path;
  };
  EXPECT_EQ(path("m"), "/v1beta/models/m:streamGenerateContent?alt=sse");
  EXPECT_EQ(path("models/m"), "/v1beta/models/m:streamGenerateContent?alt=sse");
  EXPECT_EQ(path("tunedModels/m"), "/v1beta/tunedModels/m:streamGenerateContent?alt=sse");
  EXPECT_EQ(path("../x?key=1 #\r\n"),
            "/v1beta/models/..%2fx%3fkey%3d1%20%23%0d%0a:streamGenerateContent?alt=sse")
      << "a name from a client cannot leave its place";
  EXPECT_EQ(gemini.credential_fields("k"), "x-goog-api-key: k\r\n");
  EXPECT_EQ(gemini.credential_fields(""), "");
  EXPECT_FALSE(gemini.passes(model::Dialect::OpenAi, model::Kind::Chat));
  EXPECT_FALSE(gemini.encode({}, {}));
}

TEST(GeminiRequest, MoreThanTheVendorTakesIsRefusedHere) {
  ChatRequest request = hello();
  request.messages[0].content.push_back(
      media(Part::Type::Image, "image/png", std::string(20 << 20, 'A')));
  const auto wire = provider_for("gemini")->encode_chat(request, model::Delivery::Whole,
                                                        {.model = "m", .json_model = ""});
  ASSERT_FALSE(wire);
  EXPECT_EQ(wire.error().kind, ErrorKind::TooLarge);
}

TEST(GeminiRequest, TokensAreCountedOfTheWholeRequest) {
  const Provider& gemini = *provider_for("gemini");
  ChatRequest request = hello();
  request.tools = {tool("a")};
  auto encoded = gemini.encode_count(request, {.model = "m", .json_model = ""});
  ASSERT_TRUE(encoded);
  EXPECT_EQ(encoded->path, "/v1beta/models/m:countTokens");
  EXPECT_EQ(encoded->owned, R"({"generateContentRequest":{"model":"models/m",)" +
                                std::string(kHello) +
                                R"(,"tools":[{"functionDeclarations":[{"name":"a"}]}]}})");
  EXPECT_EQ(gemini.decode_count(R"({"totalTokens":31})"), 31);
  for (const char* body : {"", "{}", "[]", R"({"totalTokens":"x"})"}) {
    ASSERT_FALSE(gemini.decode_count(body)) << body;
    EXPECT_EQ(gemini.decode_count(body).error().kind, ErrorKind::UpstreamFailed) << body;
  }
  EXPECT_EQ(provider_for("openai")->encode_count(request, {}).error().kind,
            ErrorKind::InvalidRequest);
}

}  // namespace
}  // namespace headgate::providers
