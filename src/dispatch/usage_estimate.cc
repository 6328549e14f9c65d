#include "dispatch/usage_estimate.h"

#include <initializer_list>

#include "base/json_view.h"
#include "limits/estimate.h"

namespace headgate::dispatch {
namespace {

using model::Kind;

bool writes_text(Kind kind) { return kind == Kind::Chat || kind == Kind::Completion; }

/// Of the texts and objects of these names; quotes and escapes count as a part of them.
std::uint64_t bytes_of(const JsonView& object, std::initializer_list<std::string_view> names) {
  std::uint64_t bytes = 0;
  for (const std::string_view name : names) {
    const JsonView value = object[name];
    bytes += value.given() ? value.raw().size() : 0;
  }
  return bytes;
}

}  // namespace

bool is_incomplete(const model::Usage& usage, Kind kind) {
  if (writes_text(kind)) {
    return usage.input_tokens < 0 || usage.output_tokens < 0;
  }
  return kind == Kind::Embedding && usage.input_tokens < 0;
}

model::Usage estimated_usage(const model::Usage& usage, const model::InferenceRequest& request,
                             std::uint64_t said) {
  model::Usage whole = usage;
  if (whole.input_tokens < 0) {
    whole.input_tokens =
        limits::estimate_tokens({.kind = request.kind, .body = request.body}).input;
  }
  if (whole.output_tokens < 0 && writes_text(request.kind)) {
    whole.output_tokens = limits::tokens_of_text(said);
  }
  return whole;
}

bool demands_usage(model::Dialect dialect) { return dialect == model::Dialect::Anthropic; }

std::uint64_t said_in(std::string_view body) {
  const JsonView root(body);
  std::uint64_t bytes = 0;
  for (const JsonView& choice : root["choices"].items()) {
    bytes += bytes_of(choice, {"text"});
    bytes += bytes_of(choice["message"],
                      {"content", "reasoning_content", "reasoning", "refusal", "tool_calls"});
  }
  for (const JsonView& block : root["content"].items()) {
    bytes += bytes_of(block, {"text", "thinking", "name", "input"});
  }
  return bytes;
}

std::uint64_t said_in(const model::ChatAnswer& answer) {
  std::uint64_t bytes = 0;
  for (const model::Choice& choice : answer.choices) {
    for (const model::Part& part : choice.content) {
      bytes += part.text.size();
    }
    for (const model::ToolCall& call : choice.tool_calls) {
      bytes += call.name.size() + call.arguments.size();
    }
  }
  return bytes;
}

}  // namespace headgate::dispatch
