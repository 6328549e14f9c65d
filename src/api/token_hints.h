#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace headgate::api {

/// What the body of a request to a model says about its size.
struct TokenHints {
  std::string model;  ///< as asked for; empty if it cannot be read
  std::optional<std::int64_t>
      max_tokens;               ///< max_tokens, max_completion_tokens or max_output_tokens
  std::int64_t choices = 1;     ///< answers that are generated: n or best_of for each prompt
  std::int64_t characters = 0;  ///< of an `input` that is one text
};

/// Reads them before the request is let in, from JSON or a form. A body that is not such a request
/// has no hints: its route refuses it. `body` is followed by edge::kBodyPadding readable bytes.
TokenHints read_token_hints(std::string_view body);

}  // namespace headgate::api
