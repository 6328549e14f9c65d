#include "providers/provider.h"

namespace headgate::providers {
namespace {

Error offers_no(std::string_view what) {
  return invalid_request("This model offers no " + std::string(what) + ".", "model");
}

}  // namespace

Result<WireRequest> Provider::encode_chat(const model::ChatRequest& /*request*/,
                                          model::Delivery /*delivery*/,
                                          const TargetName& /*target*/) const {
  return fail(offers_no("chat"));
}

Result<void> Provider::check_answer(model::Kind /*kind*/, std::string_view /*body*/) const {
  return {};
}

Result<model::ChatAnswer> Provider::decode_chat(std::string_view /*body*/) const {
  return fail(offers_no("chat"));
}

WireRequest Provider::encode_model_list() const {
  WireRequest wire;
  wire.method = "GET";
  wire.path = "/models";
  wire.fields = "Accept-Encoding: identity\r\n";
  return wire;
}

WireRequest Provider::encode_health(const TargetName& /*target*/) const {
  return encode_model_list();
}

Vitals Provider::read_health(int status, std::string_view /*body*/) const {
  constexpr int kServerError = 500;
  const bool well = status < kServerError && status != 401 && status != 403;
  if (well) {
    return {};
  }
  return {.state = Vitals::State::Ill,
          .trouble = "The provider answered with status " + std::to_string(status) + "."};
}

std::unique_ptr<ChatReader> Provider::chat_reader() const { return nullptr; }

Result<WireRequest> Provider::encode_embedding(const model::EmbeddingRequest& /*request*/,
                                               const TargetName& /*target*/) const {
  return fail(offers_no("embeddings"));
}

Result<model::EmbeddingAnswer> Provider::decode_embedding(std::string_view /*body*/) const {
  return fail(offers_no("embeddings"));
}

Result<WireRequest> Provider::encode_image(const model::ImageRequest& /*request*/,
                                           const TargetName& /*target*/) const {
  return fail(offers_no("images"));
}

Result<model::ImageAnswer> Provider::decode_image(std::string_view /*body*/) const {
  return fail(offers_no("images"));
}

Result<WireRequest> Provider::encode_speech(const model::SpeechRequest& /*request*/,
                                            const TargetName& /*target*/) const {
  return fail(offers_no("speech"));
}

Result<model::SpeechAnswer> Provider::decode_speech(std::string_view /*body*/) const {
  return fail(offers_no("speech"));
}

Result<WireRequest> Provider::encode_count(const model::ChatRequest& /*request*/,
                                           const TargetName& /*target*/) const {
  return fail(offers_no("counting of tokens"));
}

Result<WireRequest> Provider::encode_own_count(const model::InferenceRequest& /*request*/,
                                               const TargetName& /*target*/) const {
  return fail(offers_no("counting of tokens"));
}

Result<std::int64_t> Provider::decode_count(std::string_view /*body*/) const {
  return fail(offers_no("counting of tokens"));
}

}  // namespace headgate::providers
