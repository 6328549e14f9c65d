#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/behaviour.h"
#include "sim/encoding.h"

namespace headgate::sim {

struct Tool {
  std::string name;
  std::string schema;  ///< of its arguments, as JSON; may be empty
};

/// What a request asks of the model, whichever protocol it came in.
struct Demand {
  std::uint64_t seed = kHashStart;  ///< of the user's texts and the results of tools
  std::string prefix;               ///< how the answer begins: the model goes on from here
  std::size_t max_tokens = SIZE_MAX;
  std::vector<std::string> stop;
  std::vector<Tool> tools;   ///< that may be called now
  bool after_tools = false;  ///< results of tools are the last word: an answer is due
  bool must_call = false;
  std::optional<std::string> schema;  ///< the answer is JSON that fits it
  std::string_view echo_body;
  std::string_view echo_fields;

  /// Adds what the user said.
  void heard(std::string_view text) { seed = hash_text(seed, text); }
};

struct ToolCall {
  std::string id;  ///< without a prefix
  std::string name;
  std::string arguments;  ///< JSON
};

enum class Stop : std::uint8_t { End, Length, Sequence, Calls, Refused };

/// What the model says: the same for the same demand on every instance.
struct Saying {
  std::string id;  ///< without a prefix
  std::vector<std::string> thoughts;
  std::vector<std::string> pieces;  ///< of the text, one a token
  std::vector<ToolCall> calls;
  Stop stop = Stop::End;
  std::string stop_sequence;  ///< that ended it

  std::string text() const;
  std::string thought() const;
  std::size_t tokens() const;  ///< with those of thoughts and calls
};

/// `choice` counts the answers of one request that asks for several.
Saying say(const Behaviour& behaviour, const Demand& demand, std::size_t choice = 0);

/// `text` in pieces of about `size` bytes, never cut inside a UTF-8 character.
std::vector<std::string> cut_text(std::string_view text, std::size_t size);

std::string joined(const std::vector<std::string>& pieces);

}  // namespace headgate::sim
