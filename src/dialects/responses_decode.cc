#include <string>
#include <utility>

#include "dialects/responses.h"

namespace headgate::dialects {
namespace {

using model::ChatRequest;

void decode_tools(FieldReader& fields, const JsonView& tools, ChatRequest& request) {
  if (tools.given() && !tools.is_array()) {
    fields.wrong("tools", "an array");
  }
  std::size_t number = 0;
  for (const JsonView& tool : tools.items()) {
    const std::string place = "tools[" + std::to_string(number++) + "]";
    const std::string type = fields.required_text(tool["type"], place + ".type");
    if (type != "function") {
      fields.unsupported(place + ".type", "the tool '" + type + "' is OpenAI's own");
    }
    fields.refuse_unknown(tool, place, {"type", "name", "description", "parameters", "strict"});
    request.tools.push_back(
        {.name = fields.required_text(tool["name"], place + ".name"),
         .description = fields.text(tool["description"], place + ".description"),
         .parameters = fields.object(tool["parameters"], place + ".parameters"),
         .strict = fields.flag(tool["strict"], place + ".strict")});
  }
}

void decode_tool_choice(FieldReader& fields, const JsonView& choice, model::ToolChoice& decoded) {
  using Mode = model::ToolChoice::Mode;
  if (choice.is_object()) {
    if (choice["type"].text() != "function") {
      fields.unsupported("tool_choice.type", "only a choice of type function");
    }
    decoded = {.mode = Mode::Named,
               .name = fields.required_text(choice["name"], "tool_choice.name")};
    return;
  }
  const std::string word = fields.word(choice, "tool_choice", {"none", "auto", "required"});
  decoded.mode = word == "none"       ? Mode::None
                 : word == "auto"     ? Mode::Auto
                 : word == "required" ? Mode::Required
                                      : Mode::Unset;
}

void decode_text(FieldReader& fields, const JsonView& text, model::OutputFormat& decoded) {
  using Type = model::OutputFormat::Type;
  fields.refuse_unknown(text, "text", {"format", "verbosity"});
  if (text["verbosity"].given() && text["verbosity"].text() != "medium") {
    fields.unsupported("text.verbosity");
  }
  const JsonView format = text["format"];
  if (!format.given()) {
    return;
  }
  const std::string place = "text.format";
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
  fields.refuse_unknown(format, place, {"type", "name", "description", "schema", "strict"});
  decoded = {.type = Type::JsonSchema,
             .name = fields.required_text(format["name"], place + ".name"),
             .description = fields.text(format["description"], place + ".description"),
             .schema = fields.object(format["schema"], place + ".schema"),
             .strict = fields.flag(format["strict"], place + ".strict")};
}

/// What is to be in the answer; most of the names are of items that never occur.
void decode_include(FieldReader& fields, const JsonView& include, ChatRequest& request) {
  if (include.given() && !include.is_array()) {
    fields.wrong("include", "an array");
  }
  for (const JsonView& name : include.items()) {
    const std::string word =
        fields.word(name, "include",
                    {"reasoning.encrypted_content", "message.output_text.logprobs",
                     "message.input_image.image_url", "file_search_call.results",
                     "web_search_call.results", "web_search_call.action.sources",
                     "computer_call_output.output.image_url", "code_interpreter_call.outputs"});
    request.logprobs = request.logprobs || word == "message.output_text.logprobs";
  }
}

void check_others(FieldReader& fields, const JsonObject& root) {
  for (const char* name : {"conversation", "prompt"}) {
    if (root[name].given()) {
      fields.unsupported(name, "it is kept at OpenAI");
    }
  }
  if (root["truncation"].given() && root["truncation"].text() != "disabled") {
    fields.unsupported("truncation", "nothing of the input is left out");
  }
  fields.refuse_unknown(root["stream_options"], "stream_options", {"include_obfuscation"});
  fields.refuse_unknown(root, "",
                        {"model",
                         "input",
                         "instructions",
                         "max_output_tokens",
                         "temperature",
                         "top_p",
                         "tools",
                         "tool_choice",
                         "parallel_tool_calls",
                         "text",
                         "reasoning",
                         "store",
                         "previous_response_id",
                         "conversation",
                         "background",
                         "stream",
                         "stream_options",
                         "include",
                         "metadata",
                         "truncation",
                         "service_tier",
                         "top_logprobs",
                         "max_tool_calls",
                         "prompt",
                         "user",
                         "safety_identifier",
                         "prompt_cache_key",
                         "prompt_cache_options",
                         "prompt_cache_retention"});
}

}  // namespace

Result<ChatRequest> decode_responses(std::string_view body) {
  const JsonObject root = JsonView(body);
  FieldReader fields;
  ChatRequest request;
  check_others(fields, root);
  if (std::string text = fields.text(root["instructions"], "instructions"); !text.empty()) {
    model::Message& message = request.messages.emplace_back();
    message.role = model::Message::Role::System;
    message.content.emplace_back().text = std::move(text);
  }
  decode_response_input(fields, root["input"], request.messages);
  decode_tools(fields, root["tools"], request);
  decode_tool_choice(fields, root["tool_choice"], request.tool_choice);
  request.parallel_tool_calls = fields.flag(root["parallel_tool_calls"], "parallel_tool_calls");
  decode_text(fields, root["text"], request.format);
  const JsonView reasoning = root["reasoning"];
  fields.refuse_unknown(reasoning, "reasoning", {"effort", "summary", "generate_summary"});
  request.reasoning_effort =
      fields.word(reasoning["effort"], "reasoning.effort",
                  {"none", "minimal", "low", "medium", "high", "xhigh", "max"});
  request.max_tokens = fields.integer(root["max_output_tokens"], "max_output_tokens", 1, INT64_MAX);
  request.temperature = fields.number(root["temperature"], "temperature", 0, 2);
  request.top_p = fields.number(root["top_p"], "top_p", 0, 1);
  decode_include(fields, root["include"], request);
  request.top_logprobs = fields.integer(root["top_logprobs"], "top_logprobs", 0, 20);
  if (request.top_logprobs == 0 && !request.logprobs) {
    request.top_logprobs.reset();
  }
  request.logprobs = request.logprobs || request.top_logprobs.has_value();
  request.user = fields.text(root["user"], "user");
  if (fields.failed()) {
    return fail(*fields.error());
  }
  return request;
}

}  // namespace headgate::dialects
