// What the Messages API wants otherwise than a neutral chat: system text and tool results in places
// of their own (anthropic_blocks.cc), always max_tokens, temperatures up to 1, reasoning as an
// effort or, of models before 4.6, as a budget of tokens.
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/json_writer.h"
#include "providers/anthropic_blocks.h"
#include "providers/anthropic_wire.h"

namespace headgate::providers {
namespace {

/// Of answers where neither the request nor the target says how long they may be.
constexpr std::int64_t kUsualOutput = 4096;
constexpr std::int64_t kLeastBudget = 1024;

/// Sampling parameters are known to the older version of the API only.
constexpr std::string_view kSamplingFields =
    "Content-Type: application/json\r\nAccept-Encoding: identity\r\n"
    "anthropic-version: 2023-06-01\r\n";
constexpr std::string_view kFields =
    "Content-Type: application/json\r\nAccept-Encoding: identity\r\n"
    "anthropic-version: 2026-10-21\r\n";

/// Models that take reasoning only as a budget.
constexpr std::array<std::string_view, 12> kBudgetModels = {
    "claude-2",          "claude-3",          "claude-instant",   "claude-opus-4-0",
    "claude-opus-4-1",   "claude-opus-4-2",   "claude-opus-4-5",  "claude-sonnet-4-0",
    "claude-sonnet-4-2", "claude-sonnet-4-5", "claude-haiku-4-5", "claude-4-"};

struct Effort {
  std::string_view asked;
  std::string_view sent;
  std::int64_t budget;
};

constexpr std::array kEfforts = {Effort{"minimal", "low", 1024},   Effort{"low", "low", 2048},
                                 Effort{"medium", "medium", 8192}, Effort{"high", "high", 16384},
                                 Effort{"xhigh", "xhigh", 32768},  Effort{"max", "max", 32768}};

/// Members that the vendor has, but not with such values.
Result<void> refuse_values(const model::ChatRequest& request) {
  const auto is_blank = [](const std::string& stop) {
    return stop.find_first_not_of(" \t\r\n") == std::string::npos;
  };
  if (std::ranges::any_of(request.stop, is_blank)) {
    return fail(invalid_request("This model takes no stop sequence of blanks.", "stop"));
  }
  if (request.temperature.value_or(0) > 1) {
    return fail(invalid_request("This model takes a temperature of at most 1.", "temperature"));
  }
  using Mode = model::ToolChoice::Mode;
  const Mode mode = request.tool_choice.mode;
  if (request.tools.empty() && (mode == Mode::Required || mode == Mode::Named)) {
    return fail(
        invalid_request("'tool_choice' asks for a tool, but there are none.", "tool_choice"));
  }
  return {};
}

Result<void> refuse_inexpressible(const model::ChatRequest& request) {
  struct Row {
    bool is_asked;
    std::string_view param;
  };
  const std::array rows = {Row{request.choices > 1, "n"},
                           Row{request.logprobs, "logprobs"},
                           Row{request.top_logprobs.value_or(0) > 0, "top_logprobs"},
                           Row{request.seed.has_value(), "seed"},
                           Row{request.presence_penalty.value_or(0) != 0, "presence_penalty"},
                           Row{request.frequency_penalty.value_or(0) != 0, "frequency_penalty"},
                           Row{!JsonView(request.logit_bias).members().empty(), "logit_bias"}};
  const auto* const row = std::ranges::find(rows, true, &Row::is_asked);
  if (row == rows.end()) {
    return refuse_values(request);
  }
  return fail(invalid_request("This model does not support '" + std::string(row->param) + "'.",
                              std::string(row->param)));
}

/// Whether a reasoning model is in the midst of calling tools and its reasoning is not at hand: a
/// budget of tokens is refused then.
bool lacks_reasoning(const model::ChatRequest& request) {
  for (auto message = request.messages.rbegin(); message != request.messages.rend(); ++message) {
    if (message->role == model::Message::Role::User) {
      return false;
    }
    if (message->role == model::Message::Role::Assistant) {
      return std::ranges::none_of(message->content, [](const model::Part& part) {
        return part.type == model::Part::Type::Reasoning && !part.signature.empty();
      });
    }
  }
  return false;
}

/// How the request's wish for reasoning is sent.
struct Thinking {
  enum class Mode : std::uint8_t { Unset, Disabled, Adaptive, Budget };
  Mode mode = Mode::Unset;
  std::int64_t budget = 0;
  std::string_view effort;  ///< of output_config, or empty
  std::int64_t max_tokens = 0;
};

Result<Thinking> thinking_of(const model::ChatRequest& request, const TargetName& target) {
  using Mode = Thinking::Mode;
  Thinking thinking;
  thinking.max_tokens =
      request.max_tokens.value_or(target.max_output > 0 ? target.max_output : kUsualOutput);
  const auto takes_budget = [&](std::string_view old) { return target.model.starts_with(old); };
  const bool is_old = std::ranges::any_of(kBudgetModels, takes_budget);
  const bool wants_none = request.reasoning_effort == "none" || request.reasoning_tokens == 0;
  const auto* const effort = std::ranges::find(kEfforts, request.reasoning_effort, &Effort::asked);
  if (effort == kEfforts.end() && !request.reasoning_effort.empty() && !wants_none) {
    return fail(invalid_request("This model has no such effort of reasoning.", "reasoning_effort"));
  }
  if (effort != kEfforts.end() && !is_old) {
    thinking.effort = effort->sent;
  }
  if (wants_none) {
    thinking.mode = Mode::Disabled;
  } else if (request.reasoning_tokens) {
    thinking.mode = Mode::Budget;
    thinking.budget = *request.reasoning_tokens;
    if (!request.max_tokens && thinking.max_tokens <= thinking.budget) {
      thinking.max_tokens = thinking.budget + kUsualOutput;
    }
  } else if (effort != kEfforts.end() && !is_old) {
    thinking.mode = Mode::Adaptive;
  } else if (effort != kEfforts.end() && !lacks_reasoning(request)) {
    thinking.budget = effort->budget;
    if (!request.max_tokens && target.max_output <= 0) {
      thinking.max_tokens += thinking.budget;
    } else {
      thinking.budget = std::min(thinking.budget, thinking.max_tokens / 2);
    }
    thinking.mode = thinking.budget < kLeastBudget ? Mode::Unset : Mode::Budget;
  }
  return thinking;
}

void write_thinking(JsonWriter& json, const Thinking& thinking) {
  switch (thinking.mode) {
    case Thinking::Mode::Unset:
      return;
    case Thinking::Mode::Disabled:
      json.key("thinking").raw(R"({"type":"disabled"})");
      return;
    case Thinking::Mode::Adaptive:
      json.key("thinking").raw(R"({"type":"adaptive"})");
      return;
    case Thinking::Mode::Budget:
      json.key("thinking").begin_object().key("type").text("enabled");
      json.key("budget_tokens").number(thinking.budget).end_object();
      return;
  }
}

bool wants_schema(const model::ChatRequest& request) {
  return request.format.type == model::OutputFormat::Type::JsonSchema &&
         !request.format.schema.empty();
}

void write_output_config(JsonWriter& json, const model::ChatRequest& request,
                         std::string_view effort) {
  const bool has_schema = wants_schema(request);
  if (!has_schema && effort.empty()) {
    return;
  }
  json.key("output_config").begin_object();
  if (!effort.empty()) {
    json.key("effort").text(effort);
  }
  if (has_schema) {
    json.key("format").begin_object().key("type").text("json_schema");
    json.key("schema").raw(request.format.schema).end_object();
  }
  json.end_object();
}

void write_tools(JsonWriter& json, const model::ChatRequest& request) {
  if (request.tools.empty()) {
    return;
  }
  json.key("tools").begin_array();
  for (const model::Tool& tool : request.tools) {
    json.begin_object().key("name").text(tool.name);
    if (!tool.description.empty()) {
      json.key("description").text(tool.description);
    }
    json.key("input_schema");
    json.raw(tool.parameters.empty() ? R"({"type":"object","properties":{}})" : tool.parameters);
    if (tool.strict) {
      json.key("strict").raw(*tool.strict ? "true" : "false");
    }
    json.end_object();
  }
  json.end_array();
}

std::string_view choice_type(model::ToolChoice::Mode mode) {
  using Mode = model::ToolChoice::Mode;
  switch (mode) {
    case Mode::None:
      return "none";
    case Mode::Required:
      return "any";
    case Mode::Named:
      return "tool";
    case Mode::Unset:
    case Mode::Auto:
      return "auto";
  }
  return "auto";
}

void write_tool_choice(JsonWriter& json, const model::ChatRequest& request) {
  using Mode = model::ToolChoice::Mode;
  const Mode mode = request.tool_choice.mode;
  const bool one_at_a_time = !request.parallel_tool_calls.value_or(true) && mode != Mode::None;
  if (request.tools.empty() || (mode == Mode::Unset && !one_at_a_time)) {
    return;
  }
  json.key("tool_choice").begin_object().key("type").text(choice_type(mode));
  if (mode == Mode::Named) {
    json.key("name").text(request.tool_choice.name);
  }
  if (one_at_a_time) {
    json.key("disable_parallel_tool_use").raw("true");
  }
  json.end_object();
}

void write_stop(JsonWriter& json, const model::ChatRequest& request) {
  if (request.stop.empty()) {
    return;
  }
  json.key("stop_sequences").begin_array();
  for (const std::string& stop : request.stop) {
    json.text(stop);
  }
  json.end_array();
}

void write_sampling(JsonWriter& json, const model::ChatRequest& request) {
  if (request.temperature) {
    json.key("temperature").number(*request.temperature);
  }
  if (request.top_p) {
    json.key("top_p").number(*request.top_p);
  }
  if (request.top_k) {
    json.key("top_k").number(*request.top_k);
  }
}

Result<AnthropicTurns> turns_of(const model::ChatRequest& request) {
  AnthropicTurns turns;
  for (std::size_t i = 0; i < request.messages.size(); ++i) {
    if (auto added = turns.add(request.messages[i], i); !added) {
      return fail(added.error());
    }
  }
  if (turns.empty()) {
    return fail(invalid_request("This model wants a message of the user.", "messages"));
  }
  if (request.format.type != model::OutputFormat::Type::Text && !wants_schema(request)) {
    turns.instruct("Answer with one JSON object and nothing else.");
  }
  return turns;
}

}  // namespace

Result<WireRequest> encode_anthropic_chat(const model::ChatRequest& request,
                                          model::Delivery delivery, const TargetName& target) {
  if (auto expressible = refuse_inexpressible(request); !expressible) {
    return fail(expressible.error());
  }
  const auto turns = turns_of(request);
  if (!turns) {
    return fail(turns.error());
  }
  const auto thinking = thinking_of(request, target);
  if (!thinking) {
    return fail(thinking.error());
  }
  WireRequest wire;
  wire.path = "/v1/messages";
  const bool samples = request.temperature || request.top_p || request.top_k;
  wire.fields = samples ? kSamplingFields : kFields;
  JsonWriter json(wire.owned);
  json.begin_object().key("model").raw(target.json_model);
  json.key("max_tokens").number(thinking->max_tokens);
  if (!turns->system().empty()) {
    json.key("system").text(turns->system());
  }
  json.key("messages");
  turns->write(json);
  write_tools(json, request);
  write_tool_choice(json, request);
  write_thinking(json, *thinking);
  write_output_config(json, request, thinking->effort);
  write_stop(json, request);
  write_sampling(json, request);
  if (!request.user.empty()) {
    json.key("metadata").begin_object().key("user_id").text(request.user).end_object();
  }
  if (delivery == model::Delivery::Stream) {
    json.key("stream").raw("true");
  }
  json.end_object();
  wire.add(wire.owned);
  return wire;
}

}  // namespace headgate::providers
