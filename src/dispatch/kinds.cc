#include "dispatch/kinds.h"

#include <utility>

#include "dialects/openai_embeddings.h"
#include "dialects/openai_media.h"

namespace headgate::dispatch {
namespace {

using model::Kind;

Error offers_none(Kind kind) {
  return invalid_request("This model offers no " + std::string(name_of(kind)) + ".", "model");
}

Result<KindAnswer> decode_vectors(const providers::Provider& provider,
                                  const model::InferenceRequest& request,
                                  const dialects::AnswerFrame& frame, std::string_view body) {
  auto answer = provider.decode_embedding(body);
  if (!answer) {
    return fail(answer.error());
  }
  const auto asked = dialects::decode_openai_embedding(request.body);
  if (asked && answer->vectors.size() != asked->inputs.size()) {
    return fail(upstream_failed("The model server answered with too few or too many embeddings.",
                                std::to_string(answer->vectors.size()) + " vectors for " +
                                    std::to_string(asked->inputs.size()) + " inputs"));
  }
  const auto encoding = request.base64 ? model::EmbeddingRequest::Encoding::Base64
                                       : model::EmbeddingRequest::Encoding::Float;
  return KindAnswer{.body = dialects::encode_openai_embedding(*answer, encoding, frame),
                    .content_type = {},
                    .usage = answer->usage};
}

Result<KindAnswer> decode_images(const providers::Provider& provider,
                                 const dialects::AnswerFrame& frame, std::string_view body) {
  auto answer = provider.decode_image(body);
  if (!answer) {
    return fail(answer.error());
  }
  return KindAnswer{.body = dialects::encode_openai_images(*answer, frame),
                    .content_type = {},
                    .usage = answer->usage};
}

Result<KindAnswer> decode_sound(const providers::Provider& provider,
                                const model::InferenceRequest& request, std::string_view body) {
  auto answer = provider.decode_speech(body);
  if (!answer) {
    return fail(answer.error());
  }
  const auto asked = dialects::decode_openai_speech(request.body);
  if (!asked) {
    return fail(asked.error());
  }
  const model::Usage usage = answer->usage;
  auto sound = dialects::encode_openai_speech(std::move(*answer), asked->format);
  if (!sound) {
    return fail(sound.error());
  }
  return KindAnswer{.body = std::move(sound->bytes),
                    .content_type = std::string(sound->content_type),
                    .usage = usage};
}

}  // namespace

Result<providers::WireRequest> encode_kind(const providers::Provider& provider,
                                           const model::InferenceRequest& request,
                                           const providers::TargetName& target) {
  if (request.kind == Kind::Embedding) {
    auto asked = dialects::decode_openai_embedding(request.body);
    return asked ? provider.encode_embedding(*asked, target) : fail(asked.error());
  }
  if (request.kind == Kind::Image) {
    auto asked = dialects::decode_openai_image(request.body);
    return asked ? provider.encode_image(*asked, target) : fail(asked.error());
  }
  if (request.kind == Kind::Speech) {
    auto asked = dialects::decode_openai_speech(request.body);
    return asked ? provider.encode_speech(*asked, target) : fail(asked.error());
  }
  return fail(offers_none(request.kind));
}

Result<KindAnswer> decode_kind(const providers::Provider& provider,
                               const model::InferenceRequest& request,
                               const dialects::AnswerFrame& frame, std::string_view body) {
  switch (request.kind) {
    case Kind::Embedding:
      return decode_vectors(provider, request, frame, body);
    case Kind::Image:
      return decode_images(provider, frame, body);
    case Kind::Speech:
      return decode_sound(provider, request, body);
    default:
      return fail(offers_none(request.kind));
  }
}

bool needs_base64(const model::InferenceRequest& request, std::string_view body) {
  if (!request.base64) {
    return false;
  }
  constexpr std::string_view kName = "\"embedding\"";
  // As a name it is followed by a colon; as the text of "object" it is not.
  for (std::size_t at = body.find(kName); at != std::string_view::npos;
       at = body.find(kName, at + 1)) {
    const std::size_t colon = body.find_first_not_of(" \t\r\n", at + kName.size());
    if (colon == std::string_view::npos || body[colon] != ':') {
      continue;
    }
    const std::size_t value = body.find_first_not_of(" \t\r\n", colon + 1);
    return value != std::string_view::npos && body[value] == '[';
  }
  return false;
}

}  // namespace headgate::dispatch
