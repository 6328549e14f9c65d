// Anthropic's Messages API: POST {base}/v1/messages; key in x-api-key.
// Source: SDK types 1.11.0 and the public documentation, API versions 2023-06-01 and 2026-10-21.
//
// What differs from a client's request of the same dialect: nothing but the model's name, so the
// body passes as it came. Of other dialects nearly everything does: see anthropic_encode.cc.
#include <cstddef>
#include <string>
#include <utility>

#include "providers/anthropic_wire.h"
#include "providers/passed_answer.h"
#include "providers/provider.h"

namespace headgate::providers {

std::unique_ptr<Provider> make_anthropic();

namespace {

constexpr std::string_view kPath = "/v1/messages";
constexpr std::string_view kCountPath = "/v1/messages/count_tokens";
constexpr std::string_view kFields =
    "Content-Type: application/json\r\nAccept-Encoding: identity\r\n";
/// The older version takes all that the newer one takes, and sampling parameters besides.
constexpr std::string_view kFieldsWithVersion =
    "Content-Type: application/json\r\nAccept-Encoding: identity\r\n"
    "anthropic-version: 2023-06-01\r\n";

class Anthropic final : public Provider {
 public:
  Result<WireRequest> encode(const model::InferenceRequest& request,
                             const TargetName& target) const override {
    if (request.kind != model::Kind::Chat || request.dialect != model::Dialect::Anthropic) {
      return fail(invalid_request("This model offers chat only.", "model"));
    }
    WireRequest wire;
    wire.path = kPath;
    wire.fields = kFieldsWithVersion;
    if (request.fields.find("anthropic-version:") != std::string_view::npos) {
      wire.owned.append(kFields).append(request.fields);
      wire.fields = wire.owned;
    } else if (!request.fields.empty()) {
      wire.owned.append(kFieldsWithVersion).append(request.fields);
      wire.fields = wire.owned;
    }
    wire.add(request.body.substr(0, request.model_value.begin));
    wire.add(target.json_model);
    wire.add(request.body.substr(request.model_value.end));
    return wire;
  }

  WireRequest encode_model_list() const override {
    WireRequest wire;
    wire.method = "GET";
    wire.path = "/v1/models?limit=1";
    wire.fields = "Accept-Encoding: identity\r\nanthropic-version: 2023-06-01\r\n";
    return wire;
  }

  std::string credential_fields(std::string_view api_key) const override {
    return api_key.empty() ? std::string()
                           : std::string("x-api-key: ").append(api_key).append("\r\n");
  }

  Error decode_error(int status, std::string_view retry_after,
                     std::string_view body) const override {
    return decode_anthropic_error(status, retry_after, body);
  }

  Result<void> check_answer(model::Kind /*kind*/, std::string_view body) const override {
    return check_anthropic_message(body);
  }

  Usage usage_of(std::string_view tail) const override {
    // A quote inside a JSON string is escaped, so this text can only be a member's name.
    const std::size_t at = tail.rfind(R"("usage")");
    if (at == std::string_view::npos) {
      return {};
    }
    const std::size_t brace = tail.find('{', at);
    AnthropicUsage usage;
    usage.take(brace == std::string_view::npos ? JsonView() : JsonView(tail.substr(brace)));
    return usage.total();
  }

  std::unique_ptr<StreamRelay> stream_relay(
      const model::InferenceRequest& /*request*/) const override {
    return make_anthropic_stream();
  }

  bool passes(model::Dialect dialect, model::Kind kind) const override {
    return dialect == model::Dialect::Anthropic && kind == model::Kind::Chat;
  }

  Result<WireRequest> encode_chat(const model::ChatRequest& request, model::Delivery delivery,
                                  const TargetName& target) const override {
    return encode_anthropic_chat(request, delivery, target);
  }

  Result<model::ChatAnswer> decode_chat(std::string_view body) const override {
    return decode_anthropic_chat(body);
  }

  std::unique_ptr<ChatReader> chat_reader() const override { return make_anthropic_chat_reader(); }

  Result<WireRequest> encode_own_count(const model::InferenceRequest& request,
                                       const TargetName& target) const override {
    auto wire = encode(request, target);
    if (wire) {
      wire->path = kCountPath;
    }
    return wire;
  }

  Result<std::int64_t> decode_count(std::string_view body) const override {
    const auto tokens = JsonView(body)["input_tokens"].integer();
    if (!tokens || *tokens < 0) {
      return fail(upstream_failed("The model server did not count the tokens.",
                                  "count_tokens answered without input_tokens"));
    }
    return *tokens;
  }
};

}  // namespace

std::unique_ptr<Provider> make_anthropic() { return std::make_unique<Anthropic>(); }

}  // namespace headgate::providers
