#include "sim/service.h"

#include <algorithm>
#include <utility>

#include "sim/anthropic.h"
#include "sim/embeddings.h"
#include "sim/encoding.h"
#include "sim/gemini.h"
#include "sim/media.h"
#include "sim/openai.h"

namespace headgate::sim {
namespace {

constexpr std::size_t kMaxEmbeddings = 2048;
constexpr std::size_t kMaxDimensions = 65536;

Answer unknown_path(Protocol protocol, const Incoming& incoming) {
  return refusal(protocol, {404, "unknown_url",
                            "Unknown request: " + std::string(incoming.method) + " " +
                                std::string(incoming.path) + "."});
}

Answer done(Behaviour behaviour, Reply reply, std::string model, bool stream = false) {
  return {.behaviour = std::move(behaviour),
          .reply = std::move(reply),
          .model = std::move(model),
          .stream = stream};
}

std::string model_json(std::string_view name) {
  return R"({"id":)" + quoted(name) +
         R"(,"object":"model","created":1700000000,"owned_by":"headgate-sim"})";
}

std::size_t embedding_inputs(const json::object& body) {
  const json::value* input = member(body, "input");
  if (!input || input->is_string()) {
    return input ? 1 : 0;
  }
  const json::array* list = input->if_array();
  if (!list || list->empty()) {
    return 0;
  }
  return list->front().is_number() ? 1 : list->size();
}

std::string_view bearer(const Incoming& incoming) {
  std::string_view value = incoming.field("authorization");
  constexpr std::string_view kBearer = "Bearer ";
  return value.starts_with(kBearer) ? value.substr(kBearer.size()) : value;
}

}  // namespace

Protocol protocol_of(std::string_view path, std::string_view fields) {
  if (path.starts_with("/v1beta/")) {
    return Protocol::Gemini;
  }
  if (path.starts_with("/v2/") && path != "/v2/rerank") {
    return Protocol::RunPod;
  }
  bool messages = path == "/v1/messages" || path.starts_with("/v1/messages/");
  bool models = path == "/v1/models" || path.starts_with("/v1/models/");
  if (messages || (models && !Incoming{.fields = fields}.field("anthropic-version").empty())) {
    return Protocol::Anthropic;
  }
  return path.starts_with("/v1/responses") ? Protocol::Responses : Protocol::OpenAi;
}

std::string key_of(Protocol protocol, const Incoming& incoming) {
  if (protocol == Protocol::Anthropic) {
    std::string_view key = incoming.field("x-api-key");
    return std::string(key.empty() ? bearer(incoming) : key);
  }
  if (protocol == Protocol::Gemini) {
    std::string_view key = incoming.field("x-goog-api-key");
    return key.empty() ? incoming.parameter("key").value_or("") : std::string(key);
  }
  return std::string(bearer(incoming));
}

std::optional<Answer> Service::turn_away(Protocol protocol, const Incoming& incoming) {
  if (down_) {
    return done(*down_, json_reply(protocol, "{}"), "down");
  }
  if (by_key_.empty() && options_.require_key.empty()) {
    return std::nullopt;
  }
  std::string key = key_of(protocol, incoming);
  if (auto found = by_key_.find(key); found != by_key_.end()) {
    return done(found->second, json_reply(protocol, "{}"), "key");
  }
  const std::string& right = options_.require_key;
  bool matches = key == right || (protocol == Protocol::Anthropic && bearer(incoming) == right);
  if (right.empty() || matches) {
    return std::nullopt;
  }
  int status = 401;
  std::string message = "Incorrect API key provided.";
  if (protocol == Protocol::Gemini) {
    status = key.empty() ? 403 : 400;
    message = key.empty() ? "Method doesn't allow unregistered callers."
                          : "API key not valid. Please pass a valid API key.";
  } else if (protocol == Protocol::Anthropic) {
    message = key.empty() ? "x-api-key header is required" : "invalid x-api-key";
  }
  return refusal(protocol, {status, status == 403 ? "" : "invalid_api_key", message});
}

std::variant<Behaviour, Failure> Service::pick(std::string_view name, std::string_view operation) {
  Model& model = models_.find(name);
  if (model.error()) {
    return Failure{400, "invalid_value", *model.error()};
  }
  return model.next(operation);
}

Answer Service::answer(Protocol protocol, const Incoming& incoming, const Held* held) {
  if (held) {
    return runpod_.answer_held(*held, incoming.now);
  }
  switch (protocol) {
    case Protocol::Anthropic:
      return answer_anthropic(incoming);
    case Protocol::Gemini:
      return answer_gemini(incoming);
    case Protocol::RunPod:
      return runpod_.answer(incoming);
    case Protocol::OpenAi:
    case Protocol::Responses:
      break;
  }
  return answer_openai(incoming);
}

Answer Service::answer_openai(const Incoming& incoming) {
  std::string_view path = incoming.path;
  for (std::string_view version : {"/v1/", "/v2/"}) {
    if (path.starts_with(version)) {
      path.remove_prefix(version.size() - 1);
      break;
    }
  }
  bool post = incoming.method == "POST";
  if (path == "/responses" || path.starts_with("/responses/")) {
    return answer_responses(path, incoming);
  }
  if (incoming.method == "GET" && (path == "/models" || path.starts_with("/models/"))) {
    constexpr std::string_view kPrefix = "/models/";
    std::string body = path.starts_with(kPrefix)
                           ? model_json(percent_decoded(path.substr(kPrefix.size())))
                           : R"({"object":"list","data":[)" + model_json("sim") + "]}";
    return plain_answer(json_reply(Protocol::OpenAi, std::move(body)));
  }
  if (post && path == "/chat/completions") {
    return answer_chat(Endpoint::Chat, incoming);
  }
  if (post && path == "/completions") {
    return answer_chat(Endpoint::Completion, incoming);
  }
  if (post && path == "/embeddings") {
    return answer_embeddings(incoming);
  }
  static constexpr struct {
    std::string_view path;
    MediaCall call;
    std::string_view operation;
  } kMedia[] = {{"/images/generations", MediaCall::Images, "images"},
                {"/audio/speech", MediaCall::Speech, "speech"},
                {"/audio/transcriptions", MediaCall::Transcription, "transcriptions"},
                {"/moderations", MediaCall::Moderation, "moderations"},
                {"/rerank", MediaCall::Rerank, "rerank"}};
  for (const auto& media : kMedia) {
    if (!post || path != media.path) {
      continue;
    }
    auto read = read_media(media.call, incoming);
    if (auto* failure = std::get_if<Failure>(&read)) {
      return refusal(Protocol::OpenAi, *failure);
    }
    const auto& request = std::get<MediaRequest>(read);
    auto picked = pick(request.model, media.operation);
    if (auto* failure = std::get_if<Failure>(&picked)) {
      return refusal(Protocol::OpenAi, *failure);
    }
    auto& behaviour = std::get<Behaviour>(picked);
    Reply reply = media_reply(behaviour, request);
    bool stream = !reply.events.empty();
    return done(std::move(behaviour), std::move(reply), request.model, stream);
  }
  return unknown_path(Protocol::OpenAi, incoming);
}

Answer Service::answer_chat(Endpoint endpoint, const Incoming& incoming) {
  ChatShape shape{.endpoint = endpoint};
  auto read = read_chat(incoming.body, shape);
  if (auto* failure = std::get_if<Failure>(&read)) {
    return refusal(Protocol::OpenAi, *failure);
  }
  auto& demand = std::get<Demand>(read);
  const json::object body = parse_object(incoming.body).value_or(json::object());
  auto model = text_member(body, "model");
  if (!model) {
    return refusal(Protocol::OpenAi,
                   {400, "missing_required_parameter", "Missing required parameter: 'model'."});
  }
  auto picked = pick(*model, endpoint == Endpoint::Chat ? "chat" : "completions");
  if (auto* failure = std::get_if<Failure>(&picked)) {
    return refusal(Protocol::OpenAi, *failure);
  }
  auto& behaviour = std::get<Behaviour>(picked);
  shape.model = *model;
  demand.echo_body = incoming.body;
  demand.echo_fields = incoming.fields;
  Reply reply = chat_reply(behaviour, shape, demand);
  return done(std::move(behaviour), std::move(reply), std::string(*model), shape.stream);
}

Answer Service::answer_embeddings(const Incoming& incoming) {
  auto body = parse_object(incoming.body);
  if (!body) {
    return refusal(Protocol::OpenAi, {400, "invalid_json", "The body is not a JSON object."});
  }
  auto model = text_member(*body, "model");
  if (!model) {
    return refusal(Protocol::OpenAi,
                   {400, "missing_required_parameter", "Missing required parameter: 'model'."});
  }
  std::size_t inputs = embedding_inputs(*body);
  auto dimensions = count_member(*body, "dimensions");
  if (inputs == 0 || inputs > kMaxEmbeddings || dimensions > kMaxDimensions) {
    return refusal(Protocol::OpenAi,
                   {400, "invalid_value", "'input' must hold between 1 and 2048 texts."});
  }
  auto picked = pick(*model, "embeddings");
  if (auto* failure = std::get_if<Failure>(&picked)) {
    return refusal(Protocol::OpenAi, *failure);
  }
  auto& behaviour = std::get<Behaviour>(picked);
  bool packed = text_member(*body, "encoding_format") == "base64";
  Reply reply = json_reply(
      Protocol::OpenAi,
      embeddings_body(*model, inputs, dimensions.value_or(behaviour.dimensions),
                      behaviour.prompt_tokens, packed ? Encoding::Base64 : Encoding::Float));
  reply.tokens = 1;
  return done(std::move(behaviour), std::move(reply), std::string(*model));
}

Answer Service::answer_responses(std::string_view path, const Incoming& incoming) {
  constexpr std::string_view kPrefix = "/responses/";
  if (path.starts_with(kPrefix)) {
    std::string id = percent_decoded(path.substr(kPrefix.size()));
    return plain_answer(responses_.look_up(incoming.method, id, incoming.now));
  }
  if (incoming.method != "POST") {
    return unknown_path(Protocol::Responses, incoming);
  }
  auto read = read_responses(incoming.body);
  if (auto* failure = std::get_if<Failure>(&read)) {
    return refusal(Protocol::Responses, *failure);
  }
  auto& request = std::get<ResponsesRequest>(read);
  auto picked = pick(request.model, "responses");
  if (auto* failure = std::get_if<Failure>(&picked)) {
    return refusal(Protocol::Responses, *failure);
  }
  auto& behaviour = std::get<Behaviour>(picked);
  request.demand.echo_body = incoming.body;
  request.demand.echo_fields = incoming.fields;
  Reply reply = behaviour.status == 200 ? responses_.create(behaviour, request, incoming.now)
                                        : Reply{.protocol = Protocol::Responses};
  return done(std::move(behaviour), std::move(reply), request.model, request.stream);
}

Answer Service::answer_anthropic(const Incoming& incoming) {
  constexpr std::string_view kModels = "/v1/models";
  if (incoming.method == "GET" && incoming.path.starts_with(kModels)) {
    std::string_view rest = incoming.path.substr(kModels.size());
    return plain_answer(anthropic_models(percent_decoded(rest.substr(rest.empty() ? 0 : 1))));
  }
  bool count = incoming.path == "/v1/messages/count_tokens";
  if (incoming.method != "POST" || (!count && incoming.path != "/v1/messages")) {
    return unknown_path(Protocol::Anthropic, incoming);
  }
  auto read =
      read_anthropic(count ? AnthropicCall::CountTokens : AnthropicCall::Messages, incoming);
  if (auto* failure = std::get_if<Failure>(&read)) {
    return refusal(Protocol::Anthropic, *failure);
  }
  const auto& request = std::get<AnthropicRequest>(read);
  auto picked = pick(request.model, count ? "count_tokens" : "messages");
  if (auto* failure = std::get_if<Failure>(&picked)) {
    return refusal(Protocol::Anthropic, *failure);
  }
  auto& behaviour = std::get<Behaviour>(picked);
  if (request.prefilled && behaviour.no_prefill) {
    return refusal(Protocol::Anthropic,
                   {400, "", "This model does not support assistant message prefill."});
  }
  Reply reply = count ? anthropic_count(behaviour) : anthropic_reply(behaviour, request);
  return done(std::move(behaviour), std::move(reply), request.model, request.stream);
}

Answer Service::answer_gemini(const Incoming& incoming) {
  constexpr std::string_view kModels = "/v1beta/models";
  std::string_view path = incoming.path;
  if (!path.starts_with(kModels)) {
    return unknown_path(Protocol::Gemini, incoming);
  }
  path.remove_prefix(kModels.size());
  path.remove_prefix(path.starts_with("/") ? 1 : 0);
  if (incoming.method == "GET") {
    return plain_answer(gemini_models(percent_decoded(path)));
  }
  // A model's name may hold colons: the method follows the last one.
  std::size_t colon = path.rfind(':');
  if (colon == std::string_view::npos) {
    return unknown_path(Protocol::Gemini, incoming);
  }
  std::string model = percent_decoded(path.substr(0, colon));
  std::string method(path.substr(colon + 1));
  bool stream = method == "streamGenerateContent";
  bool generate = stream || method == "generateContent";
  bool batch = method == "batchEmbedContents";
  if (!generate && !batch && method != "countTokens" && method != "embedContent") {
    return unknown_path(Protocol::Gemini, incoming);
  }
  GeminiRequest request;
  GeminiEmbedding embedding;
  std::optional<Failure> failure;
  if (generate) {
    auto read = read_gemini(incoming.body);
    if (auto* problem = std::get_if<Failure>(&read)) {
      failure = *problem;
    } else {
      request = std::get<GeminiRequest>(std::move(read));
    }
  } else if (method == "countTokens") {
    failure = read_gemini_count(incoming.body);
  } else {
    auto read = read_gemini_embedding(incoming.body, batch);
    if (auto* problem = std::get_if<Failure>(&read)) {
      failure = *problem;
    } else {
      embedding = std::get<GeminiEmbedding>(read);
    }
  }
  if (failure) {
    return refusal(Protocol::Gemini, *failure);
  }
  auto picked = pick(model, method);
  if (auto* problem = std::get_if<Failure>(&picked)) {
    return refusal(Protocol::Gemini, *problem);
  }
  auto& behaviour = std::get<Behaviour>(picked);
  Reply reply;
  if (generate) {
    request.model = model;
    request.stream = stream;
    request.events = incoming.parameter("alt") == "sse";
    request.demand.echo_body = incoming.body;
    request.demand.echo_fields = incoming.fields;
    reply = gemini_reply(behaviour, request);
  } else {
    reply =
        method == "countTokens" ? gemini_count(behaviour) : gemini_embedding(behaviour, embedding);
  }
  return done(std::move(behaviour), std::move(reply), std::move(model), stream);
}

std::variant<Behaviour, std::string> Service::changed(std::string_view parameters) const {
  Behaviour behaviour = options_.behaviour;
  if (auto error = apply_parameters(behaviour, parameters)) {
    return *error;
  }
  return behaviour;
}

std::optional<std::string> Service::control(std::string_view path, std::string_view text) {
  const json::object body = parse_object(text).value_or(json::object());
  std::string parameters(text_member(body, "parameters").value_or(""));
  if (path == "/sim/up") {
    down_.reset();
    return std::nullopt;
  }
  if (path == "/sim/model") {
    auto name = text_member(body, "model");
    return name ? models_.rename(*name, parameters) : "'model' is missing";
  }
  auto behaviour = changed(parameters.empty() ? "status=503" : parameters);
  if (auto* error = std::get_if<std::string>(&behaviour)) {
    return *error;
  }
  if (path == "/sim/down") {
    down_ = std::get<Behaviour>(std::move(behaviour));
    return std::nullopt;
  }
  auto key = text_member(body, "key");
  if (path != "/sim/key" || !key) {
    return "there is /sim/down, /sim/up, /sim/model and /sim/key";
  }
  by_key_.erase(std::string(*key));
  if (parameters.empty()) {
    return std::nullopt;
  }
  if (by_key_.size() >= kMaxKeys) {
    return "too many keys";
  }
  by_key_.emplace(*key, std::get<Behaviour>(std::move(behaviour)));
  return std::nullopt;
}

void Service::forget() {
  models_.forget();
  responses_.forget();
  runpod_.jobs().forget();
}

}  // namespace headgate::sim
