#pragma once

#include <cstdint>

namespace headgate::model {

/// Tokens an answer was billed with; -1: not told. Counted as OpenAI does: cached tokens are part
/// of the input, reasoning tokens part of the output.
struct Usage {
  std::int64_t input_tokens = -1;
  std::int64_t output_tokens = -1;
  std::int64_t cached_tokens = -1;       ///< of the input: read from the vendor's cache
  std::int64_t cache_write_tokens = -1;  ///< of the input: written to it (Anthropic)
  std::int64_t reasoning_tokens = -1;    ///< of the output
  std::int64_t audio_ms = -1;            ///< how long the sound was that was transcribed
};

}  // namespace headgate::model
