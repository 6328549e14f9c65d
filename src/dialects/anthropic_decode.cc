#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "dialects/anthropic.h"

namespace headgate::dialects {
namespace {

using model::ChatRequest;

void decode_system(FieldReader& fields, const JsonView& system, ChatRequest& request) {
  model::Message message;
  message.role = model::Message::Role::System;
  message.content = decode_anthropic_texts(fields, system, "system");
  if (!message.content.empty()) {
    request.messages.push_back(std::move(message));
  }
}

void decode_tools(FieldReader& fields, const JsonView& tools, ChatRequest& request) {
  if (tools.given() && !tools.is_array()) {
    fields.wrong("tools", "an array");
  }
  std::size_t number = 0;
  for (const JsonView& tool : tools.items()) {
    const std::string place = "tools[" + std::to_string(number++) + "]";
    if (tool["type"].given() && tool["type"].text() != "custom") {
      fields.unsupported(place + ".type", "only tools that the client runs");
    }
    fields.refuse_unknown(
        tool, place, {"type", "name", "description", "input_schema", "strict", "cache_control"});
    if (!tool["input_schema"].given()) {
      fields.missing(place + ".input_schema");
    }
    request.tools.push_back(
        {.name = fields.required_text(tool["name"], place + ".name"),
         .description = fields.text(tool["description"], place + ".description"),
         .parameters = fields.object(tool["input_schema"], place + ".input_schema"),
         .strict = fields.flag(tool["strict"], place + ".strict")});
  }
}

void decode_tool_choice(FieldReader& fields, const JsonView& choice, ChatRequest& request) {
  using Mode = model::ToolChoice::Mode;
  if (!choice.given()) {
    return;
  }
  fields.object(choice, "tool_choice");
  fields.refuse_unknown(choice, "tool_choice", {"type", "name", "disable_parallel_tool_use"});
  const std::string type =
      fields.word(choice["type"], "tool_choice.type", {"auto", "any", "tool", "none"});
  if (type.empty()) {
    fields.missing("tool_choice.type");
  } else if (type == "tool") {
    request.tool_choice = {.mode = Mode::Named,
                           .name = fields.required_text(choice["name"], "tool_choice.name")};
  } else {
    request.tool_choice.mode = type == "any"    ? Mode::Required
                               : type == "none" ? Mode::None
                                                : Mode::Auto;
  }
  const auto one_at_a_time =
      fields.flag(choice["disable_parallel_tool_use"], "tool_choice.disable_parallel_tool_use");
  if (one_at_a_time) {
    request.parallel_tool_calls = !*one_at_a_time;
  }
}

void decode_thinking(FieldReader& fields, const JsonView& thinking, ChatRequest& request) {
  constexpr std::int64_t kLeastBudget = 1024;
  if (!thinking.given()) {
    return;
  }
  fields.object(thinking, "thinking");
  fields.refuse_unknown(thinking, "thinking", {"type", "budget_tokens", "display"});
  fields.word(thinking["display"], "thinking.display", {"summarized", "omitted"});
  const std::string type = fields.word(thinking["type"], "thinking.type",
                                       {"adaptive", "enabled", "disabled", "between_tools"});
  if (type.empty()) {
    fields.missing("thinking.type");
  } else if (type == "enabled") {
    request.reasoning_tokens = fields.integer(thinking["budget_tokens"], "thinking.budget_tokens",
                                              kLeastBudget, INT64_MAX);
    if (!request.reasoning_tokens) {
      fields.missing("thinking.budget_tokens");
    }
  } else if (type == "disabled") {
    request.reasoning_tokens = 0;
  } else if (type == "between_tools") {
    fields.unsupported("thinking.type", "only adaptive, enabled and disabled");
  }
}

void decode_output_config(FieldReader& fields, const JsonView& config, ChatRequest& request) {
  fields.object(config, "output_config");
  fields.refuse_unknown(config, "output_config", {"effort", "format"});
  request.reasoning_effort = fields.word(config["effort"], "output_config.effort",
                                         {"low", "medium", "high", "xhigh", "max"});
  const JsonView format = config["format"];
  if (!format.given()) {
    return;
  }
  fields.object(format, "output_config.format");
  fields.refuse_unknown(format, "output_config.format", {"type", "schema"});
  if (fields.word(format["type"], "output_config.format.type", {"json_schema"}).empty()) {
    fields.missing("output_config.format.type");
  }
  if (!format["schema"].given()) {
    fields.missing("output_config.format.schema");
  }
  request.format.type = model::OutputFormat::Type::JsonSchema;
  request.format.schema = fields.object(format["schema"], "output_config.format.schema");
  request.format.strict = true;  // that is what clients of this dialect are promised
}

void decode_stop(FieldReader& fields, const JsonView& stop, ChatRequest& request) {
  if (stop.given() && !stop.is_array()) {
    fields.wrong("stop_sequences", "an array");
  }
  std::size_t number = 0;
  for (const JsonView& sequence : stop.items()) {
    const std::string place = "stop_sequences[" + std::to_string(number++) + "]";
    request.stop.push_back(fields.required_text(sequence, place));
  }
}

void decode_numbers(FieldReader& fields, const JsonObject& root, ChatRequest& request) {
  if (!root["max_tokens"].given()) {
    fields.missing("max_tokens");
  }
  request.max_tokens = fields.integer(root["max_tokens"], "max_tokens", 1, INT64_MAX);
  request.temperature = fields.number(root["temperature"], "temperature", 0, 1);
  request.top_p = fields.number(root["top_p"], "top_p", 0, 1);
  request.top_k = fields.integer(root["top_k"], "top_k", 0, INT64_MAX);
}

void decode_labels(FieldReader& fields, const JsonObject& root, ChatRequest& request) {
  fields.object(root["metadata"], "metadata");
  fields.refuse_unknown(root["metadata"], "metadata", {"user_id"});
  request.user = fields.text(root["metadata"]["user_id"], "metadata.user_id");
  fields.word(root["service_tier"], "service_tier", {"auto", "standard_only"});
  if (fields.word(root["speed"], "speed", {"standard", "fast"}) == "fast") {
    fields.unsupported("speed", "only standard");
  }
}

}  // namespace

Result<ChatRequest> decode_anthropic(std::string_view body) {
  const JsonObject root = JsonView(body);
  FieldReader fields;
  ChatRequest request;
  fields.refuse_unknown(root, "",
                        {"model", "max_tokens", "messages", "system", "stop_sequences", "stream",
                         "temperature", "top_p", "top_k", "tools", "tool_choice", "thinking",
                         "output_config", "metadata", "service_tier", "speed", "cache_control"});
  decode_numbers(fields, root, request);
  decode_system(fields, root["system"], request);
  decode_anthropic_messages(fields, root["messages"], request.messages);
  decode_tools(fields, root["tools"], request);
  decode_tool_choice(fields, root["tool_choice"], request);
  decode_thinking(fields, root["thinking"], request);
  decode_output_config(fields, root["output_config"], request);
  decode_stop(fields, root["stop_sequences"], request);
  decode_labels(fields, root, request);
  if (fields.failed()) {
    return fail(*fields.error());
  }
  return request;
}

}  // namespace headgate::dialects
