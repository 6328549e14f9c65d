// A strict function is one whose calls are validated (mode VALIDATED; ANY always validates). The
// label `user` is left out.
#include "providers/gemini_request.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "providers/gemini_contents.h"
#include "providers/gemini_json.h"

namespace headgate::providers {
namespace {

using model::ChatRequest;
using model::OutputFormat;
using model::Tool;
using model::ToolChoice;

constexpr std::size_t kMaxStops = 5;
constexpr std::int64_t kMaxChoices = 8;
constexpr std::int64_t kMaxTopLogprobs = 20;
constexpr std::size_t kMaxFunctionName = 64;

bool is_function_name(std::string_view name) {
  constexpr std::string_view kDigits = "0123456789";
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
  return !name.empty() && name.size() <= kMaxFunctionName &&
         kLetters.find(name.front()) != std::string_view::npos &&
         std::ranges::all_of(name, [&](char c) {
           return kLetters.find(c) != std::string_view::npos ||
                  kDigits.find(c) != std::string_view::npos || c == '.' || c == ':' || c == '-';
         });
}

Result<void> write_tools(const ChatRequest& request, std::string& out) {
  if (request.tools.empty()) {
    return {};
  }
  begin_member(out, "tools");
  out.append(R"([{"functionDeclarations":[)");
  for (std::size_t i = 0; i < request.tools.size(); ++i) {
    const Tool& tool = request.tools[i];
    if (!is_function_name(tool.name)) {
      return fail(invalid_request(
          "For this model a function's name is 1 to 64 letters, digits, '_', '.', ':' or '-', "
          "beginning with a letter or '_'.",
          place("tools", i) + ".function.name"));
    }
    begin_element(out);
    out.push_back('{');
    add_text(out, "name", tool.name);
    if (!tool.description.empty()) {
      add_text(out, "description", tool.description);
    }
    if (!tool.parameters.empty()) {
      add_raw(out, "parametersJsonSchema", tool.parameters);
    }
    out.push_back('}');
  }
  out.append("]}]");
  return {};
}

Result<void> write_tool_choice(const ChatRequest& request, std::string& out) {
  const ToolChoice& choice = request.tool_choice;
  using Mode = ToolChoice::Mode;
  const bool must_call = choice.mode == Mode::Required || choice.mode == Mode::Named;
  if (request.tools.empty()) {
    if (must_call) {
      return fail(invalid_request("A tool must be called, but there is none.", "tool_choice"));
    }
    return {};
  }
  const bool may_call = choice.mode != Mode::None;
  if (may_call && request.parallel_tool_calls == false) {
    return fail(invalid_request("This model cannot be kept from calling several tools at once.",
                                "parallel_tool_calls"));
  }
  const bool is_strict =
      std::ranges::any_of(request.tools, [](const Tool& tool) { return tool.strict == true; });
  if (choice.mode == Mode::Unset && !is_strict) {
    return {};
  }
  if (choice.mode == Mode::Named && std::ranges::none_of(request.tools, [&](const Tool& tool) {
        return tool.name == choice.name;
      })) {
    return fail(invalid_request("There is no tool of this name.", "tool_choice"));
  }
  begin_member(out, "toolConfig");
  out.append(R"({"functionCallingConfig":{)");
  add_text(out, "mode", must_call ? "ANY" : !may_call ? "NONE" : is_strict ? "VALIDATED" : "AUTO");
  if (choice.mode == Mode::Named) {
    begin_member(out, "allowedFunctionNames");
    out.push_back('[');
    append_json_quoted(out, choice.name);
    out.push_back(']');
  }
  out.append("}}");
  return {};
}

/// What an effort is: a level to the models of today, a budget to those before.
struct Effort {
  std::string_view name;
  std::string_view level;
  std::int64_t budget;  ///< what the vendor's own OpenAI route takes it for
};
constexpr Effort kEfforts[] = {{"minimal", "MINIMAL", 1024}, {"low", "LOW", 1024},
                               {"medium", "MEDIUM", 8192},   {"high", "HIGH", 24576},
                               {"xhigh", "HIGH", 24576},     {"max", "HIGH", 24576}};

Result<void> write_thinking(const ChatRequest& request, std::string_view model, std::string& out) {
  if (!request.reasoning_tokens && request.reasoning_effort.empty()) {
    return {};
  }
  std::string config;
  if (request.reasoning_tokens == 0 ||
      (!request.reasoning_tokens && request.reasoning_effort == "none")) {
    add_number(config, "thinkingBudget", 0);
  } else {
    add_raw(config, "includeThoughts", "true");
    if (request.reasoning_tokens) {  // both together are refused; the number says more
      add_number(config, "thinkingBudget", *request.reasoning_tokens);
    } else {
      const auto* const effort =
          std::ranges::find(kEfforts, std::string_view(request.reasoning_effort), &Effort::name);
      if (effort == std::end(kEfforts)) {
        return fail(invalid_request(
            "This model knows the efforts none, minimal, low, medium, high.", "reasoning_effort"));
      }
      if (model.starts_with("gemini-2.")) {
        add_number(config, "thinkingBudget", effort->budget);
      } else {
        add_text(config, "thinkingLevel", effort->level);
      }
    }
  }
  begin_member(out, "thinkingConfig");
  out.append("{").append(config).append("}");
  return {};
}

Result<void> check_limits(const ChatRequest& request) {
  if (!request.logit_bias.empty()) {
    return fail(invalid_request("This model takes no logit_bias.", "logit_bias"));
  }
  if (request.choices < 1 || request.choices > kMaxChoices) {
    return fail(invalid_request("This model gives 1 to 8 choices.", "n"));
  }
  if (request.stop.size() > kMaxStops) {
    return fail(invalid_request("This model takes up to 5 stop sequences.", "stop"));
  }
  using Seed = std::numeric_limits<std::int32_t>;
  if (request.seed && (*request.seed < Seed::min() || *request.seed > Seed::max())) {
    return fail(invalid_request("This model takes a seed of 32 bits.", "seed"));
  }
  if (request.top_logprobs &&
      (*request.top_logprobs < 0 || *request.top_logprobs > kMaxTopLogprobs)) {
    return fail(invalid_request("This model gives up to 20 logprobs.", "top_logprobs"));
  }
  return {};
}

void write_sampling(const ChatRequest& request, std::string& out) {
  const auto add = [&](std::string_view name, const auto& value) {
    if (value) {
      add_number(out, name, *value);
    }
  };
  add("temperature", request.temperature);
  add("topP", request.top_p);
  add("topK", request.top_k);
  if (request.choices > 1) {
    add_number(out, "candidateCount", request.choices);
  }
  add("maxOutputTokens", request.max_tokens);
  if (!request.stop.empty()) {
    begin_member(out, "stopSequences");
    out.push_back('[');
    for (const std::string& stop : request.stop) {
      begin_element(out);
      append_json_quoted(out, stop);
    }
    out.push_back(']');
  }
  if (request.format.type != OutputFormat::Type::Text) {
    add_text(out, "responseMimeType", "application/json");
    if (!request.format.schema.empty()) {
      add_raw(out, "responseJsonSchema", request.format.schema);
    }
  }
  add("seed", request.seed);
  add("presencePenalty", request.presence_penalty);
  add("frequencyPenalty", request.frequency_penalty);
  if (request.logprobs) {
    add_raw(out, "responseLogprobs", "true");
    add("logprobs", request.top_logprobs);
  }
}

}  // namespace

Result<std::string> write_gemini_chat(const ChatRequest& request, std::string_view model) {
  if (auto checked = check_limits(request); !checked) {
    return fail(checked.error());
  }
  std::string out;
  if (auto written = write_gemini_system(request, out); !written) {
    return fail(written.error());
  }
  auto contents = write_gemini_contents(request);
  if (!contents) {
    return fail(contents.error());
  }
  begin_member(out, "contents");
  out.append("[").append(*contents).append("]");
  if (auto written = write_tools(request, out); !written) {
    return fail(written.error());
  }
  if (auto written = write_tool_choice(request, out); !written) {
    return fail(written.error());
  }
  std::string config;
  write_sampling(request, config);
  if (auto written = write_thinking(request, model, config); !written) {
    return fail(written.error());
  }
  if (!config.empty()) {
    begin_member(out, "generationConfig");
    out.append("{").append(config).append("}");
  }
  return out;
}

}  // namespace headgate::providers
