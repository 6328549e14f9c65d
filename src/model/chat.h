#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace headgate::model {

/// A piece of a message. Texts are UTF-8 without JSON escapes.
struct Part {
  enum class Type : std::uint8_t { Text, Image, Audio, File, Refusal, Reasoning };
  Type type = Type::Text;
  std::string text;        ///< of Text, Refusal and Reasoning
  std::string url;         ///< of Image and File: where it lies, if not in `data`
  std::string media_type;  ///< of `data`, e.g. "image/png"
  std::string data;        ///< base64 as the client sent it, without "data:" prefix
  std::string name;        ///< of File
  std::string detail;      ///< of Image: low | high | auto, or empty
  std::string signature;  ///< opaque proof of a Reasoning, or a Gemini thought signature: goes back
                          ///< as it came
  bool redacted = false;  ///< a Reasoning of which only `signature` is known
};

/// A call of a tool that the model asked for.
struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;  ///< JSON text, as the model wrote it
  std::string signature;  ///< Gemini's thought signature, or empty
};

/// A turn of the conversation.
struct Message {
  enum class Role : std::uint8_t { System, User, Assistant, Tool };
  enum class Outcome : std::uint8_t { Ok, Failed };
  Role role = Role::User;
  std::vector<Part> content;
  std::vector<ToolCall> tool_calls;  ///< of an Assistant
  std::string tool_call_id;          ///< of a Tool: the call that this is the result of
  Outcome outcome = Outcome::Ok;     ///< of a Tool
  std::string name;                  ///< of the speaker, or empty
};

struct Tool {
  std::string name;
  std::string description;
  std::string parameters;  ///< JSON Schema as JSON text; empty: no parameters
  std::optional<bool> strict;
};

struct ToolChoice {
  enum class Mode : std::uint8_t { Unset, Auto, None, Required, Named };
  Mode mode = Mode::Unset;
  std::string name;  ///< of Named
};

/// What the answer's text must be.
struct OutputFormat {
  enum class Type : std::uint8_t { Text, JsonObject, JsonSchema };
  Type type = Type::Text;
  std::string name;
  std::string description;
  std::string schema;  ///< JSON text
  std::optional<bool> strict;
};

/// A chat request in no vendor's dialect. A provider refuses what its vendor cannot express, naming
/// the member in OpenAI's words; what is merely advice to the vendor (`user`) may be left out.
struct ChatRequest {
  std::vector<Message> messages;  ///< at least one
  std::vector<Tool> tools;
  ToolChoice tool_choice;
  std::optional<bool> parallel_tool_calls;
  OutputFormat format;
  std::optional<std::int64_t> max_tokens;  ///< of the answer, reasoning included
  std::optional<double> temperature;       ///< 0 to 2
  std::optional<double> top_p;
  std::optional<std::int64_t> top_k;
  std::optional<std::int64_t> seed;
  std::optional<double> presence_penalty;
  std::optional<double> frequency_penalty;
  std::vector<std::string> stop;
  bool continues = false;    ///< the last message is the beginning of the answer that is wanted
  std::int64_t choices = 1;  ///< OpenAI's `n`
  bool logprobs = false;
  std::optional<std::int64_t> top_logprobs;
  std::string reasoning_effort;  ///< none | minimal | low | medium | high | ..., or empty
  std::optional<std::int64_t> reasoning_tokens;  ///< Anthropic's budget_tokens; 0: no reasoning
  std::string user;                              ///< whom the caller serves, a label
  std::string logit_bias;                        ///< JSON text of OpenAI's object, or empty
};

}  // namespace headgate::model
