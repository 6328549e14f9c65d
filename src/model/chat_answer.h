#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/chat.h"
#include "model/token_usage.h"

namespace headgate::model {

/// Why the model stopped.
enum class Finish : std::uint8_t { None, Stop, StopSequence, Length, ToolCalls, ContentFilter };

/// One of the answers that were asked for.
struct Choice {
  std::vector<Part> content;  ///< Text, Reasoning, Refusal, Image, in the model's order
  std::vector<ToolCall> tool_calls;
  Finish finish = Finish::None;
  std::string stop_sequence;  ///< the one that was met, or empty
  std::string logprobs;       ///< JSON text in OpenAI's form, or empty
};

/// A whole chat answer in no vendor's dialect.
struct ChatAnswer {
  std::string id;     ///< the vendor's, or empty
  std::string model;  ///< what the vendor says answered, or empty
  std::vector<Choice> choices;
  Usage usage;
};

/// One step of a streamed answer. A sound stream is: Start, any of the deltas, Finish for each
/// choice, with Usage anywhere behind Start; the last Usage holds.
struct ChatEvent {
  enum class Type : std::uint8_t {
    Start,          ///< `id`, `name` (the model)
    Text,           ///< `text` continues the choice's text; `signature` (Gemini's) closes it
    Reasoning,      ///< `text` continues its reasoning; `signature` closes it
    Refusal,        ///< `text` continues its refusal
    Image,          ///< a whole image: `text` in base64, `name` its media type, `signature`
    ToolCall,       ///< call number `index` begins: `id`, `name`, `signature`
    ToolArguments,  ///< `text` continues the arguments of call `index`
    Logprobs,       ///< `text` is JSON in OpenAI's form, for the delta before
    Finish,         ///< `finish`, and `text` is the stop sequence met
    Usage,          ///< `usage`: totals so far
  };
  Type type = Type::Text;
  std::uint32_t choice = 0;
  std::uint32_t index = 0;
  std::string text;
  std::string id;
  std::string name;
  std::string signature;
  bool redacted = false;  ///< of Reasoning: only its `signature` is known
  model::Finish finish = model::Finish::None;
  model::Usage usage;
};

}  // namespace headgate::model
