#include <string>
#include <utility>

#include <simdjson.h>

#include "providers/anthropic_wire.h"

namespace headgate::providers {
namespace {

Failure no_answer(std::string detail) {
  return fail(
      upstream_failed("The model server's answer could not be understood.", std::move(detail)));
}

void read_tokens(std::int64_t& tokens, const JsonView& value) {
  constexpr std::int64_t kMost = std::int64_t{1} << 48U;
  const auto told = value.integer();
  if (told && *told >= 0 && *told <= kMost) {
    tokens = *told;
  }
}

std::int64_t known(std::int64_t tokens) { return tokens < 0 ? 0 : tokens; }

model::Part part_of(model::Part::Type type, std::string text) {
  model::Part part;
  part.type = type;
  part.text = std::move(text);
  return part;
}

/// Blocks of other types belong to tools that run at the vendor, which are never asked for.
void read_block(const JsonView& block, model::Choice& choice) {
  const std::string type = block["type"].text().value_or("");
  if (type == "text") {
    choice.content.push_back(part_of(model::Part::Type::Text, block["text"].text().value_or("")));
  } else if (type == "thinking") {
    model::Part part = part_of(model::Part::Type::Reasoning, block["thinking"].text().value_or(""));
    part.signature = block["signature"].text().value_or("");
    choice.content.push_back(std::move(part));
  } else if (type == "redacted_thinking") {
    model::Part part = part_of(model::Part::Type::Reasoning, {});
    part.signature = block["data"].text().value_or("");
    part.redacted = true;
    choice.content.push_back(std::move(part));
  } else if (type == "tool_use") {
    choice.tool_calls.push_back({.id = block["id"].text().value_or(""),
                                 .name = block["name"].text().value_or(""),
                                 .arguments = std::string(block["input"].raw()),
                                 .signature = {}});
  }
}

}  // namespace

void AnthropicUsage::take_input(const JsonView& usage) {
  read_tokens(input_, usage["input_tokens"]);
  read_tokens(cached_, usage["cache_read_input_tokens"]);
  read_tokens(cache_written_, usage["cache_creation_input_tokens"]);
}

void AnthropicUsage::take(const JsonView& usage) {
  take_input(usage);
  read_tokens(output_, usage["output_tokens"]);
  read_tokens(thinking_, usage["output_tokens_details"]["thinking_tokens"]);
}

Usage AnthropicUsage::total() const {
  return {.input_tokens = input_ < 0 ? -1 : input_ + known(cached_) + known(cache_written_),
          .output_tokens = output_,
          .cached_tokens = cached_,
          .cache_write_tokens = cache_written_,
          .reasoning_tokens = thinking_};
}

model::Finish read_anthropic_finish(std::string_view stop_reason) {
  if (stop_reason == "max_tokens" || stop_reason == "model_context_window_exceeded") {
    return model::Finish::Length;
  }
  if (stop_reason == "stop_sequence") {
    return model::Finish::StopSequence;
  }
  if (stop_reason == "tool_use") {
    return model::Finish::ToolCalls;
  }
  return stop_reason == "refusal" ? model::Finish::ContentFilter : model::Finish::Stop;
}

Result<model::ChatAnswer> decode_anthropic_chat(std::string_view body) {
  simdjson::dom::parser parser;
  if (parser.parse(body.data(), body.size()).error() != simdjson::SUCCESS) {
    return no_answer("the answer is no JSON");
  }
  const JsonView root(body);
  if (root["error"].is_object()) {
    return fail(decode_anthropic_error_event(body));
  }
  if (!root["content"].is_array()) {
    return no_answer("a message without content");
  }
  const auto stop_reason = root["stop_reason"].text();
  if (!stop_reason) {
    return no_answer("a message without stop_reason");
  }
  model::ChatAnswer answer;
  answer.id = root["id"].text().value_or("");
  answer.model = root["model"].text().value_or("");
  AnthropicUsage usage;
  usage.take(root["usage"]);
  answer.usage = usage.total();
  model::Choice& choice = answer.choices.emplace_back();
  for (const JsonView& block : root["content"].items()) {
    read_block(block, choice);
  }
  choice.finish = read_anthropic_finish(*stop_reason);
  choice.stop_sequence = root["stop_sequence"].text().value_or("");
  std::string explanation = root["stop_details"]["explanation"].text().value_or("");
  if (choice.finish == model::Finish::ContentFilter && !explanation.empty()) {
    choice.content.push_back(part_of(model::Part::Type::Refusal, std::move(explanation)));
  }
  return answer;
}

}  // namespace headgate::providers
