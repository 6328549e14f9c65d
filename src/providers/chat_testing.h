#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/chat_answer.h"
#include "providers/provider.h"

// For the tests of chats, by providers.
namespace headgate::providers {

inline std::string describe(model::Finish finish) {
  constexpr std::string_view kNames[] = {"none", "stop", "sequence", "length", "calls", "filter"};
  return std::string(kNames[static_cast<std::size_t>(finish)]);
}

inline std::string describe(const Usage& usage) {
  return std::to_string(usage.input_tokens) + "+" + std::to_string(usage.output_tokens) +
         " cached " + std::to_string(usage.cached_tokens) + " written " +
         std::to_string(usage.cache_write_tokens) + " reasoning " +
         std::to_string(usage.reasoning_tokens);
}

/// One line for each event: choice, what it is, what it says. Neighbouring deltas are not joined.
inline std::string describe(const model::ChatEvent& event) {
  using Type = model::ChatEvent::Type;
  const std::string choice = std::to_string(event.choice) + " ";
  const std::string call = "[" + std::to_string(event.index) + "] ";
  switch (event.type) {
    case Type::Start:
      return choice + "start " + event.id + " " + event.name + "\n";
    case Type::Text:
      return choice + "text " + event.text + "\n";
    case Type::Reasoning:
      return choice + "reasoning " + event.text + "|" + event.signature + "\n";
    case Type::Refusal:
      return choice + "refusal " + event.text + "\n";
    case Type::ToolCall:
      return choice + "call" + call + event.id + " " + event.name + "|" + event.signature + "\n";
    case Type::ToolArguments:
      return choice + "arguments" + call + event.text + "\n";
    case Type::Image:
      return choice + "image " + event.name + "\n";
    case Type::Logprobs:
      return choice + "logprobs " + event.text + "\n";
    case Type::Finish:
      return choice + "finish " + describe(event.finish) + "|" + event.text + "\n";
    case Type::Usage:
      return choice + "usage " + describe(event.usage) + "\n";
  }
  return {};
}

/// What a reader makes of `stream`, fed in pieces of `size`; the last line is its failure, if any.
inline std::string read_chat(const Provider& provider, std::string_view stream, std::size_t size) {
  auto reader = provider.chat_reader();
  std::vector<model::ChatEvent> events;
  Result<void> read;
  for (std::size_t at = 0; read && at < stream.size(); at += size) {
    read = reader->feed(stream.substr(at, size), events);
  }
  if (read) {
    read = reader->finish(events);
  }
  std::string told;
  for (const model::ChatEvent& event : events) {
    told.append(describe(event));
  }
  return read ? told : told.append("failed: ").append(read.error().message).append("\n");
}

}  // namespace headgate::providers
