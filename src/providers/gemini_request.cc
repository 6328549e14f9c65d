// What differs from the neutral model:
// - Turns alternate and the first is the user's: neighbours of one role become one content, and a
//   conversation that the assistant opens gets a blank user turn before it.
// - The result of a tool is part of a user turn and names the function, not only the call.
// - A function call of the current turn needs its thought signature; one that another model made
//   gets the text documented for that.
// - Reasoning of earlier turns is left out: the vendor does not ask for it, and refuses signatures
//   of others. So are labels: `user`, a speaker's name, an image's detail.
// - A strict function is one whose calls are validated (mode VALIDATED; ANY always validates).
#include "providers/gemini_request.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>

#include <simdjson.h>

#include "providers/gemini_json.h"

namespace headgate::providers {
namespace {

using model::ChatRequest;
using model::Message;
using model::OutputFormat;
using model::Part;
using model::Tool;
using model::ToolCall;
using model::ToolChoice;

constexpr std::string_view kBlankPart = R"({"text":" "})";
constexpr std::string_view kNoSignature = "skip_thought_signature_validator";
constexpr std::size_t kMaxStops = 5;
constexpr std::int64_t kMaxChoices = 8;
constexpr std::int64_t kMaxTopLogprobs = 20;
constexpr std::size_t kMaxFunctionName = 64;

std::string place(std::string_view list, std::size_t index) {
  return std::string(list).append("[").append(std::to_string(index)).append("]");
}

bool is_object(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  return parser.parse(json.data(), json.size()).get(root) == simdjson::SUCCESS && root.is_object();
}

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

/// The media type that the ending of a URL's path tells, or "".
std::string_view type_of_url(std::string_view url) {
  constexpr std::array<std::array<std::string_view, 2>, 9> kTypes = {{{".png", "image/png"},
                                                                      {".jpg", "image/jpeg"},
                                                                      {".jpeg", "image/jpeg"},
                                                                      {".webp", "image/webp"},
                                                                      {".gif", "image/gif"},
                                                                      {".heic", "image/heic"},
                                                                      {".heif", "image/heif"},
                                                                      {".avif", "image/avif"},
                                                                      {".pdf", "application/pdf"}}};
  const std::string path = ascii_lower(url.substr(0, url.find_first_of("?#")));
  for (const auto& [ending, type] : kTypes) {
    if (path.ends_with(ending)) {
      return type;
    }
  }
  return {};
}

std::string_view member_of(Part::Type type) {
  switch (type) {
    case Part::Type::Image:
      return ".image_url";
    case Part::Type::Audio:
      return ".input_audio";
    case Part::Type::File:
      return ".file";
    default:
      return "";
  }
}

/// `{"inlineData":...}` or `{"fileData":...}`; `where` is the part, in the client's words.
Result<void> write_media(const Part& part, const std::string& where, std::string& out) {
  std::string_view type = part.media_type;
  if (type.empty() && part.type == Part::Type::File && !part.data.empty()) {
    type = "application/pdf";
  }
  begin_element(out);
  if (!part.data.empty()) {
    if (type.empty()) {
      return fail(invalid_request("The media type of this part is missing.",
                                  where + std::string(member_of(part.type))));
    }
    out.append(R"({"inlineData":{)");
    add_text(out, "mimeType", type);
    add_text(out, "data", part.data);
    out.append("}}");
    return {};
  }
  if (!part.url.starts_with("https://") && !part.url.starts_with("gs://")) {
    return fail(invalid_request("This model reads https URLs and inline data only.",
                                where + std::string(member_of(part.type))));
  }
  if (type.empty()) {
    type = type_of_url(part.url);
  }
  out.append(R"({"fileData":{)");
  if (!type.empty()) {
    add_text(out, "mimeType", type);
  }
  add_text(out, "fileUri", part.url);
  out.append("}}");
  return {};
}

Result<void> write_part(const Part& part, const std::string& where, std::string& out) {
  switch (part.type) {
    case Part::Type::Text:
    case Part::Type::Refusal:
      if (part.text.empty() && part.signature.empty()) {
        return {};  // an empty text is refused
      }
      begin_element(out);
      out.push_back('{');
      add_text(out, "text", part.text);
      if (!part.signature.empty()) {
        add_text(out, "thoughtSignature", part.signature);
      }
      out.push_back('}');
      return {};
    case Part::Type::Reasoning:
      return {};
    case Part::Type::Image:
    case Part::Type::Audio:
    case Part::Type::File:
      return write_media(part, where, out);
  }
  return {};
}

Result<void> write_system(const ChatRequest& request, std::string& out) {
  std::string parts;
  for (std::size_t i = 0; i < request.messages.size(); ++i) {
    if (request.messages[i].role != Message::Role::System) {
      continue;
    }
    const auto& content = request.messages[i].content;
    for (std::size_t j = 0; j < content.size(); ++j) {
      const std::string where = place(place("messages", i) + ".content", j);
      if (content[j].type != Part::Type::Text) {
        return fail(invalid_request("A system message may hold text only.", where));
      }
      if (auto written = write_part(content[j], where, parts); !written) {
        return written;
      }
    }
  }
  if (!parts.empty()) {
    begin_member(out, "systemInstruction");
    out.append(R"({"parts":[)").append(parts).append("]}");
  }
  return {};
}

/// Writes the conversation, one content for all neighbours of a role.
class Conversation {
 public:
  explicit Conversation(const ChatRequest& request) : messages_(request.messages) {}

  Result<std::string> write() {
    const std::size_t turn = current_turn();
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      parts_.clear();
      auto written = write_message(i, i > turn);
      if (!written) {
        return fail(written.error());
      }
      add(messages_[i].role);
    }
    if (open_.empty()) {
      turn_of("user");
      out_.append(kBlankPart);
    }
    out_.append("]}");
    return std::move(out_);
  }

 private:
  /// Where the user spoke last. What follows tool results at once is part of the same turn.
  std::size_t current_turn() const {
    std::size_t turn = 0;
    auto before = Message::Role::System;
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      const Message::Role role = messages_[i].role;
      if (role == Message::Role::User && before != Message::Role::Tool) {
        turn = i;
      }
      if (role != Message::Role::System) {
        before = role;
      }
    }
    return turn;
  }

  /// Fills parts_.
  Result<void> write_message(std::size_t i, bool in_current_turn) {
    const Message& message = messages_[i];
    if (message.role == Message::Role::System) {
      return {};
    }
    if (message.role == Message::Role::Tool) {
      return write_result(i);
    }
    for (std::size_t j = 0; j < message.content.size(); ++j) {
      auto written =
          write_part(message.content[j], place(place("messages", i) + ".content", j), parts_);
      if (!written) {
        return written;
      }
    }
    for (std::size_t j = 0; j < message.tool_calls.size(); ++j) {
      const bool signature_needed = in_current_turn && j == 0;
      const std::string where = place(place("messages", i) + ".tool_calls", j);
      auto written = write_call(message.tool_calls[j], signature_needed, where);
      if (!written) {
        return written;
      }
    }
    if (parts_.empty() && message.role == Message::Role::User) {
      parts_ = kBlankPart;
    }
    return {};
  }

  Result<void> write_call(const ToolCall& call, bool signature_needed, const std::string& where) {
    const std::string_view arguments =
        call.arguments.empty() ? std::string_view("{}") : std::string_view(call.arguments);
    if (!is_object(arguments)) {
      return fail(invalid_request("The arguments of a function call must be a JSON object.",
                                  where + ".function.arguments"));
    }
    begin_element(parts_);
    parts_.append(R"({"functionCall":{)");
    if (!call.id.empty()) {
      add_text(parts_, "id", call.id);
    }
    add_text(parts_, "name", call.name);
    add_raw(parts_, "args", arguments);
    parts_.push_back('}');
    if (!call.signature.empty()) {
      add_text(parts_, "thoughtSignature", call.signature);
    } else if (signature_needed) {
      add_text(parts_, "thoughtSignature", kNoSignature);
    }
    parts_.push_back('}');
    return {};
  }

  Result<void> write_result(std::size_t i) {
    const Message& message = messages_[i];
    const std::string_view name = function_of(i);
    if (name.empty()) {
      return fail(invalid_request("There is no tool call of this id before its result.",
                                  place("messages", i) + ".tool_call_id"));
    }
    std::string text;
    std::string media;
    bool has_text = false;
    for (std::size_t j = 0; j < message.content.size(); ++j) {
      const Part& part = message.content[j];
      if (part.type == Part::Type::Text) {
        text.append(has_text ? "\n" : "").append(part.text);
        has_text = true;
        continue;
      }
      auto written = write_part(part, place(place("messages", i) + ".content", j), media);
      if (!written) {
        return written;
      }
    }
    begin_element(parts_);
    parts_.append(R"({"functionResponse":{)");
    add_text(parts_, "id", message.tool_call_id);
    add_text(parts_, "name", name);
    begin_member(parts_, "response");
    if (message.outcome == Message::Outcome::Ok && is_object(text)) {
      parts_.append(text);
    } else {
      parts_.push_back('{');
      add_text(parts_, message.outcome == Message::Outcome::Ok ? "output" : "error", text);
      parts_.push_back('}');
    }
    if (!media.empty()) {
      begin_member(parts_, "parts");
      parts_.append("[").append(media).append("]");
    }
    parts_.append("}}");
    return {};
  }

  /// The function that the result in message `at` is of. Ids may come again in later turns.
  std::string_view function_of(std::size_t at) const {
    for (std::size_t i = at; i-- > 0;) {
      for (const ToolCall& call : messages_[i].tool_calls) {
        if (call.id == messages_[at].tool_call_id) {
          return call.name;
        }
      }
    }
    return messages_[at].name;
  }

  void add(Message::Role role) {
    if (parts_.empty()) {
      return;
    }
    const bool is_model = role == Message::Role::Assistant;
    if (is_model && open_.empty()) {
      turn_of("user");
      out_.append(kBlankPart);
    }
    turn_of(is_model ? "model" : "user");
    begin_element(out_);
    out_.append(parts_);
  }

  void turn_of(std::string_view role) {
    if (role == open_) {
      return;
    }
    out_.append(open_.empty() ? "" : "]},");
    out_.append(R"({"role":")").append(role).append(R"(","parts":[)");
    open_ = role;
  }

  const std::vector<Message>& messages_;
  std::string out_;
  std::string parts_;      // of the message being written
  std::string_view open_;  // role of the content being written
};

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
  if (auto written = write_system(request, out); !written) {
    return fail(written.error());
  }
  auto contents = Conversation(request).write();
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
