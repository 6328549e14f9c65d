#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/behaviour.h"

namespace headgate::sim {

/// What the connection does once the last byte of a script is written.
enum class Ending : std::uint8_t { KeepAlive, Close, Reset, Hang };

/// One response as it goes over the wire: bytes, and when how many of them leave.
struct Script {
  /// Everything up to byte `until` leaves in one write, `delay` after the step before it.
  struct Step {
    std::size_t until = 0;
    std::chrono::microseconds delay{0};
  };

  std::string head;
  std::size_t number_at =
      0;             ///< where in `head` the 16 digits of the request's number go; 0: nowhere
  std::string body;  ///< with its framing
  std::vector<Step> steps;  ///< never empty; positions count head and body together
  Ending ending = Ending::KeepAlive;
  bool broken = false;  ///< a fault ends it before its time
  bool drip = false;    ///< one byte a write
  std::chrono::microseconds byte_gap{0};

  std::size_t size() const { return head.size() + body.size(); }
};

inline constexpr std::size_t kNumberDigits = 16;

enum class Endpoint : std::uint8_t { Chat, Completion, Embeddings };

/// What of a request decides the shape of its answer.
struct Question {
  Endpoint endpoint = Endpoint::Chat;
  bool stream = false;
  bool include_usage = false;
  bool close = false;   ///< the client asked for the end of the connection
  bool http10 = false;  ///< no chunks
  std::size_t max_tokens = SIZE_MAX;
  std::string_view model;
  std::string_view embeddings;  ///< the answer's body of Endpoint::Embeddings
  std::string_view body;        ///< shown by Content::RequestBody
  std::string_view fields;      ///< shown by Content::RequestHeaders
};

/// The answer of a model server that behaves like `behaviour`, faults included.
Script make_answer(const Behaviour& behaviour, const Question& question);

/// A whole response with a JSON body, kept alive unless `behaviour` or `question` say otherwise.
Script make_json(const Behaviour& behaviour, const Question& question, int status,
                 std::string_view extra_fields, std::string body);

/// An error in the shape of OpenAI, or of vLLM if `behaviour` says so. `code` may be empty: null.
Script make_error(const Behaviour& behaviour, const Question& question, int status,
                  std::string_view code, std::string_view message);

}  // namespace headgate::sim
