#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "model/chat_answer.h"

namespace headgate::providers {

/// `event` in a line: the choice, a call's number, what it is, its texts and "~signature".
inline std::string shown(const model::ChatEvent& event) {
  using Type = model::ChatEvent::Type;
  std::string out = std::to_string(event.choice);
  if (event.index != 0) {
    out.append(".").append(std::to_string(event.index));
  }
  const auto number = [&](const char* name, std::int64_t value) {
    out.append(name).append(std::to_string(value));
  };
  switch (event.type) {
    case Type::Start:
      out.assign("start ").append(event.id).append(" ").append(event.name);
      break;
    case Type::Text:
      out.append(" text ").append(event.text);
      break;
    case Type::Reasoning:
      out.append(" reasoning ").append(event.text);
      break;
    case Type::Refusal:
      out.append(" refusal ").append(event.text);
      break;
    case Type::Image:
      out.append(" image ").append(event.name).append(" ").append(event.text);
      break;
    case Type::ToolCall:
      out.append(" call ").append(event.id).append(" ").append(event.name);
      break;
    case Type::ToolArguments:
      out.append(" arguments ").append(event.text);
      break;
    case Type::Logprobs:
      out.append(" logprobs ").append(event.text);
      break;
    case Type::Finish:
      number(" finish ", static_cast<std::int64_t>(event.finish));
      break;
    case Type::Usage:
      out = "usage";
      number(" ", event.usage.input_tokens);
      number(" ", event.usage.output_tokens);
      number(" cached ", event.usage.cached_tokens);
      number(" reasoning ", event.usage.reasoning_tokens);
      break;
  }
  return event.signature.empty() ? out : out.append(" ~").append(event.signature);
}

/// `events` in lines, deltas that follow each other joined.
inline std::string shown(const std::vector<model::ChatEvent>& events) {
  using Type = model::ChatEvent::Type;
  std::string out;
  model::ChatEvent joined;
  bool has_joined = false;
  const auto flush = [&] {
    if (std::exchange(has_joined, false)) {
      out.append(shown(joined)).append("\n");
    }
  };
  for (const model::ChatEvent& event : events) {
    const bool is_delta = event.type == Type::Text || event.type == Type::Reasoning;
    if (has_joined && is_delta && joined.type == event.type && joined.choice == event.choice) {
      joined.text.append(event.text);
      joined.signature.append(event.signature);
      continue;
    }
    flush();
    joined = event;
    has_joined = true;
  }
  flush();
  return out;
}

}  // namespace headgate::providers
