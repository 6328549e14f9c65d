#include "limits/estimate.h"

#include <algorithm>
#include <array>

namespace headgate::limits {
namespace {

constexpr std::int64_t kBytesForToken = 4;
/// Where an image's bytes begin: in a data URL, and as a member of Anthropic's `source`. Inside a
/// text the quotes would be escaped.
constexpr std::array<std::string_view, 3> kBase64 = {";base64,", R"("data":")", R"("data": ")"};

/// The alphabet, padding, and what JSON may write before a slash.
constexpr std::array<bool, 256> kInBase64 = [] {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                       "0123456789+/=\\")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}();

/// Finds where the bytes of images begin, reading the text once for each mark.
class Images final {
 public:
  explicit Images(std::string_view body) : body_(body) {}

  /// The first place behind `from`, which never goes back; npos if there is none.
  std::size_t next(std::size_t from) {
    std::size_t first = std::string_view::npos;
    for (std::size_t i = 0; i < kBase64.size(); ++i) {
      if (places_[i] <= from) {
        const std::size_t at = body_.find(kBase64[i], from);
        places_[i] = at == std::string_view::npos ? at : at + kBase64[i].size();
      }
      first = std::min(first, places_[i]);
    }
    return first;
  }

 private:
  std::string_view body_;
  std::array<std::size_t, kBase64.size()> places_{};
};

/// Tokens of the text, and of the images that stand in it in base64.
std::int64_t input_tokens(std::string_view body) {
  Images places(body);
  std::size_t from = 0;
  std::int64_t text_bytes = 0;
  std::int64_t images = 0;
  while (true) {
    const std::size_t data = places.next(from);
    if (data == std::string_view::npos) {
      text_bytes += static_cast<std::int64_t>(body.size() - from);
      break;
    }
    text_bytes += static_cast<std::int64_t>(data - from);
    // To the first other byte, not to the quote: a prompt cannot pass for an image.
    std::size_t end = data;
    while (end < body.size() && kInBase64[static_cast<unsigned char>(body[end])]) {
      ++end;
    }
    const auto length = static_cast<std::int64_t>(end - data);
    if (length / kBytesForToken < kImageTokens) {  // a small one is no dearer than its text
      text_bytes += length;
    } else {
      ++images;
    }
    from = end;
  }
  const std::int64_t text_tokens = tokens_of_text(static_cast<std::uint64_t>(text_bytes));
  return std::min(text_tokens + images * kImageTokens, kMostTokens);
}

bool writes_or_draws(model::Kind kind) {
  using enum model::Kind;
  return kind == Chat || kind == Completion || kind == Image || kind == Speech ||
         kind == Transcription;
}

std::int64_t output_tokens(const Asked& asked) {
  if (!writes_or_draws(asked.kind)) {
    return 0;
  }
  constexpr std::int64_t kMostChoices = 1024;
  // Servers take numbers below one for "no limit".
  const bool is_limited = asked.max_tokens && *asked.max_tokens > 0;
  const std::int64_t each =
      is_limited ? std::min(*asked.max_tokens, kMostTokens) : kUsualOutputTokens;
  return std::min(each * std::clamp<std::int64_t>(asked.choices, 1, kMostChoices), kMostTokens);
}

}  // namespace

std::int64_t tokens_of_text(std::uint64_t bytes) {
  const std::uint64_t most = static_cast<std::uint64_t>(kMostTokens) * kBytesForToken;
  return (static_cast<std::int64_t>(std::min(bytes, most)) + kBytesForToken - 1) / kBytesForToken;
}

TokenUse estimate_tokens(const Asked& asked) {
  TokenUse use{.output = output_tokens(asked)};
  if (asked.kind == model::Kind::Transcription) {
    use.audio_ms = static_cast<std::int64_t>(asked.body.size()) / kSoundBytes;
    use.input = use.audio_ms * kSoundTokens / 1000;
    return use;
  }
  use.input = input_tokens(asked.body);
  use.images = asked.kind == model::Kind::Image ? asked.choices : 0;
  use.characters = asked.kind == model::Kind::Speech ? asked.characters : 0;
  return use;
}

TokenUse tokens_used(const model::RequestContext& context, const TokenUse& estimate,
                     model::Spending::End end) {
  using End = model::Spending::End;
  if (context.attempts == 0) {
    return {};
  }
  const auto known_of = [](std::int64_t told) {
    return std::clamp<std::int64_t>(told, 0, kMostTokens);
  };
  const TokenUse known = {.input = known_of(context.input_tokens),
                          .output = known_of(context.output_tokens),
                          .images = known_of(context.images),
                          .characters = known_of(context.characters),
                          .audio_ms = known_of(context.audio_ms)};
  const bool any_known = context.input_tokens >= 0 || context.output_tokens >= 0 ||
                         context.images >= 0 || context.characters >= 0 || context.audio_ms >= 0;
  if (end == End::Refused || (end == End::Complete && any_known)) {
    return known;
  }
  // Of an answer that broke off, an upstream may have reported only the beginning.
  return {.input = context.input_tokens >= 0 ? known.input : estimate.input,
          .output = std::max(known.output, estimate.output),
          .images = std::max(known.images, estimate.images),
          .characters = std::max(known.characters, estimate.characters),
          .audio_ms = context.audio_ms >= 0 ? known.audio_ms : estimate.audio_ms};
}

}  // namespace headgate::limits
