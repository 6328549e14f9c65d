#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <simdjson.h>

#include "base/result.h"
#include "model/chat_answer.h"

namespace headgate::providers {

/// Turns the GenerateContentResponses of one answer into events: the one of a whole answer, or all
/// of a stream in their order.
class GeminiAnswer {
 public:
  /// `json` is a response or an array of them; what is neither is passed over. Fails with what an
  /// error inside of it means to our caller, or UpstreamFailed if the model gave up with nothing to
  /// show; the events before are appended all the same.
  Result<void> take(std::string_view json, std::vector<model::ChatEvent>& events);
  /// Nothing more comes: UpstreamFailed unless every choice had its end.
  Result<void> finish() const;

 private:
  struct Choice {
    model::ChatEvent::Type last = model::ChatEvent::Type::Start;  ///< kind of the last part
    std::uint32_t calls = 0;
    bool produced = false;  ///< text, a call or an image
    bool finished = false;
  };

  Result<void> take_response(simdjson::dom::element response,
                             std::vector<model::ChatEvent>& events);
  Result<void> take_candidate(simdjson::dom::element candidate,
                              std::vector<model::ChatEvent>& events);
  Result<void> take_part(simdjson::dom::element part, std::uint32_t index,
                         std::vector<model::ChatEvent>& events);
  void take_text(simdjson::dom::element part, std::uint32_t index,
                 std::vector<model::ChatEvent>& events);
  void take_call(simdjson::dom::element call, std::string signature, std::uint32_t index,
                 std::vector<model::ChatEvent>& events);
  Result<void> take_finish(simdjson::dom::element candidate, std::uint32_t index,
                           std::vector<model::ChatEvent>& events);
  void take_blocked(simdjson::dom::element response, std::vector<model::ChatEvent>& events);

  simdjson::dom::parser parser_;
  std::vector<std::string> arguments_;  ///< of the function calls in the JSON being taken
  std::size_t next_arguments_ = 0;
  std::string call_prefix_;  ///< of the ids that calls without one get
  std::uint32_t calls_ = 0;  ///< of all choices
  std::vector<Choice> choices_;
  bool started_ = false;
};

}  // namespace headgate::providers
