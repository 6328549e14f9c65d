#include <string>
#include <utility>

#include "dialects/openai_chat.h"

namespace headgate::dialects {
namespace {

using model::ChatRequest;

model::Tool decode_function(FieldReader& fields, const JsonView& function,
                            const std::string& place) {
  fields.refuse_unknown(function, place, {"name", "description", "parameters", "strict"});
  return {.name = fields.required_text(function["name"], place + ".name"),
          .description = fields.text(function["description"], place + ".description"),
          .parameters = fields.object(function["parameters"], place + ".parameters"),
          .strict = fields.flag(function["strict"], place + ".strict")};
}

void decode_tools(FieldReader& fields, const JsonObject& root, ChatRequest& request) {
  const JsonView tools = root["tools"];
  const JsonView functions = root["functions"];  // the deprecated form
  if (tools.given() && !tools.is_array()) {
    fields.wrong("tools", "an array");
  }
  std::size_t number = 0;
  for (const JsonView& tool : tools.items()) {
    const std::string place = "tools[" + std::to_string(number++) + "]";
    if (tool["type"].text() != "function") {
      fields.unsupported(place + ".type", "only tools of type function");
    }
    fields.refuse_unknown(tool, place, {"type", "function"});
    request.tools.push_back(decode_function(fields, tool["function"], place + ".function"));
  }
  number = 0;
  for (const JsonView& function : functions.items()) {
    request.tools.push_back(
        decode_function(fields, function, "functions[" + std::to_string(number++) + "]"));
  }
  request.parallel_tool_calls = fields.flag(root["parallel_tool_calls"], "parallel_tool_calls");
}

void decode_tool_choice(FieldReader& fields, const JsonObject& root, ChatRequest& request) {
  using Mode = model::ToolChoice::Mode;
  const bool deprecated = !root["tool_choice"].given() && root["function_call"].given();
  const std::string param = deprecated ? "function_call" : "tool_choice";
  const JsonView choice = root[param];
  if (!choice.given()) {
    return;
  }
  if (choice.is_string()) {
    const std::string word = fields.word(choice, param, {"none", "auto", "required"});
    request.tool_choice.mode = word == "none"   ? Mode::None
                               : word == "auto" ? Mode::Auto
                                                : Mode::Required;
    return;
  }
  if (!deprecated && choice["type"].text() != "function") {
    fields.unsupported(param + ".type", "only a choice of type function");
  }
  request.tool_choice.mode = Mode::Named;
  request.tool_choice.name =
      deprecated ? fields.required_text(choice["name"], param + ".name")
                 : fields.required_text(choice["function"]["name"], param + ".function.name");
}

void decode_format(FieldReader& fields, const JsonView& format, model::OutputFormat& decoded) {
  using Type = model::OutputFormat::Type;
  const std::string place = "response_format";
  if (!format.given()) {
    return;
  }
  const std::string type =
      fields.word(format["type"], place + ".type", {"text", "json_object", "json_schema"});
  if (type.empty()) {
    fields.missing(place + ".type");
  }
  if (type != "json_schema") {
    fields.refuse_unknown(format, place, {"type"});
    decoded.type = type == "json_object" ? Type::JsonObject : Type::Text;
    return;
  }
  fields.refuse_unknown(format, place, {"type", "json_schema"});
  const JsonView schema = format["json_schema"];
  const std::string inner = place + ".json_schema";
  fields.refuse_unknown(schema, inner, {"name", "description", "schema", "strict"});
  decoded = {.type = Type::JsonSchema,
             .name = fields.required_text(schema["name"], inner + ".name"),
             .description = fields.text(schema["description"], inner + ".description"),
             .schema = fields.object(schema["schema"], inner + ".schema"),
             .strict = fields.flag(schema["strict"], inner + ".strict")};
}

void decode_stop(FieldReader& fields, const JsonView& stop, ChatRequest& request) {
  constexpr std::size_t kMost = 4;
  const std::vector<JsonView> texts = stop.is_string() ? std::vector<JsonView>{stop} : stop.items();
  if ((stop.given() && !stop.is_string() && !stop.is_array()) || texts.size() > kMost) {
    fields.wrong("stop", "a string or an array of at most 4 strings");
    return;
  }
  for (const JsonView& text : texts) {
    request.stop.push_back(fields.required_text(text, "stop"));
  }
}

void decode_sampling(FieldReader& fields, const JsonObject& root, ChatRequest& request) {
  request.max_tokens =
      fields.integer(root["max_completion_tokens"], "max_completion_tokens", 1, INT64_MAX);
  const auto older = fields.integer(root["max_tokens"], "max_tokens", 1, INT64_MAX);
  if (!request.max_tokens) {
    request.max_tokens = older;
  }
  request.temperature = fields.number(root["temperature"], "temperature", 0, 2);
  request.top_p = fields.number(root["top_p"], "top_p", 0, 1);
  request.top_k = fields.integer(root["top_k"], "top_k", -1, INT64_MAX);
  request.seed = fields.integer(root["seed"], "seed", INT64_MIN, INT64_MAX);
  request.presence_penalty = fields.number(root["presence_penalty"], "presence_penalty", -2, 2);
  request.frequency_penalty = fields.number(root["frequency_penalty"], "frequency_penalty", -2, 2);
  decode_stop(fields, root["stop"], request);
  request.choices = fields.integer(root["n"], "n", 1, 128).value_or(1);
  request.logprobs = fields.flag(root["logprobs"], "logprobs").value_or(false);
  request.top_logprobs = fields.integer(root["top_logprobs"], "top_logprobs", 0, 20);
  if (request.top_logprobs && !request.logprobs) {
    fields.wrong("top_logprobs", "used with 'logprobs': true");
  }
  request.logit_bias = fields.object(root["logit_bias"], "logit_bias");
  request.reasoning_effort =
      fields.word(root["reasoning_effort"], "reasoning_effort",
                  {"none", "minimal", "low", "medium", "high", "xhigh", "max"});
}

/// What only OpenAI's own models can do is refused unless it asks for what is done anyway.
void check_others(FieldReader& fields, const JsonObject& root) {
  if (root["verbosity"].given() && root["verbosity"].text() != "medium") {
    fields.unsupported("verbosity");
  }
  const std::vector<JsonView> modalities = root["modalities"].items();
  if (root["modalities"].given() && (modalities.size() != 1 || modalities[0].text() != "text")) {
    fields.unsupported("modalities", "its answers are text");
  }
  for (const char* name : {"audio", "moderation", "web_search_options"}) {
    if (root[name].given()) {
      fields.unsupported(name);
    }
  }
  fields.refuse_unknown(root["stream_options"], "stream_options",
                        {"include_usage", "include_obfuscation"});
  fields.refuse_unknown(root, "",
                        {"model",
                         "messages",
                         "max_completion_tokens",
                         "max_tokens",
                         "temperature",
                         "top_p",
                         "top_k",
                         "frequency_penalty",
                         "presence_penalty",
                         "logit_bias",
                         "logprobs",
                         "top_logprobs",
                         "n",
                         "stop",
                         "seed",
                         "stream",
                         "stream_options",
                         "tools",
                         "tool_choice",
                         "parallel_tool_calls",
                         "response_format",
                         "reasoning_effort",
                         "verbosity",
                         "modalities",
                         "prediction",
                         "service_tier",
                         "store",
                         "metadata",
                         "user",
                         "safety_identifier",
                         "prompt_cache_key",
                         "prompt_cache_options",
                         "prompt_cache_retention",
                         "functions",
                         "function_call"});
}

}  // namespace

Result<ChatRequest> decode_openai_chat(std::string_view body) {
  const JsonObject root = JsonView(body);
  FieldReader fields;
  ChatRequest request;
  check_others(fields, root);
  request.messages = decode_openai_messages(fields, root["messages"]);
  decode_tools(fields, root, request);
  decode_tool_choice(fields, root, request);
  decode_format(fields, root["response_format"], request.format);
  decode_sampling(fields, root, request);
  request.user = fields.text(root["user"], "user");
  if (fields.failed()) {
    return fail(*fields.error());
  }
  return request;
}

}  // namespace headgate::dialects
