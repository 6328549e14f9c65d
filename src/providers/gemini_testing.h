#pragma once

#include <string>
#include <vector>

#include "model/chat_answer.h"

namespace headgate::providers {

/// `events` in lines, deltas that follow each other joined.
inline std::string shown(const std::vector<model::ChatEvent>& events) {
  using Type = model::ChatEvent::Type;
  std::string out;
  Type last = Type::Start;
  std::string tail;
  for (const model::ChatEvent& event : events) {
    const bool is_delta = event.type == Type::Text || event.type == Type::Reasoning;
    const std::string where =
        std::to_string(event.choice) + (event.index == 0 ? "" : "." + std::to_string(event.index));
    const std::string signed_by = event.signature.empty() ? "" : " ~" + event.signature;
    if (is_delta && event.type == last && !out.empty() && tail == where) {
      out.pop_back();
      out += event.text + signed_by + "\n";
      continue;
    }
    last = event.type;
    tail = where;
    switch (event.type) {
      case Type::Start:
        out += "start " + event.id + " " + event.name + "\n";
        break;
      case Type::Text:
        out += where + " text " + event.text + signed_by + "\n";
        break;
      case Type::Reasoning:
        out += where + " reasoning " + event.text + signed_by + "\n";
        break;
      case Type::Refusal:
        out += where + " refusal " + event.text + "\n";
        break;
      case Type::Image:
        out += where + " image " + event.name + " " + event.text + signed_by + "\n";
        break;
      case Type::ToolCall:
        out += where + " call " + event.id + " " + event.name + signed_by + "\n";
        break;
      case Type::ToolArguments:
        out += where + " arguments " + event.text + "\n";
        break;
      case Type::Logprobs:
        out += where + " logprobs " + event.text + "\n";
        break;
      case Type::Finish:
        out += where + " finish " + std::to_string(static_cast<int>(event.finish)) + "\n";
        break;
      case Type::Usage:
        out += "usage " + std::to_string(event.usage.input_tokens) + " " +
               std::to_string(event.usage.output_tokens) + " cached " +
               std::to_string(event.usage.cached_tokens) + " reasoning " +
               std::to_string(event.usage.reasoning_tokens) + "\n";
        break;
    }
  }
  return out;
}

}  // namespace headgate::providers
