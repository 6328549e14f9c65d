#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "base/json_writer.h"
#include "providers/openai_chat.h"

namespace headgate::providers {
namespace {

using model::ChatRequest;
using model::Message;
using model::Part;

/// Budgets up to these are little or medium effort.
constexpr std::int64_t kLowBudget = 4096;
constexpr std::int64_t kMediumBudget = 16384;

Error cannot(std::string_view what, std::string param) {
  return invalid_request("This model's server takes no " + std::string(what) + ".",
                         std::move(param));
}

std::string data_url(const Part& part) {
  return "data:" + part.media_type + ";base64," + part.data;
}

void write_text_part(JsonWriter& json, std::string_view text) {
  json.begin_object().key("type").text("text").key("text").text(text).end_object();
}

Result<void> write_audio(JsonWriter& json, const Part& part, const std::string& param) {
  struct Format {
    std::string_view media_type;
    std::string_view name;
  };
  constexpr std::array kFormats = {Format{"audio/wav", "wav"}, Format{"audio/x-wav", "wav"},
                                   Format{"audio/mpeg", "mp3"}, Format{"audio/mp3", "mp3"}};
  for (const Format& format : kFormats) {
    if (part.media_type == format.media_type && !part.data.empty()) {
      json.begin_object().key("type").text("input_audio").key("input_audio").begin_object();
      json.key("data").text(part.data).key("format").text(format.name).end_object().end_object();
      return {};
    }
  }
  return fail(cannot("audio but wav and mp3 in the request itself", param));
}

Result<void> write_file(JsonWriter& json, const Part& part, const std::string& param) {
  if (part.data.empty()) {
    return fail(cannot("files by URL", param));
  }
  json.begin_object().key("type").text("file").key("file").begin_object();
  json.key("filename").text(part.name.empty() ? "file" : part.name);
  json.key("file_data").text(data_url(part)).end_object().end_object();
  return {};
}

Result<void> write_part(JsonWriter& json, const Part& part, const std::string& param) {
  switch (part.type) {
    case Part::Type::Text:
      write_text_part(json, part.text);
      return {};
    case Part::Type::Image:
      json.begin_object().key("type").text("image_url").key("image_url").begin_object();
      json.key("url").text(part.url.empty() ? data_url(part) : part.url);
      if (!part.detail.empty()) {
        json.key("detail").text(part.detail);
      }
      json.end_object().end_object();
      return {};
    case Part::Type::Audio:
      return write_audio(json, part, param);
    case Part::Type::File:
      return write_file(json, part, param);
    case Part::Type::Refusal:
      json.begin_object().key("type").text("refusal").key("refusal").text(part.text).end_object();
      return {};
    case Part::Type::Reasoning:
      return {};
  }
  return {};
}

class MessageWriter final {
 public:
  explicit MessageWriter(JsonWriter& json) : json_(json) {}

  Result<void> write(const Message& message, std::size_t index) {
    param_ = "messages[" + std::to_string(index) + "].content";
    if (message.role == Message::Role::Tool) {
      return write_tool_result(message);
    }
    auto written = flush();
    if (!written) {
      return written;
    }
    json_.begin_object().key("role").text(role_of(message.role));
    if (!message.name.empty()) {
      json_.key("name").text(message.name);
    }
    written = write_content(message);
    if (!message.tool_calls.empty()) {
      write_calls(message.tool_calls);
    }
    json_.end_object();
    return written;
  }

  /// What tools gave beside text follows their results, which may not be parted.
  Result<void> flush() {
    if (carried_.empty()) {
      return {};
    }
    json_.begin_object().key("role").text("user").key("content").begin_array();
    for (const Part* part : std::exchange(carried_, {})) {
      auto written = write_part(json_, *part, param_);
      if (!written) {
        return written;
      }
    }
    json_.end_array().end_object();
    return {};
  }

 private:
  static std::string_view role_of(Message::Role role) {
    switch (role) {
      case Message::Role::System:
        return "system";
      case Message::Role::Assistant:
        return "assistant";
      default:
        return "user";
    }
  }

  static bool may_hold(Message::Role role, Part::Type type) {
    switch (type) {
      case Part::Type::Text:
        return true;
      case Part::Type::Refusal:
      case Part::Type::Reasoning:
        return role == Message::Role::Assistant;
      default:
        return role == Message::Role::User;
    }
  }

  Result<void> write_content(const Message& message) {
    std::vector<const Part*> parts;
    for (const Part& part : message.content) {
      if (!may_hold(message.role, part.type)) {
        return fail(cannot("such content in messages of this role", param_));
      }
      if (part.type != Part::Type::Reasoning) {
        parts.push_back(&part);
      }
    }
    json_.key("content");
    if (parts.empty()) {
      // Null stands for no text beside calls; without calls some servers refuse it.
      message.tool_calls.empty() ? json_.text("") : json_.null();
      return {};
    }
    if (parts.size() == 1 && parts.front()->type == Part::Type::Text) {
      json_.text(parts.front()->text);  // every server takes this form
      return {};
    }
    json_.begin_array();
    for (const Part* part : parts) {
      auto written = write_part(json_, *part, param_);
      if (!written) {
        return written;
      }
    }
    json_.end_array();
    return {};
  }

  Result<void> write_tool_result(const Message& message) {
    // There is no member that says that a tool failed.
    std::string text = message.outcome == Message::Outcome::Failed ? "Error: " : "";
    for (const Part& part : message.content) {
      if (part.type == Part::Type::Text) {
        text.append(part.text);
      } else if (part.type == Part::Type::Image || part.type == Part::Type::File) {
        carried_.push_back(&part);
      } else {
        return fail(cannot("such content in a tool's result", param_));
      }
    }
    json_.begin_object().key("role").text("tool").key("tool_call_id").text(message.tool_call_id);
    json_.key("content").text(text).end_object();
    return {};
  }

  void write_calls(const std::vector<model::ToolCall>& calls) {
    json_.key("tool_calls").begin_array();
    for (const model::ToolCall& call : calls) {
      json_.begin_object().key("id").text(call.id).key("type").text("function");
      json_.key("function").begin_object().key("name").text(call.name);
      json_.key("arguments").text(call.arguments).end_object().end_object();
    }
    json_.end_array();
  }

  JsonWriter& json_;
  std::string param_;
  std::vector<const Part*> carried_;
};

/// Whether the name is of OpenAI's reasoning models, which refuse `max_tokens`. Everybody else
/// takes it, and many local servers know only that.
bool refuses_max_tokens(std::string_view model) {
  model.remove_prefix(model.rfind('/') + 1);  // npos + 1 is 0
  const auto is_digit = [&](std::size_t at, char from) {
    return at < model.size() && model[at] >= from && model[at] <= '9';
  };
  if (model.starts_with('o')) {
    return is_digit(1, '1') && (model.size() == 2 || model[2] == '-');
  }
  return model.starts_with("gpt-") && (is_digit(4, '5') || (is_digit(4, '1') && is_digit(5, '0')));
}

template <class Number>
void write_number(JsonWriter& json, std::string_view name, std::optional<Number> value) {
  if (value) {
    json.key(name).number(*value);
  }
}

void write_flag(JsonWriter& json, std::string_view name, std::optional<bool> value) {
  if (value) {
    json.key(name).raw(*value ? "true" : "false");
  }
}

void write_label(JsonWriter& json, std::string_view name, const std::string& value) {
  if (!value.empty()) {
    json.key(name).text(value);
  }
}

void write_tools(JsonWriter& json, const ChatRequest& request) {
  if (!request.tools.empty()) {
    json.key("tools").begin_array();
    for (const model::Tool& tool : request.tools) {
      json.begin_object().key("type").text("function").key("function").begin_object();
      json.key("name").text(tool.name);
      write_label(json, "description", tool.description);
      if (!tool.parameters.empty()) {
        json.key("parameters").raw(tool.parameters);
      }
      write_flag(json, "strict", tool.strict);
      json.end_object().end_object();
    }
    json.end_array();
    // Refused where there are no tools.
    write_flag(json, "parallel_tool_calls", request.parallel_tool_calls);
  }
  switch (request.tool_choice.mode) {
    case model::ToolChoice::Mode::Unset:
      break;
    case model::ToolChoice::Mode::Auto:
    case model::ToolChoice::Mode::None:
      if (!request.tools.empty()) {
        const bool is_auto = request.tool_choice.mode == model::ToolChoice::Mode::Auto;
        json.key("tool_choice").text(is_auto ? "auto" : "none");
      }
      break;
    case model::ToolChoice::Mode::Required:
      json.key("tool_choice").text("required");
      break;
    case model::ToolChoice::Mode::Named:
      json.key("tool_choice").begin_object().key("type").text("function").key("function");
      json.begin_object().key("name").text(request.tool_choice.name).end_object().end_object();
      break;
  }
}

void write_format(JsonWriter& json, const model::OutputFormat& format) {
  if (format.type == model::OutputFormat::Type::Text) {
    return;
  }
  json.key("response_format").begin_object();
  if (format.type == model::OutputFormat::Type::JsonObject) {
    json.key("type").text("json_object").end_object();
    return;
  }
  json.key("type").text("json_schema").key("json_schema").begin_object();
  json.key("name").text(format.name.empty() ? "answer" : format.name);  // it must have one
  write_label(json, "description", format.description);
  if (!format.schema.empty()) {
    json.key("schema").raw(format.schema);
  }
  write_flag(json, "strict", format.strict);
  json.end_object().end_object();
}

void write_reasoning(JsonWriter& json, const ChatRequest& request) {
  if (!request.reasoning_effort.empty()) {
    json.key("reasoning_effort").text(request.reasoning_effort);
  } else if (const std::int64_t budget = request.reasoning_tokens.value_or(0); budget > 0) {
    json.key("reasoning_effort")
        .text(budget <= kLowBudget      ? "low"
              : budget <= kMediumBudget ? "medium"
                                        : "high");
  }
}

void write_sampling(JsonWriter& json, const ChatRequest& request, const TargetName& target) {
  write_number(json, refuses_max_tokens(target.model) ? "max_completion_tokens" : "max_tokens",
               request.max_tokens);
  write_number(json, "temperature", request.temperature);
  write_number(json, "top_p", request.top_p);
  write_number(json, "top_k", request.top_k);
  write_number(json, "seed", request.seed);
  write_number(json, "presence_penalty", request.presence_penalty);
  write_number(json, "frequency_penalty", request.frequency_penalty);
  if (!request.stop.empty()) {
    json.key("stop").begin_array();
    for (const std::string& text : request.stop) {
      json.text(text);
    }
    json.end_array();
  }
  if (request.choices != 1) {
    json.key("n").number(request.choices);
  }
  if (request.logprobs) {
    json.key("logprobs").raw("true");
    write_number(json, "top_logprobs", request.top_logprobs);
  }
  if (!request.logit_bias.empty()) {
    json.key("logit_bias").raw(request.logit_bias);
  }
}

}  // namespace

Result<WireRequest> encode_openai_chat(const ChatRequest& request, model::Delivery delivery,
                                       const TargetName& target) {
  WireRequest wire;
  wire.path = "/chat/completions";
  wire.fields = "Content-Type: application/json\r\nAccept-Encoding: identity\r\n";
  JsonWriter json(wire.owned);
  json.begin_object().key("model").raw(target.json_model).key("messages").begin_array();
  MessageWriter messages(json);
  for (std::size_t i = 0; i < request.messages.size(); ++i) {
    auto written = messages.write(request.messages[i], i);
    if (!written) {
      return fail(written.error());
    }
  }
  auto flushed = messages.flush();
  if (!flushed) {
    return fail(flushed.error());
  }
  json.end_array();
  write_tools(json, request);
  write_format(json, request.format);
  write_sampling(json, request, target);
  write_reasoning(json, request);
  write_label(json, "user", request.user);
  if (delivery == model::Delivery::Stream) {
    json.key("stream").raw("true");
    json.key("stream_options").raw(R"({"include_usage":true})");
  }
  json.end_object();
  wire.add(wire.owned);
  return wire;
}

}  // namespace headgate::providers
