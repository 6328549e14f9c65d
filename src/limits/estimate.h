#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "limits/pricing.h"
#include "model/inference_request.h"
#include "model/request_context.h"

namespace headgate::limits {

/// What a request lets one guess its size from.
struct Asked {
  model::Kind kind = model::Kind::Chat;
  std::string_view body{};
  std::optional<std::int64_t> max_tokens{};  ///< max_tokens or max_completion_tokens
  std::int64_t choices = 1;                  ///< answers that are generated, images too
  std::int64_t characters = 0;               ///< to be spoken
};

/// Where a request does not say how long its answer may be.
inline constexpr std::int64_t kUsualOutputTokens = 1024;
/// An image inside a body, however many bytes it takes.
inline constexpr std::int64_t kImageTokens = 1500;

/// A sound file of the usual density: for each millisecond.
inline constexpr std::int64_t kSoundBytes = 16;
/// What models make of a second of sound.
inline constexpr std::int64_t kSoundTokens = 10;

/// How many tokens a request may take. In: a quarter of its bytes and kImageTokens for each image,
/// or what a sound comes to; out: what it allows for each choice, none for embeddings, documents
/// and the like. Pure.
TokenUse estimate_tokens(const Asked& asked);

/// How many tokens a text of so many bytes may be. Pure.
std::int64_t tokens_of_text(std::uint64_t bytes);

/// What a request used once it has ended: as the upstream reported it, or, of what is unknown, as
/// `estimate` and `end` say. Nothing if no upstream was called.
TokenUse tokens_used(const model::RequestContext& context, const TokenUse& estimate,
                     model::Spending::End end);

}  // namespace headgate::limits
