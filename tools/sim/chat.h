#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sim/saying.h"
#include "sim/wire.h"

namespace headgate::sim {

enum class Endpoint : unsigned char { Chat, Completion };

/// What of a request to OpenAI's chat or completions decides the shape of its answer.
struct ChatShape {
  Endpoint endpoint = Endpoint::Chat;
  bool stream = false;
  bool include_usage = false;
  std::size_t choices = 1;
  std::optional<std::size_t> logprobs = {};  ///< alternatives of each token; unset: none wanted
  std::string_view model = {};
};

/// Reads a whole body of chat or completions. `shape.model` stays as it was.
std::variant<Demand, Failure> read_chat(std::string_view body, ChatShape& shape);

/// The healthy answer.
Reply chat_reply(const Behaviour& behaviour, const ChatShape& shape, const Demand& demand);

}  // namespace headgate::sim
