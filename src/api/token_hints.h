#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace headgate::api {

/// What the body of a request for text says about its size.
struct TokenHints {
  std::string model;  ///< as asked for; empty if it cannot be read
  std::optional<std::int64_t>
      max_tokens;            ///< max_tokens, max_completion_tokens or max_output_tokens
  std::int64_t choices = 1;  ///< answers that are generated: n or best_of for each prompt
};

/// Reads them before the request is let in. A body that is not such a request has no hints: its
/// route refuses it. `body` is followed by edge::kBodyPadding readable bytes.
TokenHints read_token_hints(std::string_view body);

}  // namespace headgate::api
