// OpenAI API and the servers that speak it (vLLM, llama-server, Ollama, TGI, ...): POST
// {base}/chat/completions, /completions, /embeddings, /images/generations, /audio/speech,
// /audio/transcriptions (a form), /moderations; and, of Jina, Cohere and vLLM, /rerank; key as a
// bearer token. Source: OpenAI API reference, OpenAPI document 2.3.0.
//
// What differs from the request of a client that speaks the same: nothing but the model's name and,
// for streams, that usage is always asked for, because it is what is metered. So the body passes as
// it came, with a few bytes spliced in. Chats of other clients come as the neutral model and are
// written by openai_chat*.cc.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

#include "base/encoding.h"
#include "providers/openai_chat.h"
#include "providers/openai_error.h"
#include "providers/openai_stream.h"
#include "providers/passed_answer.h"
#include "providers/provider.h"

namespace headgate::providers {

std::unique_ptr<Provider> make_openai();

namespace {

constexpr std::string_view kAskUsageField = R"("stream_options":{"include_usage":true},)";
constexpr std::string_view kAskUsageObject = R"({"include_usage":true})";
constexpr std::string_view kAskUsageFirst = R"("include_usage":true)";

std::string_view path_of(model::Kind kind) {
  switch (kind) {
    case model::Kind::Completion:
      return "/completions";
    case model::Kind::Embedding:
      return "/embeddings";
    case model::Kind::Image:
      return "/images/generations";
    case model::Kind::Speech:
      return "/audio/speech";
    case model::Kind::Transcription:
      return "/audio/transcriptions";
    case model::Kind::Moderation:
      return "/moderations";
    case model::Kind::Rerank:
      return "/rerank";
    default:
      return "/chat/completions";
  }
}

/// A replacement of part of the body; sorted by place.
struct Splice {
  model::Span where;
  std::string_view with;
};

/// How usage is asked for in a streamed request that does not.
Splice ask_for_usage(const model::InferenceRequest& request) {
  if (!request.include_usage_value.empty()) {
    return {request.include_usage_value, "true"};
  }
  const model::Span options = request.stream_options_value;
  if (options.empty()) {
    const std::size_t behind_brace = request.body.find('{') + 1;
    return {{behind_brace, behind_brace}, kAskUsageField};
  }
  const std::string_view text = request.body.substr(options.begin, options.end - options.begin);
  const std::size_t brace = text.find('{');
  if (brace == std::string_view::npos) {
    return {options, kAskUsageObject};  // null
  }
  const std::size_t inside = options.begin + brace + 1;
  const bool is_empty = text.find('"') == std::string_view::npos;
  return is_empty ? Splice{options, kAskUsageObject} : Splice{{inside, inside}, kAskUsageFirst};
}

/// The non-negative integer behind `name` in `text`, or -1.
std::int64_t number_behind(std::string_view text, std::string_view name) {
  // Not find(): that stops at every quote.
  const void* const found = memmem(text.data(), text.size(), name.data(), name.size());
  if (found == nullptr) {
    return -1;
  }
  const auto at = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
  text.remove_prefix(at + name.size());
  const std::size_t digit = text.find_first_not_of(" \t\r\n:");
  std::int64_t number = -1;
  if (digit != std::string_view::npos) {
    std::from_chars(text.data() + digit, text.data() + text.size(), number);
  }
  return number;
}

std::int64_t number_behind_either(std::string_view text, std::string_view name,
                                  std::string_view other) {
  const std::int64_t number = number_behind(text, name);
  return number >= 0 ? number : number_behind(text, other);
}

/// Milliseconds, of the seconds behind `name` in `text`, or -1.
std::int64_t milliseconds_behind(std::string_view text, std::string_view name) {
  constexpr double kMost = 1e9;
  const std::size_t at = text.rfind(name);
  if (at == std::string_view::npos) {
    return -1;
  }
  text.remove_prefix(at + name.size());
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n:"), text.size()));
  double seconds = -1;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return seconds >= 0 && seconds < kMost ? static_cast<std::int64_t>(seconds * 1000) : -1;
}

/// Tokens by the member `usage` and what follows it. Older APIs speak of a prompt and a completion,
/// the others of input and output; a ranking has only a total.
Usage usage_in(std::string_view rest) {
  Usage usage{
      .input_tokens = number_behind_either(rest, "\"prompt_tokens\"", "\"input_tokens\""),
      .output_tokens = number_behind_either(rest, "\"completion_tokens\"", "\"output_tokens\""),
      .cached_tokens = number_behind(rest, "\"cached_tokens\""),
      .cache_write_tokens = number_behind(rest, "\"cache_write_tokens\""),
      .reasoning_tokens = number_behind(rest, "\"reasoning_tokens\"")};
  if (usage.input_tokens < 0 && usage.output_tokens < 0) {
    usage.input_tokens = number_behind(rest, "\"total_tokens\"");
    usage.audio_ms = milliseconds_behind(rest, "\"seconds\"");
  }
  return usage;
}

/// Whether a stream tells its usage only if it is asked to.
bool must_ask_for_usage(const model::InferenceRequest& request) {
  const bool is_text = request.kind == model::Kind::Chat || request.kind == model::Kind::Completion;
  return is_text && request.delivery == model::Delivery::Stream && !request.usage_wanted;
}

/// A body that names no model, with the model's name.
void add_with_model(WireRequest& wire, std::string_view body, const TargetName& target) {
  const std::size_t behind_brace = body.find('{') + 1;
  wire.add(body.substr(0, behind_brace));
  wire.add(R"("model":)");
  wire.add(target.json_model);
  wire.add(",");
  wire.add(body.substr(behind_brace));
}

class OpenAi final : public Provider {
 public:
  Result<WireRequest> encode(const model::InferenceRequest& request,
                             const TargetName& target) const override {
    WireRequest wire;
    wire.path = path_of(request.kind);
    wire.fields = "Content-Type: application/json\r\nAccept-Encoding: identity\r\n";
    const bool is_form = !request.content_type.empty();
    if (is_form) {
      wire.owned = "Content-Type: " + request.content_type + "\r\nAccept-Encoding: identity\r\n";
      wire.fields = wire.owned;
    }
    if (request.model_value.empty()) {
      add_with_model(wire, request.body, target);
      return wire;
    }
    const std::string_view wanted = is_form ? target.model : target.json_model;
    std::array<Splice, 2> splices;
    std::size_t count = 0;
    const std::string_view named = request.body.substr(
        request.model_value.begin, request.model_value.end - request.model_value.begin);
    if (named != wanted) {
      splices[count++] = {request.model_value, wanted};
    }
    if (must_ask_for_usage(request)) {
      splices[count++] = ask_for_usage(request);
      if (count == 2 && splices[1].where.begin < splices[0].where.begin) {
        std::swap(splices[0], splices[1]);
      }
    }
    std::size_t done = 0;
    for (std::size_t i = 0; i < count; ++i) {
      wire.add(request.body.substr(done, splices[i].where.begin - done));
      wire.add(splices[i].with);
      if (splices[i].with == kAskUsageFirst) {
        wire.add(",");
      }
      done = splices[i].where.end;
    }
    wire.add(request.body.substr(done));
    return wire;
  }

  std::string credential_fields(std::string_view api_key) const override {
    return api_key.empty() ? std::string()
                           : std::string("Authorization: Bearer ").append(api_key).append("\r\n");
  }

  Error decode_error(int status, std::string_view retry_after,
                     std::string_view body) const override {
    return decode_openai_error(status, retry_after, body);
  }

  Result<void> check_answer(model::Kind kind, std::string_view body) const override {
    return check_openai_answer(kind, body);
  }

  Usage usage_of(std::string_view tail) const override {
    // A quote inside a JSON string is escaped, so this text can only be the member itself.
    const std::size_t at = tail.rfind("\"usage\"");
    if (at == std::string_view::npos) {
      // A transcript with all its details may tell no more than this.
      return {.audio_ms = milliseconds_behind(tail, "\"duration\"")};
    }
    return usage_in(tail.substr(at));
  }

  bool offers(model::Kind /*kind*/) const override { return true; }

  bool passes(model::Dialect dialect, model::Kind /*kind*/) const override {
    return dialect == model::Dialect::OpenAi;
  }

  std::unique_ptr<StreamRelay> stream_relay(const model::InferenceRequest& request) const override {
    if (request.kind != model::Kind::Chat && request.kind != model::Kind::Completion) {
      return make_openai_media_stream();
    }
    return make_openai_stream(request.usage_wanted ? UsageEvent::Shown : UsageEvent::Hidden);
  }

  Result<WireRequest> encode_chat(const model::ChatRequest& request, model::Delivery delivery,
                                  const TargetName& target) const override {
    return encode_openai_chat(request, delivery, target);
  }
  Result<model::ChatAnswer> decode_chat(std::string_view body) const override {
    return decode_openai_chat(body);
  }
  std::unique_ptr<ChatReader> chat_reader() const override { return make_openai_chat_reader(); }
  Result<WireRequest> encode_embedding(const model::EmbeddingRequest& request,
                                       const TargetName& target) const override {
    return encode_openai_embedding(request, target);
  }
  Result<model::EmbeddingAnswer> decode_embedding(std::string_view body) const override {
    return decode_openai_embedding(body);
  }
};

}  // namespace

std::unique_ptr<Provider> make_openai() { return std::make_unique<OpenAi>(); }

}  // namespace headgate::providers
