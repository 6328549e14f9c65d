#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "sim/anthropic.h"
#include "sim/json.h"

// What the vendor refuses, from the public documents; each refusal is a 400 invalid_request_error.

namespace headgate::sim {
namespace {

constexpr std::size_t kMaxBreakpoints = 4;
constexpr std::size_t kMinBudget = 1024;
constexpr std::size_t kMaxMessages = 100'000;

using Problem = std::optional<std::string>;

bool one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

/// Reads one body; the place of a mistake is part of its message.
class Reader {
 public:
  Reader(AnthropicCall call, bool new_version, const json::object& body)
      : call_(call), new_version_(new_version), body_(body) {}

  Problem read() {
    for (auto step : {&Reader::read_fields, &Reader::read_sampling, &Reader::read_thinking,
                      &Reader::read_tools, &Reader::read_choice, &Reader::read_messages}) {
      if (Problem problem = (this->*step)()) {
        return problem;
      }
    }
    if (breakpoints_ > kMaxBreakpoints) {
      return "A maximum of 4 blocks with cache_control may be provided.";
    }
    request_.stream = flag_member(body_, "stream");
    read_format();
    return std::nullopt;
  }

  AnthropicRequest take() { return std::move(request_); }

 private:
  struct Turn {
    std::string_view role;
    std::vector<const json::object*> blocks;
    std::string plain;  // of content that is a string
  };

  Problem read_fields() {
    for (const auto& [name, value] : body_) {
      bool known = one_of(name, {"model", "messages", "system", "tools", "tool_choice", "thinking",
                                 "output_config", "cache_control", "mcp_servers",
                                 "context_management", "temperature", "top_p", "top_k", "speed"}) ||
                   (call_ == AnthropicCall::Messages &&
                    one_of(name, {"max_tokens", "stream", "stop_sequences", "metadata",
                                  "service_tier", "container", "inference_geo", "diagnostics"}));
      if (!known) {
        return std::string(name) + ": Extra inputs are not permitted";
      }
    }
    auto model = text_member(body_, "model");
    if (!model) {
      return "model: Field required";
    }
    request_.model = *model;
    if (call_ == AnthropicCall::Messages) {
      if (!member(body_, "max_tokens")) {
        return "max_tokens: Field required";
      }
      auto limit = count_member(body_, "max_tokens");
      if (!limit || body_.at("max_tokens").is_string()) {
        return "max_tokens: Input should be a valid integer";
      }
      request_.demand.max_tokens = *limit;
    }
    const json::value* system = member(body_, "system");
    if (system && !system->is_string() && !system->is_array()) {
      return "system: Input should be a valid string or list";
    }
    if (const json::array* blocks = array_member(body_, "system")) {
      for (const json::value& value : *blocks) {
        const json::object* block = value.if_object();
        if (!block || text_member(*block, "type").value_or("") != "text") {
          return "system: Input should be a list of text blocks";
        }
        if (is_blank(text_member(*block, "text").value_or(""))) {
          return "system: text content blocks must be non-empty";
        }
        count_breakpoint(*block);
      }
    }
    if (const json::object* metadata = object_member(body_, "metadata")) {
      for (const auto& [name, value] : *metadata) {
        if (name != "user_id") {
          return "metadata." + std::string(name) + ": Extra inputs are not permitted";
        }
      }
    }
    count_breakpoint(body_);
    return std::nullopt;
  }

  Problem read_sampling() {
    for (std::string_view name : {"temperature", "top_p", "top_k"}) {
      const json::value* value = member(body_, name);
      if (!value) {
        continue;
      }
      if (new_version_) {
        return std::string(name) + ": Extra inputs are not permitted in this version";
      }
      if (!value->is_number()) {
        return std::string(name) + ": Input should be a valid number";
      }
      double number = value->to_number<double>();
      if (name != "top_k" && (number < 0 || number > 1)) {
        return std::string(name) + ": range: 0..1";
      }
    }
    if (const json::array* stops = array_member(body_, "stop_sequences")) {
      for (const json::value& stop : *stops) {
        if (!stop.is_string() || is_blank(std::string_view(stop.get_string()))) {
          return "stop_sequences: each stop sequence must contain non-whitespace";
        }
        request_.demand.stop.emplace_back(stop.get_string());
      }
    }
    return std::nullopt;
  }

  Problem read_thinking() {
    const json::object* thinking = object_member(body_, "thinking");
    if (!thinking) {
      return std::nullopt;
    }
    std::string_view type = text_member(*thinking, "type").value_or("");
    if (!one_of(type, {"adaptive", "enabled", "disabled", "between_tools"})) {
      return "thinking.type: Input should be 'adaptive', 'enabled', 'disabled' or 'between_tools'";
    }
    request_.thinks = type != "disabled";
    request_.must_think = type == "enabled";
    request_.hides_thought = text_member(*thinking, "display").value_or("") == "omitted";
    if (type == "enabled") {
      auto budget = count_member(*thinking, "budget_tokens");
      if (!budget || *budget < kMinBudget) {
        return "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024";
      }
      if (call_ == AnthropicCall::Messages && *budget >= request_.demand.max_tokens) {
        return "max_tokens must be greater than thinking.budget_tokens";
      }
    }
    return std::nullopt;
  }

  Problem read_tools() {
    const json::array* tools = array_member(body_, "tools");
    for (std::size_t i = 0; tools && i < tools->size(); ++i) {
      std::string place = "tools." + std::to_string(i);
      const json::object* tool = (*tools)[i].if_object();
      if (!tool) {
        return place + ": Input should be an object";
      }
      count_breakpoint(*tool);
      if (text_member(*tool, "type").value_or("custom") != "custom") {
        continue;
      }
      for (const auto& [name, value] : *tool) {
        if (!one_of(name,
                    {"name", "description", "input_schema", "strict", "type", "cache_control"})) {
          return place + "." + std::string(name) + ": Extra inputs are not permitted";
        }
      }
      std::string_view name = text_member(*tool, "name").value_or("");
      if (!is_name(name)) {
        return place + ".name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'";
      }
      const json::object* schema = object_member(*tool, "input_schema");
      if (!schema) {
        return place + ".input_schema: Field required";
      }
      if (text_member(*schema, "type").value_or("") != "object") {
        return place + ".input_schema.type: Input should be 'object'";
      }
      request_.demand.tools.push_back({std::string(name), json::serialize(*schema)});
    }
    return std::nullopt;
  }

  Problem read_choice() {
    const json::object* choice = object_member(body_, "tool_choice");
    if (!choice) {
      return member(body_, "tool_choice") ? Problem("tool_choice: Input should be an object")
                                          : std::nullopt;
    }
    std::string_view type = text_member(*choice, "type").value_or("");
    if (!one_of(type, {"auto", "any", "tool", "none"})) {
      return "tool_choice.type: Input should be 'auto', 'any', 'tool' or 'none'";
    }
    bool forced = type == "any" || type == "tool";
    if (forced && request_.thinks) {
      return "Thinking may not be enabled when tool_choice forces tool use.";
    }
    if (forced && request_.demand.tools.empty()) {
      return "tool_choice may only be specified while providing tools.";
    }
    if (type == "none") {
      request_.demand.tools.clear();
    }
    if (type == "tool") {
      std::string_view name = text_member(*choice, "name").value_or("");
      std::erase_if(request_.demand.tools, [&](const Tool& tool) { return tool.name != name; });
      if (request_.demand.tools.empty()) {
        return "Tool '" + std::string(name) + "' not found in provided tools";
      }
    }
    request_.demand.must_call = forced;
    return std::nullopt;
  }

  void read_format() {
    const json::object* config = object_member(body_, "output_config");
    const json::object* format = config ? object_member(*config, "format") : nullptr;
    if (format && text_member(*format, "type").value_or("") == "json_schema") {
      const json::object* schema = object_member(*format, "schema");
      request_.demand.schema = schema ? json::serialize(*schema) : "{}";
    }
  }

  Problem read_messages() {
    const json::array* messages = array_member(body_, "messages");
    if (!messages || messages->empty()) {
      return "messages: at least one message is required";
    }
    if (messages->size() > kMaxMessages) {
      return "messages: too many";
    }
    std::vector<Turn> turns;
    for (std::size_t i = 0; i < messages->size(); ++i) {
      if (Problem problem = read_message((*messages)[i], "messages." + std::to_string(i), turns)) {
        return problem;
      }
    }
    if (turns.front().role != "user") {
      return "messages: first message must use the \"user\" role";
    }
    for (std::size_t i = 0; i < turns.size(); ++i) {
      if (Problem problem = check_pair(i == 0 ? Turn{} : turns[i - 1], turns[i])) {
        return problem;
      }
    }
    const Turn& last = turns.back();
    request_.demand.after_tools =
        last.role == "user" && std::any_of(last.blocks.begin(), last.blocks.end(), [](auto* block) {
          return text_member(*block, "type") == "tool_result";
        });
    if (last.role == "assistant") {
      return read_prefill(last);
    }
    return std::nullopt;
  }

  Problem read_prefill(const Turn& last) {
    for (const json::object* block : last.blocks) {
      if (text_member(*block, "type") == "tool_use") {
        return "messages: `tool_use` ids were found without `tool_result` blocks immediately after";
      }
    }
    request_.prefilled = true;
    request_.demand.prefix = last.plain;
    for (const json::object* block : last.blocks) {
      request_.demand.prefix += text_member(*block, "text").value_or("");
    }
    const std::string& prefix = request_.demand.prefix;
    if (!prefix.empty() && is_blank(prefix.substr(prefix.size() - 1))) {
      return "messages: final assistant content cannot end with trailing whitespace";
    }
    return std::nullopt;
  }

  /// Consecutive messages of one role become one turn.
  Problem read_message(const json::value& value, const std::string& place,
                       std::vector<Turn>& turns) {
    const json::object* message = value.if_object();
    std::string_view role = message ? text_member(*message, "role").value_or("") : "";
    if (!one_of(role, {"user", "assistant"}) && !(role == "system" && new_version_)) {
      return place + ".role: Input should be 'user' or 'assistant'";
    }
    for (const auto& [name, unused] : *message) {
      if (name != "role" && name != "content") {
        return place + "." + std::string(name) + ": Extra inputs are not permitted";
      }
    }
    const json::value* content = member(*message, "content");
    if (!content || (!content->is_string() && !content->is_array())) {
      return place + ".content: Field required";
    }
    if (role == "system") {
      return std::nullopt;
    }
    if (turns.empty() || turns.back().role != role) {
      turns.push_back({.role = role, .blocks = {}, .plain = {}});
    }
    Turn& turn = turns.back();
    if (content->is_string()) {
      std::string_view text = content->get_string();
      if (is_blank(text)) {
        return place + ": text content blocks must be non-empty";
      }
      turn.plain += text;
      hear(role, text);
      return std::nullopt;
    }
    if (content->get_array().empty()) {
      return place + ": all messages must have non-empty content";
    }
    for (std::size_t i = 0; i < content->get_array().size(); ++i) {
      const json::object* block = content->get_array()[i].if_object();
      std::string block_place = place + ".content." + std::to_string(i);
      if (!block) {
        return block_place + ": Input should be an object";
      }
      if (Problem problem = read_block(*block, role, block_place)) {
        return problem;
      }
      turn.blocks.push_back(block);
    }
    return std::nullopt;
  }

  Problem read_block(const json::object& block, std::string_view role, const std::string& place) {
    count_breakpoint(block);
    std::string_view type = text_member(block, "type").value_or("");
    bool assistant = role == "assistant";
    if (type == "text") {
      std::string_view text = text_member(block, "text").value_or("");
      if (is_blank(text)) {
        return place + ": text content blocks must be non-empty";
      }
      const json::array* citations = array_member(block, "citations");
      if (new_version_ && !assistant && citations && !citations->empty()) {
        return place + ".citations: not permitted in user messages";
      }
      hear(role, text);
      return std::nullopt;
    }
    if (type == "image" || type == "document") {
      if (assistant && new_version_) {
        return place + ": " + std::string(type) + " blocks are not permitted for assistant";
      }
      return read_source(block, type, place);
    }
    if (type == "tool_use") {
      return assistant && object_member(block, "input") && text_member(block, "id") &&
                     is_name(text_member(block, "name").value_or(""))
                 ? std::nullopt
                 : Problem(place +
                           ": `tool_use` needs id, name and an object as input, and "
                           "can only be in `assistant` messages");
    }
    if (type == "tool_result") {
      if (assistant || !text_member(block, "tool_use_id")) {
        return place + ".tool_use_id: Field required, in a `user` message";
      }
      hear_result(block);
      return std::nullopt;
    }
    if (type == "thinking") {
      std::string_view thought = text_member(block, "thinking").value_or("");
      return assistant && text_member(block, "signature") == thought_signature(thought)
                 ? std::nullopt
                 : Problem(place + ": Invalid `signature` in `thinking` block");
    }
    if (one_of(type, {"redacted_thinking", "search_result", "server_tool_use",
                      "web_search_tool_result", "container_upload"})) {
      return std::nullopt;
    }
    return place + ": Input tag '" + std::string(type) +
           "' does not match any of the expected tags";
  }

  static Problem read_source(const json::object& block, std::string_view type,
                             const std::string& place) {
    const json::object* source = object_member(block, "source");
    std::string_view kind = source ? text_member(*source, "type").value_or("") : "";
    if (kind == "base64") {
      std::string_view media = text_member(*source, "media_type").value_or("");
      bool right = type == "image"
                       ? one_of(media, {"image/jpeg", "image/png", "image/gif", "image/webp"})
                       : media == "application/pdf";
      if (!right) {
        return place + ".source.base64.media_type: Input should be a supported type";
      }
      std::string_view data = text_member(*source, "data").value_or("");
      if (data.empty() || data.starts_with("data:")) {
        return place + ".source.base64.data: invalid base64 data";
      }
      return std::nullopt;
    }
    if ((kind == "url" && text_member(*source, "url")) ||
        (kind == "file" && text_member(*source, "file_id")) ||
        (type == "document" && one_of(kind, {"text", "content"}))) {
      return std::nullopt;
    }
    return place + ".source: Field required";
  }

  /// Every call is answered in the very next turn, before anything else is said there.
  static Problem check_pair(const Turn& before, const Turn& turn) {
    std::vector<std::string_view> open;
    for (const json::object* block : before.blocks) {
      if (text_member(*block, "type") == "tool_use") {
        open.push_back(*text_member(*block, "id"));
      }
    }
    bool others = !turn.plain.empty() && turn.blocks.empty();
    for (const json::object* block : turn.blocks) {
      if (text_member(*block, "type") != "tool_result") {
        others = true;
        continue;
      }
      auto call = std::find(open.begin(), open.end(), *text_member(*block, "tool_use_id"));
      if (call == open.end()) {
        return "messages: unexpected `tool_use_id` found in `tool_result` blocks: " +
               std::string(*text_member(*block, "tool_use_id"));
      }
      if (others) {
        return "messages: `tool_result` blocks must come before other content";
      }
      open.erase(call);
    }
    if (!open.empty()) {
      return "messages: `tool_use` ids were found without `tool_result` blocks immediately "
             "after: " +
             std::string(open.front());
    }
    return std::nullopt;
  }

  void hear(std::string_view role, std::string_view text) {
    if (role == "user") {
      request_.demand.heard(text);
    }
  }

  void hear_result(const json::object& block) {
    request_.demand.heard(text_member(block, "content").value_or(""));
    if (const json::array* parts = array_member(block, "content")) {
      for (const json::value& part : *parts) {
        if (const json::object* object = part.if_object()) {
          request_.demand.heard(text_member(*object, "text").value_or(""));
        }
      }
    }
  }

  void count_breakpoint(const json::object& block) {
    breakpoints_ += member(block, "cache_control") ? 1 : 0;
  }

  AnthropicCall call_;
  bool new_version_;
  const json::object& body_;
  AnthropicRequest request_;
  std::size_t breakpoints_ = 0;
};

}  // namespace

std::variant<AnthropicRequest, Failure> read_anthropic(AnthropicCall call,
                                                       const Incoming& incoming) {
  std::string_view version = incoming.field("anthropic-version");
  if (version.empty()) {
    return Failure{400, "", "anthropic-version: header is required"};
  }
  if (version != "2023-06-01" && version != "2026-10-21") {
    return Failure{400, "", "anthropic-version: unknown version"};
  }
  if (!incoming.field("content-type").starts_with("application/json")) {
    return Failure{400, "", "content-type: must be application/json"};
  }
  auto body = parse_object(incoming.body);
  if (!body) {
    return Failure{400, "", "The request body is not valid JSON."};
  }
  Reader reader(call, version == "2026-10-21", *body);
  if (auto problem = reader.read()) {
    return Failure{400, "", *problem};
  }
  AnthropicRequest request = reader.take();
  request.demand.echo_body = incoming.body;
  request.demand.echo_fields = incoming.fields;
  return request;
}

}  // namespace headgate::sim
