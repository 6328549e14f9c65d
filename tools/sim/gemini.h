#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sim/incoming.h"
#include "sim/saying.h"

namespace headgate::sim {

/// One request to generateContent or streamGenerateContent, found sound.
struct GeminiRequest {
  Demand demand;
  std::string model;
  bool stream = false;
  bool events = false;  ///< alt=sse: otherwise a stream is one JSON array
  bool shows_thoughts = false;
  bool thinks = true;
  std::size_t candidates = 1;
  bool logprobs = false;
  std::size_t alternatives = 0;  ///< of each token
  bool unsigned_call = false;    ///< a call of this turn came back without its signature
  std::string modality = {};     ///< the last of those asked for; empty: TEXT
};

/// What one of the embedding methods asks for.
struct GeminiEmbedding {
  bool batch = false;
  std::size_t count = 1;
  std::optional<std::size_t> dimensions;
};

/// Reads the body as strictly as the vendor does: a field it does not know is a mistake.
std::variant<GeminiRequest, Failure> read_gemini(std::string_view body);
/// Unset: sound.
std::optional<Failure> read_gemini_count(std::string_view body);
std::variant<GeminiEmbedding, Failure> read_gemini_embedding(std::string_view body, bool batch);

/// The healthy answers.
Reply gemini_reply(const Behaviour& behaviour, const GeminiRequest& request);
Reply gemini_count(const Behaviour& behaviour);
Reply gemini_embedding(const Behaviour& behaviour, const GeminiEmbedding& request);
Reply gemini_models(std::string_view id);

/// What a model attaches to the first call of a step.
std::string call_signature(std::string_view name);

}  // namespace headgate::sim
