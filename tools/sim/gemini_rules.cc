#include <algorithm>
#include <utility>

#include "sim/gemini.h"
#include "sim/protobuf.h"

// What the vendor refuses, from the public documents; each refusal is a 400 INVALID_ARGUMENT.

namespace headgate::sim {
namespace {

constexpr std::size_t kMaxCandidates = 8;
constexpr std::size_t kMaxStops = 5;
constexpr std::size_t kMaxLogprobs = 20;
constexpr std::size_t kMaxEmbeddings = 100;
constexpr std::string_view kAnySignature = "skip_thought_signature_validator";

class Reader {
 public:
  Problem read(const json::object& raw) {
    if (Problem problem = unknown_name(
            raw,
            {"model", "systemInstruction", "contents", "tools", "toolConfig", "generationConfig",
             "safetySettings", "cachedContent", "serviceTier", "labels"},
            "")) {
      return problem;
    }
    json::object body = camelled(raw);
    for (auto step : {&Reader::read_tools, &Reader::read_config, &Reader::read_system,
                      &Reader::read_contents}) {
      if (Problem problem = (this->*step)(body)) {
        return problem;
      }
    }
    return std::nullopt;
  }

  GeminiRequest take() { return std::move(request_); }

 private:
  Problem read_tools(const json::object& body) {
    const json::array* tools = array_member(body, "tools");
    for (const json::value& value : tools ? *tools : json::array()) {
      if (!value.is_object()) {
        return "Invalid value at 'tools'.";
      }
      if (Problem problem = unknown_name(value.get_object(),
                                         {"functionDeclarations", "googleSearch", "codeExecution",
                                          "googleSearchRetrieval", "urlContext"},
                                         "tools[0]")) {
        return problem;
      }
      json::object tool = camelled(value.get_object());
      const json::array* functions = array_member(tool, "functionDeclarations");
      for (const json::value& function : functions ? *functions : json::array()) {
        if (Problem problem = read_function(function)) {
          return problem;
        }
      }
    }
    return read_tool_config(body);
  }

  Problem read_function(const json::value& value) {
    constexpr std::string_view kPlace = "tools[0].function_declarations[0]";
    if (!value.is_object()) {
      return "Invalid value at 'tools'.";
    }
    if (Problem problem = unknown_name(value.get_object(),
                                       {"name", "description", "parameters", "parametersJsonSchema",
                                        "response", "responseJsonSchema", "behavior"},
                                       kPlace)) {
      return problem;
    }
    json::object function = camelled(value.get_object());
    std::string_view name = text_member(function, "name").value_or("");
    if (!is_function_name(name)) {
      return "Invalid function name. Must start with a letter or an underscore.";
    }
    const json::value* parameters = member(function, "parameters");
    const json::value* schema = member(function, "parametersJsonSchema");
    if (parameters && schema) {
      return "parameters and parametersJsonSchema are mutually exclusive.";
    }
    if (parameters) {
      if (Problem problem = check_schema(*parameters)) {
        return problem;
      }
      schema = parameters;
    }
    request_.demand.tools.push_back({std::string(name), schema ? json::serialize(*schema) : ""});
    return std::nullopt;
  }

  Problem read_tool_config(const json::object& body) {
    const json::object* given = object_member(body, "toolConfig");
    if (!given) {
      return std::nullopt;
    }
    if (Problem problem =
            unknown_name(*given, {"functionCallingConfig", "retrievalConfig"}, "tool_config")) {
      return problem;
    }
    json::object config = camelled(*given);
    const json::object* inner = object_member(config, "functionCallingConfig");
    if (!inner) {
      return std::nullopt;
    }
    if (Problem problem =
            unknown_name(*inner, {"mode", "allowedFunctionNames", "streamFunctionCallArguments"},
                         "tool_config.function_calling_config")) {
      return problem;
    }
    json::object calling = camelled(*inner);
    std::string_view mode = text_member(calling, "mode").value_or("AUTO");
    if (mode != "AUTO" && mode != "ANY" && mode != "NONE" && mode != "VALIDATED") {
      return "Invalid value at 'tool_config.function_calling_config.mode'.";
    }
    if (mode == "NONE") {
      request_.demand.tools.clear();
    }
    request_.demand.must_call = mode == "ANY";
    std::vector<std::string> names;
    if (const json::array* allowed = array_member(calling, "allowedFunctionNames")) {
      for (const json::value& name : *allowed) {
        names.emplace_back(name.is_string() ? std::string_view(name.get_string())
                                            : std::string_view());
      }
    }
    if (!names.empty()) {
      if (mode != "ANY" && mode != "VALIDATED") {
        return "allowed_function_names can only be set when mode is ANY or VALIDATED.";
      }
      std::erase_if(request_.demand.tools, [&](const Tool& tool) {
        return std::find(names.begin(), names.end(), tool.name) == names.end();
      });
    }
    if (mode == "ANY" && request_.demand.tools.empty()) {
      return "Function calling config is set without function_declarations.";
    }
    return std::nullopt;
  }

  Problem read_config(const json::object& body) {
    const json::object* given = object_member(body, "generationConfig");
    if (!given) {
      return std::nullopt;
    }
    if (Problem problem = unknown_name(*given,
                                       {"temperature",
                                        "topP",
                                        "topK",
                                        "candidateCount",
                                        "maxOutputTokens",
                                        "stopSequences",
                                        "responseMimeType",
                                        "responseSchema",
                                        "responseJsonSchema",
                                        "seed",
                                        "presencePenalty",
                                        "frequencyPenalty",
                                        "responseLogprobs",
                                        "logprobs",
                                        "thinkingConfig",
                                        "responseModalities",
                                        "mediaResolution",
                                        "speechConfig",
                                        "imageConfig",
                                        "enableEnhancedCivicAnswers"},
                                       "generation_config")) {
      return problem;
    }
    json::object config = camelled(*given);
    request_.demand.max_tokens = count_member(config, "maxOutputTokens").value_or(SIZE_MAX);
    if (request_.demand.max_tokens == 0) {
      return "max_output_tokens must be positive.";
    }
    request_.candidates = count_member(config, "candidateCount").value_or(1);
    if (request_.candidates < 1 || request_.candidates > kMaxCandidates) {
      return "candidate_count must be between 1 and 8.";
    }
    request_.logprobs = flag_member(config, "responseLogprobs");
    request_.alternatives = count_member(config, "logprobs").value_or(0);
    if (request_.alternatives > kMaxLogprobs || (request_.alternatives > 0 && !request_.logprobs)) {
      return "logprobs must be at most 20 and needs response_logprobs.";
    }
    if (const json::array* stops = array_member(config, "stopSequences")) {
      for (const json::value& stop : *stops) {
        request_.demand.stop.emplace_back(stop.is_string() ? std::string_view(stop.get_string())
                                                           : std::string_view());
      }
    }
    if (request_.demand.stop.size() > kMaxStops) {
      return "At most 5 stop_sequences are allowed.";
    }
    if (Problem problem = read_schema(config)) {
      return problem;
    }
    if (Problem problem = read_modalities(config)) {
      return problem;
    }
    return read_thinking(config);
  }

  Problem read_modalities(const json::object& config) {
    const json::array* modalities = array_member(config, "responseModalities");
    for (const json::value& value : modalities ? *modalities : json::array()) {
      request_.modality = value.is_string() ? std::string(value.get_string()) : "";
      if (request_.modality != "TEXT" && request_.modality != "IMAGE" &&
          request_.modality != "AUDIO") {
        return "Invalid value at 'generation_config.response_modalities'.";
      }
    }
    const json::object* image = object_member(config, "imageConfig");
    if (image && unknown_name(*image, {"aspectRatio", "imageSize"}, "image_config")) {
      return "Unknown name in 'generation_config.image_config'.";
    }
    if (image && request_.modality != "IMAGE") {
      return "image_config needs the response modality IMAGE.";
    }
    if (member(config, "speechConfig") && request_.modality != "AUDIO") {
      return "speech_config needs the response modality AUDIO.";
    }
    return std::nullopt;
  }

  Problem read_schema(const json::object& config) {
    std::string_view type = text_member(config, "responseMimeType").value_or("text/plain");
    const json::value* plain = member(config, "responseSchema");
    const json::value* schema = member(config, "responseJsonSchema");
    if (plain && schema) {
      return "response_schema and response_json_schema are mutually exclusive.";
    }
    if (plain) {
      if (Problem problem = check_schema(*plain)) {
        return problem;
      }
      schema = plain;
    }
    if (schema && type != "application/json" && type != "text/x.enum") {
      return "A response schema needs response_mime_type application/json.";
    }
    if (schema) {
      request_.demand.schema = json::serialize(*schema);
    } else if (type == "application/json") {
      request_.demand.schema = R"({"type":"object","properties":{"answer":{"type":"string"}}})";
    }
    return std::nullopt;
  }

  Problem read_thinking(const json::object& config) {
    const json::object* given = object_member(config, "thinkingConfig");
    if (!given) {
      return std::nullopt;
    }
    if (Problem problem =
            unknown_name(*given, {"includeThoughts", "thinkingBudget", "thinkingLevel"},
                         "generation_config.thinking_config")) {
      return problem;
    }
    json::object thinking = camelled(*given);
    if (member(thinking, "thinkingBudget") && member(thinking, "thinkingLevel")) {
      return "You can only set only one of thinking budget and thinking level.";
    }
    request_.shows_thoughts = flag_member(thinking, "includeThoughts");
    request_.thinks = count_member(thinking, "thinkingBudget") != std::size_t{0};
    if (auto level = text_member(thinking, "thinkingLevel")) {
      if (*level != "MINIMAL" && *level != "LOW" && *level != "MEDIUM" && *level != "HIGH") {
        return "Invalid value at 'generation_config.thinking_config.thinking_level'.";
      }
    }
    return std::nullopt;
  }

  Problem read_system(const json::object& body) {
    const json::object* system = object_member(body, "systemInstruction");
    if (!system) {
      return std::nullopt;
    }
    if (Problem problem = unknown_name(*system, {"role", "parts"}, "system_instruction")) {
      return problem;
    }
    Turn turn;
    return read_parts(*system, turn, "system_instruction");
  }

  struct Turn {
    std::string role = {};
    std::string text = {};
    std::size_t calls = 0;
    std::size_t results = 0;
    bool first_call_signed = true;
  };

  Problem read_contents(const json::object& body) {
    const json::array* contents = array_member(body, "contents");
    if (!contents || contents->empty()) {
      return "* GenerateContentRequest.contents: contents is not specified";
    }
    std::vector<Turn> turns;
    for (const json::value& value : *contents) {
      const json::object* content = value.if_object();
      if (!content) {
        return "Invalid value at 'contents'.";
      }
      if (Problem problem = unknown_name(*content, {"role", "parts"}, "contents[0]")) {
        return problem;
      }
      Turn turn{.role = std::string(text_member(*content, "role").value_or("user"))};
      if (turn.role != "user" && turn.role != "model") {
        return "Please use a valid role: user, model.";
      }
      if (Problem problem = read_parts(*content, turn, "contents[0]")) {
        return problem;
      }
      if (turn.role == "user") {
        request_.demand.heard(turn.text);
      }
      turns.push_back(std::move(turn));
    }
    return check_turns(turns);
  }

  Problem check_turns(const std::vector<Turn>& turns) {
    if (turns.front().role != "user") {
      return "Please ensure that the conversation begins with a user turn.";
    }
    for (std::size_t i = 0; i < turns.size(); ++i) {
      std::size_t calls = i > 0 ? turns[i - 1].calls : 0;
      if (turns[i].results != calls || (turns[i].calls > 0 && i + 1 == turns.size())) {
        return "Please ensure that the number of function response parts is equal to the number "
               "of function call parts of the function call turn.";
      }
    }
    // The current turn is what came after the user's last own words.
    for (std::size_t i = turns.size(); i-- > 0;) {
      const Turn& turn = turns[i];
      if (turn.role == "user" && turn.results == 0) {
        break;
      }
      if (!turn.first_call_signed) {
        request_.unsigned_call = true;
      }
    }
    const Turn& last = turns.back();
    request_.demand.after_tools = last.results > 0;
    if (last.role == "model") {
      request_.demand.prefix = last.text;
    }
    return std::nullopt;
  }

  Problem read_parts(const json::object& content, Turn& turn, std::string_view place) {
    const json::array* parts = array_member(content, "parts");
    if (!parts || parts->empty()) {
      return "Unable to submit request because it must have at least one part.";
    }
    for (const json::value& value : *parts) {
      if (!value.is_object()) {
        return "Invalid value at '" + std::string(place) + ".parts[0]'.";
      }
      if (Problem problem =
              unknown_name(value.get_object(),
                           {"text", "inlineData", "fileData", "functionCall", "functionResponse",
                            "executableCode", "codeExecutionResult", "thought", "thoughtSignature",
                            "videoMetadata", "mediaResolution"},
                           std::string(place) + ".parts[0]")) {
        return problem;
      }
      if (Problem problem = read_part(camelled(value.get_object()), turn)) {
        return problem;
      }
    }
    return std::nullopt;
  }

  Problem read_part(const json::object& part, Turn& turn) {
    std::size_t payloads = 0;
    for (std::string_view name : {"text", "inlineData", "fileData", "functionCall",
                                  "functionResponse", "executableCode", "codeExecutionResult"}) {
      payloads += part.contains(name) ? 1 : 0;
    }
    if (payloads != 1) {
      return "contents.parts must have one initialized field";
    }
    if (!flag_member(part, "thought")) {
      turn.text += text_member(part, "text").value_or("");
    }
    if (const json::object* data = object_member(part, "inlineData")) {
      json::object inner = camelled(*data);
      std::string_view bytes = text_member(inner, "data").value_or("");
      if (!text_member(inner, "mimeType") || bytes.empty() || bytes.starts_with("data:")) {
        return "Invalid value at 'contents[0].parts[0].inline_data' (TYPE_BYTES), Base64 decoding "
               "failed.";
      }
    }
    if (const json::object* call = object_member(part, "functionCall")) {
      if (!text_member(*call, "name") ||
          (call->contains("args") && !object_member(*call, "args"))) {
        return "Invalid value at 'contents[0].parts[0].function_call'.";
      }
      return read_signature(part, *call, turn);
    }
    if (const json::object* result = object_member(part, "functionResponse")) {
      if (!text_member(*result, "name")) {
        return "function_response.name: Name cannot be empty.";
      }
      const json::object* response = object_member(*result, "response");
      if (!response) {
        return "Invalid value at 'contents[0].parts[0].function_response.response': must be an "
               "object.";
      }
      ++turn.results;
      hear_result(*response);
    }
    return std::nullopt;
  }

  Problem read_signature(const json::object& part, const json::object& call, Turn& turn) {
    auto signature = text_member(part, "thoughtSignature");
    if (signature && *signature != kAnySignature &&
        *signature != call_signature(*text_member(call, "name"))) {
      return "Thought signature is not valid";
    }
    if (turn.calls++ == 0) {
      turn.first_call_signed = signature.has_value();
    }
    return std::nullopt;
  }

  /// The texts inside, wherever they were wrapped.
  void hear_result(const json::object& response) {
    for (const auto& [name, value] : response) {
      if (value.is_string()) {
        request_.demand.heard(std::string_view(value.get_string()));
      } else {
        request_.demand.heard(json::serialize(value));
      }
    }
  }

  GeminiRequest request_;
};

Failure invalid(std::string message) { return {400, "", std::move(message)}; }

Failure no_json() { return invalid("Invalid JSON payload received. Unexpected token."); }

}  // namespace

std::variant<GeminiRequest, Failure> read_gemini(std::string_view text) {
  auto body = parse_object(text);
  if (!body) {
    return no_json();
  }
  Reader reader;
  if (Problem problem = reader.read(*body)) {
    return invalid(*problem);
  }
  return reader.take();
}

std::optional<Failure> read_gemini_count(std::string_view text) {
  auto raw = parse_object(text);
  if (!raw) {
    return no_json();
  }
  if (Problem problem = unknown_name(*raw, {"contents", "generateContentRequest", "model"}, "")) {
    return invalid(*problem);
  }
  json::object body = camelled(*raw);
  const json::object* request = object_member(body, "generateContentRequest");
  Reader reader;
  if (Problem problem = reader.read(request ? *request : *raw)) {
    return invalid(*problem);
  }
  return std::nullopt;
}

std::variant<GeminiEmbedding, Failure> read_gemini_embedding(std::string_view text, bool batch) {
  auto raw = parse_object(text);
  if (!raw) {
    return no_json();
  }
  GeminiEmbedding embedding{.batch = batch, .count = 1, .dimensions = std::nullopt};
  std::vector<json::object> requests;
  if (!batch) {
    requests.push_back(camelled(*raw));
  } else {
    const json::array* list = array_member(*raw, "requests");
    for (const json::value& value : list ? *list : json::array()) {
      requests.push_back(value.is_object() ? camelled(value.get_object()) : json::object());
      if (!text_member(requests.back(), "model").value_or("").starts_with("models/")) {
        return invalid(
            "* BatchEmbedContentsRequest.requests[0].model: unexpected model name format");
      }
    }
    if (requests.empty() || requests.size() > kMaxEmbeddings || raw->size() != 1) {
      return invalid("* BatchEmbedContentsRequest.requests: between 1 and 100 are allowed");
    }
  }
  embedding.count = requests.size();
  for (const json::object& request : requests) {
    if (Problem problem = unknown_name(
            request, {"model", "content", "taskType", "title", "outputDimensionality"}, "")) {
      return invalid(*problem);
    }
    const json::object* content = object_member(request, "content");
    const json::array* parts = content ? array_member(*content, "parts") : nullptr;
    if (!parts || parts->empty()) {
      return invalid("* EmbedContentRequest.content: content is empty");
    }
    if (auto dimensions = count_member(request, "outputDimensionality")) {
      if (*dimensions < 1 || *dimensions > 4096) {
        return invalid("* EmbedContentRequest.output_dimensionality: out of range");
      }
      embedding.dimensions = dimensions;
    }
  }
  return embedding;
}

}  // namespace headgate::sim
