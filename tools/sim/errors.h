#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sim/behaviour.h"

namespace headgate::sim {

/// Whose way of speaking an answer has.
enum class Protocol : std::uint8_t { OpenAi, Responses, Anthropic, Gemini, RunPod };

/// As the log shows it.
std::string_view name_of(Protocol protocol);

struct Failure {
  int status = 500;
  std::string_view code;  ///< of OpenAI and RunPod; empty: null
  std::string message;
};

/// The JSON body of an error, in the shape of `protocol`.
std::string error_body(Protocol protocol, const Behaviour& behaviour, const Failure& failure);

/// The same where it comes in the middle of a stream.
std::string error_event(Protocol protocol, const Behaviour& behaviour, const Failure& failure);

/// Header lines that say when to try again, and whether.
std::string retry_fields(const Behaviour& behaviour);

/// The error that `behaviour` asks for.
Failure simulated_failure(Protocol protocol, const Behaviour& behaviour, std::string_view model);

std::string_view reason_of(int status);

}  // namespace headgate::sim
