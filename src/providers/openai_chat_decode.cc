#include <string>
#include <utility>

#include <simdjson.h>

#include "providers/openai_chat.h"
#include "providers/openai_error.h"

namespace headgate::providers {
namespace {

Failure no_answer(std::string detail) {
  return fail(
      upstream_failed("The model server's answer could not be understood.", std::move(detail)));
}

std::int64_t tokens(const JsonView& value) { return value.integer().value_or(-1); }

void add_part(std::vector<model::Part>& parts, model::Part::Type type, std::string text) {
  if (!text.empty()) {
    model::Part part;
    part.type = type;
    part.text = std::move(text);
    parts.push_back(std::move(part));
  }
}

/// Most servers give a text, a few a list of parts.
void add_content(std::vector<model::Part>& parts, const JsonView& content) {
  add_part(parts, model::Part::Type::Text, content.text().value_or(""));
  for (const JsonView& part : content.items()) {
    add_part(parts, model::Part::Type::Text, part["text"].text().value_or(""));
    add_part(parts, model::Part::Type::Refusal, part["refusal"].text().value_or(""));
  }
}

/// `id` is the answer's, for calls that come without one.
std::vector<model::ToolCall> read_calls(const JsonView& calls, const std::string& id) {
  std::vector<model::ToolCall> read;
  for (const JsonView& entry : calls.items()) {
    const JsonView function = entry["function"];
    model::ToolCall call;
    call.name = function["name"].text().value_or("");
    if (call.name.empty()) {
      continue;
    }
    call.id = entry["id"].text().value_or("");
    if (call.id.empty()) {
      call.id = "call_" + id + "_" + std::to_string(read.size());
    }
    // Some servers give the object itself.
    const JsonView arguments = function["arguments"];
    call.arguments = arguments.text().value_or(std::string(arguments.raw()));
    read.push_back(std::move(call));
  }
  return read;
}

}  // namespace

Usage read_openai_usage(const JsonView& usage) {
  const JsonView input = usage["prompt_tokens_details"];
  return {.input_tokens = tokens(usage["prompt_tokens"]),
          .output_tokens = tokens(usage["completion_tokens"]),
          .cached_tokens = tokens(input["cached_tokens"]),
          .cache_write_tokens = tokens(input["cache_write_tokens"]),
          .reasoning_tokens = tokens(usage["completion_tokens_details"]["reasoning_tokens"])};
}

std::optional<model::Finish> read_openai_finish(const JsonView& choice, CallsSeen calls) {
  const std::string reason = choice["finish_reason"].text().value_or("");
  if (reason == "abort" || reason == "error") {
    return std::nullopt;
  }
  if (reason == "length") {
    return model::Finish::Length;
  }
  if (reason == "content_filter") {
    return model::Finish::ContentFilter;
  }
  // Several servers say "stop" behind calls.
  if (calls == CallsSeen::Yes) {
    return model::Finish::ToolCalls;
  }
  return choice["stop_reason"].is_string() ? model::Finish::StopSequence : model::Finish::Stop;
}

Result<model::ChatAnswer> decode_openai_chat(std::string_view body) {
  simdjson::dom::parser parser;
  if (parser.parse(body.data(), body.size()).error() != simdjson::SUCCESS) {
    return no_answer("the answer is no JSON");
  }
  const JsonView root(body);
  if (root["error"].given()) {
    return fail(decode_openai_error_event(body));
  }
  model::ChatAnswer answer;
  answer.id = root["id"].text().value_or("");
  answer.model = root["model"].text().value_or("");
  answer.usage = read_openai_usage(root["usage"]);
  for (const JsonView& entry : root["choices"].items()) {
    const JsonView message = entry["message"];
    if (!message.is_object()) {
      return no_answer("a choice without message");
    }
    model::Choice choice;
    const JsonView reasoning = message["reasoning_content"];
    add_part(choice.content, model::Part::Type::Reasoning,
             (reasoning.is_string() ? reasoning : message["reasoning"]).text().value_or(""));
    add_content(choice.content, message["content"]);
    add_part(choice.content, model::Part::Type::Refusal, message["refusal"].text().value_or(""));
    choice.tool_calls = read_calls(message["tool_calls"], answer.id);
    const auto finish =
        read_openai_finish(entry, choice.tool_calls.empty() ? CallsSeen::No : CallsSeen::Yes);
    if (!finish) {
      return fail(upstream_failed("The model server gave the answer up.", "finish reason abort"));
    }
    choice.finish = *finish;
    if (choice.finish == model::Finish::StopSequence) {
      choice.stop_sequence = entry["stop_reason"].text().value_or("");
    }
    if (entry["logprobs"].is_object()) {
      choice.logprobs = entry["logprobs"].raw();
    }
    answer.choices.push_back(std::move(choice));
  }
  if (answer.choices.empty()) {
    return no_answer("no choices");
  }
  return answer;
}

}  // namespace headgate::providers
