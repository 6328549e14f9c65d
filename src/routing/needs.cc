#include "routing/needs.h"

#include <algorithm>
#include <array>

#include "routing/catalog.h"

namespace headgate::routing {
namespace {

bool is_of_documents(model::Kind kind) {
  return kind == model::Kind::Ocr || kind == model::Kind::Classify || kind == model::Kind::Extract;
}

/// Neither of text nor of documents.
constexpr std::array kOfMedia = {model::Kind::Image, model::Kind::Speech,
                                 model::Kind::Transcription, model::Kind::Moderation,
                                 model::Kind::Rerank};

}  // namespace

bool serves(const Model& model, model::Kind kind) {
  if (model.any_kind) {
    return true;
  }
  if (std::ranges::find(kOfMedia, kind) != kOfMedia.end()) {
    return model.kind == name_of(kind);
  }
  return std::ranges::none_of(kOfMedia,
                              [&](model::Kind media) { return model.kind == name_of(media); });
}

std::string_view name_of(Need need) {
  switch (need) {
    case Need::Kind:
      return "kind";
    case Need::Context:
      return "context";
    case Need::Output:
      return "output";
    case Need::Images:
      return "images";
    case Need::Tools:
      return "tools";
    case Need::JsonSchema:
      return "json_schema";
  }
  return "kind";
}

std::optional<Need> unmet(const Needs& needs, const Target& target) {
  const bool known = target.protocol != nullptr && !is_of_documents(needs.kind);
  const bool offers =
      target.embedded ? is_of_documents(needs.kind) : !known || target.protocol->offers(needs.kind);
  if (!offers) {
    return Need::Kind;
  }
  if (target.max_output != 0 && needs.output_tokens > target.max_output) {
    return Need::Output;
  }
  if (target.context != 0 &&
      needs.input_tokens - needs.input_tokens / 4 + needs.output_tokens > target.context) {
    return Need::Context;
  }
  if (needs.images && !target.abilities.images) {
    return Need::Images;
  }
  if (needs.tools && !target.abilities.tools) {
    return Need::Tools;
  }
  if (needs.json_schema && !target.abilities.json_schema) {
    return Need::JsonSchema;
  }
  return std::nullopt;
}

bool fits_well(const Needs& needs, const Target& target) {
  return target.context == 0 || needs.input_tokens + needs.output_tokens <= target.context;
}

}  // namespace headgate::routing
