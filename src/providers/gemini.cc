// Google Gemini API, generateContent family: POST {base}/v1beta/models/{model}:generateContent,
// :streamGenerateContent?alt=sse, :countTokens, :embedContent, :batchEmbedContents; key in
// x-goog-api-key.
// Source: ai.google.dev/api, version v1beta; the request builders of @google/genai 2.32.
//
// What differs from the client's request: everything, so nothing passes; see gemini_request.cc,
// gemini_contents.cc and gemini_answer.cc.
#include <cstdint>
#include <string>
#include <utility>

#include <simdjson.h>

#include "base/encoding.h"
#include "providers/gemini_answer.h"
#include "providers/gemini_embedding.h"
#include "providers/gemini_error.h"
#include "providers/gemini_json.h"
#include "providers/gemini_media.h"
#include "providers/gemini_request.h"
#include "providers/gemini_stream.h"
#include "providers/provider.h"

namespace headgate::providers {

std::unique_ptr<Provider> make_gemini();

namespace {

/// What every model takes; some take more, but larger files belong to the Files API.
constexpr std::size_t kMaxBody = 20 << 20;

/// The model as a resource name, fit for a path: "models/" before it unless it names its kind.
std::string resource_of(std::string_view model) {
  std::string_view kind = "models/";
  for (const std::string_view told : {"models/", "tunedModels/"}) {
    if (model.starts_with(told)) {
      kind = told;
      model.remove_prefix(told.size());
      break;
    }
  }
  std::string resource(kind);
  constexpr std::string_view kPlain = "-._~";
  for (const char c : model) {
    const bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                          (c >= 'A' && c <= 'Z') || kPlain.find(c) != std::string_view::npos;
    if (is_plain) {
      resource.push_back(c);
    } else {
      resource.append("%").append(hex(std::string_view(&c, 1)));
    }
  }
  return resource;
}

Result<WireRequest> call(const TargetName& target, std::string_view method, std::string body) {
  if (body.size() > kMaxBody) {
    return fail(too_large("This model takes requests of up to 20 MB, files included."));
  }
  WireRequest wire;
  wire.path = "/v1beta/" + resource_of(target.model).append(":").append(method);
  wire.fields = "Content-Type: application/json\r\nAccept-Encoding: identity\r\n";
  wire.owned = std::move(body);
  wire.add(wire.owned);
  return wire;
}

/// A whole answer's choice, put together from its events.
void add_to(model::Choice& choice, model::ChatEvent& event) {
  using Type = model::ChatEvent::Type;
  using model::Part;
  switch (event.type) {
    case Type::Text:
    case Type::Reasoning: {
      const auto type = event.type == Type::Text ? Part::Type::Text : Part::Type::Reasoning;
      const bool goes_on = !choice.content.empty() && choice.content.back().type == type &&
                           choice.content.back().signature.empty() &&
                           (event.signature.empty() || event.text.empty());
      if (!goes_on) {
        choice.content.emplace_back().type = type;
      }
      choice.content.back().text.append(event.text);
      choice.content.back().signature = std::move(event.signature);
      return;
    }
    case Type::Image: {
      Part& image = choice.content.emplace_back();
      image.type = Part::Type::Image;
      image.media_type = std::move(event.name);
      image.data = std::move(event.text);
      image.signature = std::move(event.signature);
      return;
    }
    case Type::ToolCall:
      choice.tool_calls.push_back({.id = std::move(event.id),
                                   .name = std::move(event.name),
                                   .arguments = {},
                                   .signature = std::move(event.signature)});
      return;
    case Type::ToolArguments:
      choice.tool_calls.back().arguments.append(event.text);
      return;
    case Type::Logprobs:
      choice.logprobs = std::move(event.text);
      return;
    case Type::Finish:
      choice.finish = event.finish;
      return;
    case Type::Start:
    case Type::Refusal:
    case Type::Usage:
      return;
  }
}

class Gemini final : public Provider {
 public:
  Result<WireRequest> encode(const model::InferenceRequest& /*request*/,
                             const TargetName& /*target*/) const override {
    return fail(
        invalid_request("This model offers chat, embeddings, images and speech only.", "model"));
  }

  WireRequest encode_model_list() const override {
    WireRequest wire;
    wire.method = "GET";
    wire.path = "/v1beta/models?pageSize=1";
    wire.fields = "Accept-Encoding: identity\r\n";
    return wire;
  }

  std::string credential_fields(std::string_view api_key) const override {
    return api_key.empty() ? std::string()
                           : std::string("x-goog-api-key: ").append(api_key).append("\r\n");
  }

  Error decode_error(int status, std::string_view retry_after,
                     std::string_view body) const override {
    return decode_gemini_error(status, retry_after, body);
  }

  /// Nothing passes, so every answer is decoded and tells its usage there.
  Usage usage_of(std::string_view /*tail*/) const override { return {}; }

  std::unique_ptr<StreamRelay> stream_relay(
      const model::InferenceRequest& /*request*/) const override {
    return nullptr;  // nothing passes
  }

  bool offers(model::Kind kind) const override {
    return kind == model::Kind::Chat || kind == model::Kind::Embedding ||
           kind == model::Kind::Image || kind == model::Kind::Speech;
  }
  bool passes(model::Dialect /*dialect*/, model::Kind /*kind*/) const override { return false; }

  Result<WireRequest> encode_chat(const model::ChatRequest& request, model::Delivery delivery,
                                  const TargetName& target) const override {
    auto members = write_gemini_chat(request, target.model);
    if (!members) {
      return fail(members.error());
    }
    const bool is_stream = delivery == model::Delivery::Stream;
    return call(target, is_stream ? "streamGenerateContent?alt=sse" : "generateContent",
                "{" + std::move(*members) + "}");
  }

  Result<model::ChatAnswer> decode_chat(std::string_view body) const override {
    GeminiAnswer reader;
    std::vector<model::ChatEvent> events;
    if (auto taken = reader.take(body, events); !taken) {
      return fail(taken.error());
    }
    if (auto whole = reader.finish(); !whole) {
      return fail(whole.error());
    }
    model::ChatAnswer answer;
    for (model::ChatEvent& event : events) {
      if (event.type == model::ChatEvent::Type::Start) {
        answer.id = std::move(event.id);
        answer.model = std::move(event.name);
        continue;
      }
      if (event.type == model::ChatEvent::Type::Usage) {
        answer.usage = event.usage;
        continue;
      }
      if (answer.choices.size() <= event.choice) {
        answer.choices.resize(event.choice + 1);
      }
      add_to(answer.choices[event.choice], event);
    }
    return answer;
  }

  std::unique_ptr<ChatReader> chat_reader() const override { return make_gemini_reader(); }

  Result<WireRequest> encode_embedding(const model::EmbeddingRequest& request,
                                       const TargetName& target) const override {
    const bool is_one = request.inputs.size() == 1;
    return call(target, is_one ? "embedContent" : "batchEmbedContents",
                write_gemini_embedding(request, resource_of(target.model)));
  }

  Result<model::EmbeddingAnswer> decode_embedding(std::string_view body) const override {
    return read_gemini_embedding(body);
  }

  Result<WireRequest> encode_image(const model::ImageRequest& request,
                                   const TargetName& target) const override {
    auto body = write_gemini_image(request);
    if (!body) {
      return fail(body.error());
    }
    return call(target, "generateContent", std::move(*body));
  }

  Result<model::ImageAnswer> decode_image(std::string_view body) const override {
    auto answer = decode_chat(body);
    if (!answer) {
      return fail(answer.error());
    }
    return read_gemini_images(std::move(*answer));
  }

  Result<WireRequest> encode_speech(const model::SpeechRequest& request,
                                    const TargetName& target) const override {
    return call(target, "generateContent", write_gemini_speech(request));
  }

  Result<model::SpeechAnswer> decode_speech(std::string_view body) const override {
    auto answer = decode_chat(body);
    if (!answer) {
      return fail(answer.error());
    }
    return read_gemini_speech(std::move(*answer));
  }

  Result<WireRequest> encode_count(const model::ChatRequest& request,
                                   const TargetName& target) const override {
    auto members = write_gemini_chat(request, target.model);
    if (!members) {
      return fail(members.error());
    }
    std::string body = R"({"generateContentRequest":{)";
    add_text(body, "model", resource_of(target.model));
    body.append(",").append(*members).append("}}");
    return call(target, "countTokens", std::move(body));
  }

  Result<std::int64_t> decode_count(std::string_view body) const override {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    std::int64_t tokens = 0;
    if (parser.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS ||
        root["totalTokens"].get(tokens) != simdjson::SUCCESS) {
      return fail(upstream_failed("The model server did not count the tokens.",
                                  "countTokens answered without totalTokens"));
    }
    return tokens;
  }
};

}  // namespace

std::unique_ptr<Provider> make_gemini() { return std::make_unique<Gemini>(); }

}  // namespace headgate::providers
