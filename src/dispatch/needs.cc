#include "dispatch/needs.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "limits/estimate.h"

namespace headgate::dispatch {
namespace {

/// What a part of a message that is an image is called by OpenAI (both APIs) and Anthropic. Inside
/// a text its quotes would be escaped.
constexpr std::array<std::string_view, 3> kImageTypes = {"\"image_url\"", "\"input_image\"",
                                                         "\"image\""};

}  // namespace

routing::Needs needs_of(const model::InferenceRequest& request) {
  const std::string_view messages = request.messages;
  routing::Needs needs;
  needs.kind = request.kind;
  needs.input_tokens = static_cast<std::uint64_t>(
      limits::estimate_tokens({.kind = request.kind, .body = request.body}).input);
  needs.output_tokens = static_cast<std::uint64_t>(std::max<std::int64_t>(0, request.max_output));
  needs.tools = request.tools;
  needs.json_schema = request.json_schema;
  needs.images = std::ranges::any_of(kImageTypes, [&](std::string_view type) {
    return memmem(messages.data(), messages.size(), type.data(), type.size()) != nullptr;
  });
  return needs;
}

}  // namespace headgate::dispatch
