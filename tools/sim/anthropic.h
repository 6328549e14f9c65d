#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "sim/incoming.h"
#include "sim/saying.h"

namespace headgate::sim {

/// One request to /v1/messages or its count_tokens, found sound.
struct AnthropicRequest {
  Demand demand;
  std::string model;
  bool stream = false;
  bool thinks = false;         ///< a thinking block comes first
  bool must_think = false;     ///< even if the model has no thoughts of its own
  bool hides_thought = false;  ///< only its signature is shown
  bool prefilled = false;      ///< the last turn is the assistant's
};

enum class AnthropicCall : unsigned char { Messages, CountTokens };

/// Reads a request as strictly as the vendor does.
std::variant<AnthropicRequest, Failure> read_anthropic(AnthropicCall call,
                                                       const Incoming& incoming);

/// The healthy answer to messages.
Reply anthropic_reply(const Behaviour& behaviour, const AnthropicRequest& request);
/// The healthy answer to count_tokens.
Reply anthropic_count(const Behaviour& behaviour);
/// The model list, or one model if `id` is not empty.
Reply anthropic_models(std::string_view id);

/// The signature of a thought: it must come back with it.
std::string thought_signature(std::string_view thought);

}  // namespace headgate::sim
