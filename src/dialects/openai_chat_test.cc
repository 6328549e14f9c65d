#include "dialects/openai_chat.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace headgate::dialects {
namespace {

using model::ChatEvent;
using model::Message;
using model::Part;

const Dialect& dialect() { return dialect_for(model::Dialect::OpenAi); }

/// A request with `members` beside a message.
std::string with(const std::string& members) {
  return R"({"model":"m","messages":[{"role":"user","content":"Hi"}],)" + members + "}";
}

std::string param_of(const std::string& body) {
  const auto request = dialect().decode(body);
  if (request) {
    return "accepted";
  }
  EXPECT_EQ(request.error().kind, ErrorKind::InvalidRequest) << body;
  EXPECT_EQ(request.error().origin, Origin::Client);
  EXPECT_NE(request.error().message.find(request.error().param), std::string::npos) << body;
  return request.error().param;
}

AnswerFrame frame() {
  return {.request_id = "r-1",
          .model = "public",
          .created = 1747000000,
          .usage_wanted = true,
          .request_body = {}};
}

TEST(OpenAiChatDialect, EveryKindOfMessageIsDecoded) {
  const auto request = dialect().decode(R"({"model":"m","messages":[
    {"role":"developer","content":"Be brief.","name":"dev"},
    {"role":"user","content":[{"type":"text","text":"a\n"},
      {"type":"image_url","image_url":{"url":"data:image/PNG;base64,iVBO","detail":"high"}},
      {"type":"image_url","image_url":{"url":"https://example.com/a.png"}},
      {"type":"input_audio","input_audio":{"data":"SUQz","format":"mp3"}},
      {"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,JVBE"}}]},
    {"role":"assistant","content":null,"refusal":null,"annotations":[],"audio":null,"parsed":{"a":1},"reasoning_content":"hm",
     "tool_calls":[{"id":"call_9","type":"function","function":{"name":"f","arguments":"{\"n\":1.0}","parsed_arguments":{"n":1}},
       "extra_content":{"google":{"thought_signature":"sig=="}}}]},
    {"role":"tool","tool_call_id":"call_9","content":[{"type":"text","text":"12"}]},
    {"role":"assistant","content":[{"type":"refusal","refusal":"No."}]}]})");
  ASSERT_TRUE(request) << request.error().message;
  const auto& messages = request->messages;
  ASSERT_EQ(messages.size(), 5U);
  EXPECT_EQ(messages[0].role, Message::Role::System);
  EXPECT_EQ(messages[0].name, "dev");
  EXPECT_EQ(messages[0].content[0].text, "Be brief.");
  ASSERT_EQ(messages[1].content.size(), 5U);
  EXPECT_EQ(messages[1].content[0].text, "a\n");
  EXPECT_EQ(messages[1].content[1].media_type, "image/png");
  EXPECT_EQ(messages[1].content[1].data, "iVBO");
  EXPECT_EQ(messages[1].content[1].detail, "high");
  EXPECT_EQ(messages[1].content[2].url, "https://example.com/a.png");
  EXPECT_EQ(messages[1].content[3].type, Part::Type::Audio);
  EXPECT_EQ(messages[1].content[3].media_type, "audio/mp3");
  EXPECT_EQ(messages[1].content[4].name, "a.pdf");
  EXPECT_EQ(messages[1].content[4].data, "JVBE");
  ASSERT_EQ(messages[2].content.size(), 1U);
  EXPECT_EQ(messages[2].content[0].type, Part::Type::Reasoning);
  EXPECT_EQ(messages[2].tool_calls[0].arguments, R"({"n":1.0})");
  EXPECT_EQ(messages[2].tool_calls[0].signature, "sig==");
  EXPECT_EQ(messages[3].role, Message::Role::Tool);
  EXPECT_EQ(messages[3].tool_call_id, "call_9");
  EXPECT_EQ(messages[4].content[0].type, Part::Type::Refusal);
}

TEST(OpenAiChatDialect, EveryParameterIsDecoded) {
  const auto request = dialect().decode(with(
      R"("max_completion_tokens":50,"max_tokens":7,"temperature":0.7,"top_p":1,"top_k":40,
"seed":9223372036854775807,"presence_penalty":-2,"frequency_penalty":1.5,"stop":["a","b"],"n":2,
"logprobs":true,"top_logprobs":3,"logit_bias":{"50256":-100},"reasoning_effort":"xhigh","user":"ann",
"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"maximum":1e400},"strict":false}}],
"tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":false,
"response_format":{"type":"json_schema","json_schema":{"name":"inv","description":"i","schema":{"type":"object"},"strict":true}})"));
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->max_tokens, 50);
  EXPECT_EQ(request->temperature, 0.7);
  EXPECT_EQ(request->top_p, 1);
  EXPECT_EQ(request->top_k, 40);
  EXPECT_EQ(request->seed, INT64_MAX);
  EXPECT_EQ(request->presence_penalty, -2);
  EXPECT_EQ(request->frequency_penalty, 1.5);
  EXPECT_EQ(request->stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(request->choices, 2);
  EXPECT_TRUE(request->logprobs);
  EXPECT_EQ(request->top_logprobs, 3);
  EXPECT_EQ(request->logit_bias, R"({"50256":-100})");
  EXPECT_EQ(request->reasoning_effort, "xhigh");
  EXPECT_EQ(request->user, "ann");
  EXPECT_EQ(request->tools[0].parameters, R"({"maximum":1e400})") << "as the client wrote it";
  EXPECT_EQ(request->tools[0].strict, false);
  EXPECT_EQ(request->tool_choice.mode, model::ToolChoice::Mode::Named);
  EXPECT_EQ(request->tool_choice.name, "f");
  EXPECT_EQ(request->parallel_tool_calls, false);
  EXPECT_EQ(request->format.type, model::OutputFormat::Type::JsonSchema);
  EXPECT_EQ(request->format.schema, R"({"type":"object"})");
  EXPECT_EQ(dialect().decode(with(R"("max_tokens":7,"stop":"x")"))->max_tokens, 7);
}

TEST(OpenAiChatDialect, TheDeprecatedFunctionsAreTools) {
  const auto request = dialect().decode(
      R"({"messages":[{"role":"user","content":"Hi"},
{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},
{"role":"function","name":"f","content":"12"}],"functions":[{"name":"f"}],"function_call":{"name":"f"}})");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->tools[0].name, "f");
  EXPECT_EQ(request->tool_choice.name, "f");
  EXPECT_FALSE(request->messages[2].tool_call_id.empty());
  EXPECT_EQ(request->messages[2].tool_call_id, request->messages[1].tool_calls[0].id);
}

TEST(OpenAiChatDialect, AdviceAndWhatIsDoneAnywayAreAccepted) {
  for (const char* members :
       {R"("store":true)", R"("metadata":{"a":"b"})", R"("service_tier":"flex")",
        R"("prompt_cache_key":"k")", R"("prompt_cache_retention":"24h")",
        R"("prompt_cache_options":{})", R"("safety_identifier":"s")",
        R"("prediction":{"type":"content","content":"x"})", R"("verbosity":"medium")",
        R"("modalities":["text"])", R"("stream":true,"stream_options":{"include_usage":true})",
        R"("response_format":{"type":"text"})", R"("tool_choice":"auto")", R"("whatever":null)",
        R"("temperature":null,"stop":null,"tools":null,"n":null,"logit_bias":null)"}) {
    EXPECT_EQ(param_of(with(members)), "accepted") << members;
  }
}

TEST(OpenAiChatDialect, WhatHasNoNeutralFormIsRefusedByItsName) {
  for (const auto& [members, param] : {
           std::pair{R"("guided_json":{})", "guided_json"},
           std::pair{R"("audio":{"voice":"a"})", "audio"},
           std::pair{R"("modalities":["text","audio"])", "modalities"},
           std::pair{R"("verbosity":"low")", "verbosity"},
           std::pair{R"("web_search_options":{})", "web_search_options"},
           std::pair{R"("moderation":{})", "moderation"},
           std::pair{R"("stream_options":{"x":1})", "stream_options.x"},
           std::pair{R"("temperature":"hot")", "temperature"},
           std::pair{R"("temperature":2.1)", "temperature"},
           std::pair{R"("n":0)", "n"},
           std::pair{R"("max_tokens":1.5)", "max_tokens"},
           std::pair{R"("seed":9223372036854775808)", "seed"},
           std::pair{R"("stop":["a","b","c","d","e"])", "stop"},
           std::pair{R"("stop":7)", "stop"},
           std::pair{R"("top_logprobs":3)", "top_logprobs"},
           std::pair{R"("logit_bias":[])", "logit_bias"},
           std::pair{R"("reasoning_effort":"huge")", "reasoning_effort"},
           std::pair{R"("tools":[{"type":"custom","custom":{"name":"x"}}])", "tools[0].type"},
           std::pair{R"("tools":[{"type":"function","function":{}}])", "tools[0].function.name"},
           std::pair{R"("tools":{})", "tools"},
           std::pair{R"("tool_choice":{"type":"allowed_tools"})", "tool_choice.type"},
           std::pair{R"("tool_choice":"some")", "tool_choice"},
           std::pair{R"("response_format":{"type":"grammar"})", "response_format.type"},
           std::pair{R"("response_format":{"type":"json_object","schema":{}})",
                     "response_format.schema"},
           std::pair{R"("response_format":{"type":"json_schema","json_schema":{}})",
                     "response_format.json_schema.name"},
       }) {
    EXPECT_EQ(param_of(with(members)), param) << members;
  }
}

TEST(OpenAiChatDialect, WhatIsWrongInAMessageIsNamedByItsPlace) {
  const auto of = [](const std::string& message) {
    return param_of(R"({"messages":[{"role":"user","content":"Hi"},)" + message + "]}");
  };
  const auto part = [&](const std::string& value) {
    return of(R"({"role":"user","content":[)" + value + "]}");
  };
  EXPECT_EQ(param_of(R"({"messages":[]})"), "messages");
  EXPECT_EQ(param_of(R"({"model":"m"})"), "messages");
  EXPECT_EQ(of("7"), "messages[1]");
  EXPECT_EQ(of(R"({"content":"a"})"), "messages[1].role");
  EXPECT_EQ(of(R"({"role":"robot","content":"a"})"), "messages[1].role");
  EXPECT_EQ(of(R"({"role":"user"})"), "messages[1].content");
  EXPECT_EQ(of(R"({"role":"assistant","content":null})"), "messages[1].content");
  EXPECT_EQ(of(R"({"role":"user","content":7})"), "messages[1].content");
  EXPECT_EQ(of(R"({"role":"user","content":"a","mood":"bad"})"), "messages[1].mood");
  EXPECT_EQ(of(R"({"role":"assistant","content":"a","audio":{"id":"x"}})"), "messages[1].audio");
  EXPECT_EQ(of(R"({"role":"tool","content":"a"})"), "messages[1].tool_call_id");
  EXPECT_EQ(of(R"({"role":"function","name":"f","content":"a"})"), "messages[1]");
  EXPECT_EQ(of(R"({"role":"assistant","tool_calls":[{"id":"c","type":"custom","custom":{}}]})"),
            "messages[1].tool_calls[0].custom");
  EXPECT_EQ(of(R"({"role":"assistant","tool_calls":[{"id":"c","type":"custom"}]})"),
            "messages[1].tool_calls[0].type");
  EXPECT_EQ(part(R"({"type":"video"})"), "messages[1].content[0].type");
  EXPECT_EQ(part(R"({"type":"refusal","refusal":"a"})"), "messages[1].content[0].type");
  EXPECT_EQ(part(R"({"type":"text"})"), "messages[1].content[0].text");
  EXPECT_EQ(part(R"({"type":"text","text":"a","cache_control":{}})"),
            "messages[1].content[0].cache_control");
  for (const char* url : {"ftp://a/b", "data:image/png,abc", "data:;base64,AA",
                          "data:image/png;base64,", "file:///etc/passwd"}) {
    EXPECT_EQ(part(R"({"type":"image_url","image_url":{"url":")" + std::string(url) + R"("}})"),
              "messages[1].content[0].image_url")
        << url;
  }
  EXPECT_EQ(part(R"({"type":"file","file":{"file_id":"file-1"}})"),
            "messages[1].content[0].file.file_id");
  EXPECT_EQ(part(R"({"type":"input_audio","input_audio":{"data":"AA","format":"ogg"}})"),
            "messages[1].content[0].input_audio.format");
}

TEST(OpenAiChatDialect, AWholeAnswerIsAChatCompletion) {
  model::ChatAnswer answer;
  answer.id = "msg_vendor";
  answer.model = "claude";
  answer.usage = {.input_tokens = 9,
                  .output_tokens = 2,
                  .cached_tokens = 8,
                  .cache_write_tokens = -1,
                  .reasoning_tokens = 1};
  model::Choice& calls = answer.choices.emplace_back();
  calls.content.emplace_back().text = "hm";
  calls.content.back().type = Part::Type::Reasoning;
  calls.tool_calls.push_back(
      {.id = "call_9", .name = "f", .arguments = R"({"a":"b"})", .signature = "sig"});
  calls.finish = model::Finish::ToolCalls;
  model::Choice& text = answer.choices.emplace_back();
  text.content.emplace_back().text = "Hi ";
  text.content.emplace_back().text = "é";
  text.finish = model::Finish::StopSequence;
  text.logprobs = R"({"content":[{"logprob":-0.10}],"refusal":null})";
  EXPECT_EQ(
      dialect().encode(answer, frame()),
      R"({"id":"chatcmpl-r-1","object":"chat.completion","created":1747000000,"model":"claude",)"
      R"("choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":null,)"
      R"("annotations":[],"reasoning_content":"hm","tool_calls":[{"id":"call_9","type":"function",)"
      R"("function":{"name":"f","arguments":"{\"a\":\"b\"}"},)"
      R"("extra_content":{"google":{"thought_signature":"sig"}}}]},"logprobs":null,)"
      R"("finish_reason":"tool_calls"},{"index":1,"message":{"role":"assistant","content":"Hi é",)"
      R"("refusal":null,"annotations":[]},)"
      R"("logprobs":{"content":[{"logprob":-0.10}],"refusal":null},"finish_reason":"stop"}],)"
      R"("usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,)"
      R"("prompt_tokens_details":{"cached_tokens":8,"audio_tokens":0,"cache_write_tokens":0},)"
      R"("completion_tokens_details":{"reasoning_tokens":1,"audio_tokens":0,)"
      R"("accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"system_fingerprint":null})");
}

TEST(OpenAiChatDialect, RefusalsAndPicturesHaveTheirMembersAndUnknownUsageIsNull) {
  model::ChatAnswer answer;
  model::Choice& choice = answer.choices.emplace_back();
  choice.content.emplace_back().text = "No.";
  choice.content.back().type = Part::Type::Refusal;
  Part& picture = choice.content.emplace_back();
  picture.type = Part::Type::Image;
  picture.media_type = "image/png";
  picture.data = "AA";
  choice.finish = model::Finish::ContentFilter;
  EXPECT_EQ(
      dialect().encode(answer, frame()),
      R"({"id":"chatcmpl-r-1","object":"chat.completion","created":1747000000,"model":"public",)"
      R"("choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"No.",)"
      R"("annotations":[],"images":[{"type":"image_url","image_url":)"
      R"({"url":"data:image/png;base64,AA"}}]},"logprobs":null,"finish_reason":"content_filter"}],)"
      R"("usage":null,"system_fingerprint":null})");
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
  made.id = "vendor";
  made.name = "claude";
  return made;
}

ChatEvent finish(model::Finish reason) {
  ChatEvent made = event(ChatEvent::Type::Finish);
  made.finish = reason;
  return made;
}

/// An event of the stream with what stands in its choice.
std::string chunk(const std::string& delta, const std::string& finish = "null",
                  const std::string& logprobs = "null", const std::string& index = "0") {
  return R"(data: {"id":"chatcmpl-r-1","object":"chat.completion.chunk","created":1747000000,)"
         R"("model":"claude","system_fingerprint":null,"choices":[{"index":)" +
         index + R"(,"delta":)" + delta + R"(,"logprobs":)" + logprobs + R"(,"finish_reason":)" +
         finish + R"(}],"usage":null})" + "\n\n";
}

constexpr const char* kRole = R"({"role":"assistant","content":"","refusal":null})";

TEST(OpenAiChatWriter, AStreamIsChunksOfOneAnswerThenUsageThenTheEndMark) {
  auto writer = dialect().writer(frame());
  std::string out;
  writer->write(start(), out);
  writer->write(event(ChatEvent::Type::Reasoning, "hm"), out);
  ChatEvent signed_off = event(ChatEvent::Type::Reasoning);
  signed_off.signature = "no place for it";
  writer->write(signed_off, out);
  writer->write(event(ChatEvent::Type::Text, "Hi\n"), out);
  writer->write(event(ChatEvent::Type::Logprobs, R"({"content":[]})"), out);
  writer->write(event(ChatEvent::Type::Refusal, "No."), out);
  ChatEvent call = event(ChatEvent::Type::ToolCall);
  call.index = 1;
  call.id = "call_9";
  call.name = "f";
  call.signature = "sig";
  writer->write(call, out);
  ChatEvent arguments = event(ChatEvent::Type::ToolArguments, "{\"a\"");
  arguments.index = 1;
  writer->write(arguments, out);
  ChatEvent usage = event(ChatEvent::Type::Usage);
  usage.usage.input_tokens = 9;
  writer->write(usage, out);
  usage.usage = {};
  usage.usage.output_tokens = 2;
  writer->write(usage, out);
  writer->write(finish(model::Finish::ToolCalls), out);
  writer->finish(out);
  EXPECT_EQ(
      out,
      chunk(kRole) + chunk(R"({"reasoning_content":"hm"})") + chunk(R"({"content":"Hi\n"})") +
          chunk("{}", "null", R"({"content":[]})") + chunk(R"({"refusal":"No."})") +
          chunk(
              R"({"tool_calls":[{"index":1,"id":"call_9","type":"function","function":{"name":"f","arguments":""},"extra_content":{"google":{"thought_signature":"sig"}}}]})") +
          chunk(R"({"tool_calls":[{"index":1,"function":{"arguments":"{\"a\""}}]})") +
          chunk("{}", "\"tool_calls\"") +
          R"(data: {"id":"chatcmpl-r-1","object":"chat.completion.chunk","created":1747000000,)"
          R"("model":"claude","system_fingerprint":null,"choices":[],"usage":{"prompt_tokens":9,)"
          R"("completion_tokens":2,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":0,)"
          R"("audio_tokens":0,"cache_write_tokens":0},"completion_tokens_details":)"
          R"({"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,)"
          R"("rejected_prediction_tokens":0}}})"
          "\n\ndata: [DONE]\n\n");
}

TEST(OpenAiChatWriter, EachChoiceBeginsWithItsRoleAndASecondStartBeginsNothing) {
  auto writer = dialect().writer(frame());
  std::string out;
  writer->write(start(), out);
  ChatEvent again = start();
  again.name = "another";
  writer->write(again, out);
  ChatEvent second = event(ChatEvent::Type::Text, "b");
  second.choice = 1;
  writer->write(second, out);
  EXPECT_EQ(out, chunk(kRole) + chunk(kRole, "null", "null", "1") +
                     chunk(R"({"content":"b"})", "null", "null", "1"));
}

TEST(OpenAiChatWriter, AnAnswerThatBeganElsewhereKeepsItsIdAndModel) {
  auto writer = dialect().writer(frame());
  std::string out;
  ChatEvent begun = start();
  begun.id = "chatcmpl-vendor";
  begun.name = "gpt-x";
  writer->write(begun, out);
  writer->write(event(ChatEvent::Type::Text, "Hel"), out);
  out.clear();  // the client has these
  writer->write(event(ChatEvent::Type::Text, "lo"), out);
  EXPECT_EQ(
      out,
      R"(data: {"id":"chatcmpl-vendor","object":"chat.completion.chunk",)"
      R"("created":1747000000,"model":"gpt-x","system_fingerprint":null,"choices":[{"index":0,)"
      R"("delta":{"content":"lo"},"logprobs":null,"finish_reason":null}],"usage":null})"
      "\n\n");
}

TEST(OpenAiChatWriter, AChoiceEndsOnce) {
  auto writer = dialect().writer(frame());
  std::string out;
  writer->write(start(), out);
  writer->write(event(ChatEvent::Type::Text, "Hi"), out);
  writer->write(finish(model::Finish::Stop), out);
  const std::string once = out;
  writer->write(event(ChatEvent::Type::Text, "more"), out);
  writer->write(finish(model::Finish::Length), out);
  EXPECT_EQ(out, once);
}

TEST(OpenAiChatWriter, UsageIsKeptFromAClientThatDidNotAsk) {
  AnswerFrame quiet = frame();
  quiet.usage_wanted = false;
  auto writer = dialect().writer(quiet);
  std::string out;
  writer->write(start(), out);
  ChatEvent usage = event(ChatEvent::Type::Usage);
  usage.usage.input_tokens = 9;
  writer->write(usage, out);
  writer->write(finish(model::Finish::Length), out);
  writer->finish(out);
  EXPECT_EQ(out.find("usage"), std::string::npos);
  EXPECT_NE(out.find("\"finish_reason\":\"length\""), std::string::npos);
  EXPECT_TRUE(out.ends_with("data: [DONE]\n\n"));
}

TEST(OpenAiChatWriter, ABrokenAnswerEndsWithItsErrorAndNothingElse) {
  auto writer = dialect().writer(frame());
  std::string out;
  writer->fail(upstream_failed("It broke.", "secret"), out);
  writer->write(event(ChatEvent::Type::Text, "x"), out);
  writer->finish(out);
  writer->fail(internal_error(""), out);
  EXPECT_EQ(out, R"(data: {"error":{"message":"It broke.","type":"upstream_error","param":null,)"
                 R"("code":"upstream_error","request_id":"r-1"}})"
                 "\n\n");
  EXPECT_EQ(dialect().ping(), ": ping\n\n");
}

}  // namespace
}  // namespace headgate::dialects
