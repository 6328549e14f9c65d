#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/token_usage.h"

namespace headgate::model {

/// Texts to be turned into vectors, in no vendor's dialect.
struct EmbeddingRequest {
  std::vector<std::string> inputs;  ///< at least one
  std::optional<std::int64_t> dimensions;
  enum class Encoding : std::uint8_t { Float, Base64 };
  Encoding encoding = Encoding::Float;  ///< how the client wants to read them
  std::string user;
};

struct EmbeddingAnswer {
  std::string model;
  std::vector<std::vector<float>> vectors;  ///< one for each input, in their order
  Usage usage;
};

}  // namespace headgate::model
