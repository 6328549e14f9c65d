#pragma once

#include <string>
#include <vector>

#include "base/json_writer.h"
#include "base/result.h"
#include "model/chat.h"

namespace headgate::providers {

/// The turns of a conversation as Anthropic wants them: user and assistant in turns, each a list of
/// blocks, results of tools before all else, texts that are not empty.
class AnthropicTurns final {
 public:
  /// InvalidRequest names the part that has no block. `number` is the message's place.
  Result<void> add(const model::Message& message, std::size_t number);
  bool empty() const;
  /// The leading system messages.
  const std::string& system() const { return system_; }
  /// Adds a paragraph to them.
  void instruct(std::string_view text);
  /// The value of `messages`.
  void write(JsonWriter& json) const;

 private:
  enum class Speaker : std::uint8_t { User, Assistant };
  struct Turn {
    Speaker speaker = Speaker::User;
    std::string results;  ///< tool_result blocks, with commas between them
    std::string blocks;   ///< the others
  };
  Turn& turn_of(Speaker speaker);
  Result<void> add_system(const model::Message& message, const std::string& where);
  Result<void> add_user(const model::Message& message, const std::string& where);
  Result<void> add_assistant(const model::Message& message, const std::string& where);
  Result<void> add_result(const model::Message& message, const std::string& where);

  std::string system_;
  std::vector<Turn> turns_;
};

}  // namespace headgate::providers
