#include <algorithm>
#include <string>

#include "dialects/anthropic.h"
#include "model/tool_arguments.h"

namespace headgate::dialects {
namespace {

class Anthropic final : public Dialect {
 public:
  Result<model::ChatRequest> decode(std::string_view body) const override {
    return decode_anthropic(body);
  }
  std::string encode(const model::ChatAnswer& answer, const AnswerFrame& frame) const override {
    return encode_anthropic(answer, frame);
  }
  std::unique_ptr<AnswerWriter> writer(const AnswerFrame& frame) const override {
    return make_anthropic_writer(frame);
  }
  std::string_view ping() const override { return "event: ping\ndata: {\"type\": \"ping\"}\n\n"; }
};

void write_image(JsonWriter& json, const model::Part& part) {
  json.begin_object().key("type").text("image").key("source").begin_object();
  if (part.url.empty()) {
    json.key("type").text("base64").key("media_type").text(part.media_type);
    json.key("data").text(part.data);
  } else {
    json.key("type").text("url").key("url").text(part.url);
  }
  json.end_object().end_object();
}

void write_part(JsonWriter& json, const model::Part& part) {
  switch (part.type) {
    case model::Part::Type::Text:
      json.begin_object().key("type").text("text").key("text").text(part.text);
      json.key("citations").null().end_object();
      return;
    case model::Part::Type::Reasoning:
      json.begin_object().key("type");
      if (part.redacted) {
        json.text("redacted_thinking").key("data").text(part.signature);
      } else {
        json.text("thinking").key("thinking").text(part.text);
        json.key("signature").text(part.signature);
      }
      json.end_object();
      return;
    case model::Part::Type::Image:
      write_image(json, part);
      return;
    case model::Part::Type::Refusal:  // told in stop_details
    case model::Part::Type::Audio:    // answers have none
    case model::Part::Type::File:
      return;
  }
}

std::string refusal_of(const model::Choice& choice) {
  std::string refusal;
  for (const model::Part& part : choice.content) {
    if (part.type == model::Part::Type::Refusal) {
      refusal.append(part.text);
    }
  }
  return refusal;
}

std::int64_t known(std::int64_t tokens) { return std::max<std::int64_t>(tokens, 0); }

}  // namespace

std::string_view anthropic_error_type(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::Unauthenticated:
      return "authentication_error";
    case ErrorKind::BudgetSpent:
      return "billing_error";
    case ErrorKind::Forbidden:
      return "permission_error";
    case ErrorKind::NotFound:
      return "not_found_error";
    case ErrorKind::Conflict:
      return "conflict_error";
    case ErrorKind::TooLarge:
      return "request_too_large";
    case ErrorKind::RateLimited:
      return "rate_limit_error";
    case ErrorKind::Overloaded:
      return "overloaded_error";
    case ErrorKind::Timeout:
      return "timeout_error";
    default:
      return http_status(kind) < 500 ? "invalid_request_error" : "api_error";
  }
}

std::string encode_anthropic_error(const Error& error, std::string_view request_id) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("type").text("error").key("error").begin_object();
  json.key("type").text(anthropic_error_type(error.kind));
  json.key("message").text(error.message).end_object();
  json.key("request_id").text(request_id).end_object();
  return out;
}

std::string anthropic_message_id(std::string_view vendor_id, std::string_view request_id) {
  constexpr std::string_view kPrefix = "msg_";
  std::string id(vendor_id.starts_with(kPrefix) ? vendor_id.substr(kPrefix.size()) : request_id);
  std::erase_if(id, [](char c) {
    return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '_';
  });
  return std::string(kPrefix) + id;
}

std::string anthropic_call_id(std::string_view message_id, std::size_t number) {
  return "toolu_" + std::string(message_id.substr(message_id.find('_') + 1)) + "_" +
         std::to_string(number);
}

std::string_view anthropic_stop_reason(model::Finish finish) {
  switch (finish) {
    case model::Finish::StopSequence:
      return "stop_sequence";
    case model::Finish::Length:
      return "max_tokens";
    case model::Finish::ToolCalls:
      return "tool_use";
    case model::Finish::ContentFilter:
      return "refusal";
    case model::Finish::None:
    case model::Finish::Stop:
      return "end_turn";
  }
  return "end_turn";
}

void write_anthropic_usage(JsonWriter& json, const model::Usage& usage) {
  const std::int64_t cached = known(usage.cached_tokens);
  const std::int64_t written = known(usage.cache_write_tokens);
  json.begin_object();
  json.key("input_tokens").number(known(known(usage.input_tokens) - cached - written));
  json.key("cache_creation_input_tokens").number(written);
  json.key("cache_read_input_tokens").number(cached);
  json.key("output_tokens").number(known(usage.output_tokens));
  if (usage.reasoning_tokens >= 0) {
    json.key("output_tokens_details").begin_object();
    json.key("thinking_tokens").number(usage.reasoning_tokens).end_object();
  }
  json.end_object();
}

void write_anthropic_stop(JsonWriter& json, model::Finish finish, std::string_view stop_sequence,
                          std::string_view refusal) {
  const bool is_refused = finish == model::Finish::ContentFilter || !refusal.empty();
  json.key("stop_reason");
  json.text(is_refused ? "refusal" : anthropic_stop_reason(finish));
  json.key("stop_sequence");
  if (finish == model::Finish::StopSequence) {
    json.text(stop_sequence);
  } else {
    json.null();
  }
  json.key("stop_details");
  if (!is_refused) {
    json.null();
    return;
  }
  json.begin_object().key("type").text("refusal").key("category").null().key("explanation");
  if (refusal.empty()) {
    json.null();
  } else {
    json.text(refusal);
  }
  json.end_object();
}

std::string encode_anthropic(const model::ChatAnswer& answer, const AnswerFrame& frame) {
  const model::Choice nothing;
  const model::Choice& choice = answer.choices.empty() ? nothing : answer.choices.front();
  const std::string id = anthropic_message_id(answer.id, frame.request_id);
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("id").text(id);
  json.key("type").text("message").key("role").text("assistant");
  json.key("model").text(answer.model.empty() ? frame.model : answer.model);
  json.key("content").begin_array();
  for (const model::Part& part : choice.content) {
    write_part(json, part);
  }
  std::size_t number = 0;
  for (const model::ToolCall& call : choice.tool_calls) {
    json.begin_object().key("type").text("tool_use");
    json.key("id").text(call.id.empty() ? anthropic_call_id(id, number) : call.id);
    json.key("name").text(call.name);
    json.key("input").raw(model::arguments_object(call.arguments));
    if (!call.signature.empty()) {
      json.key("signature").text(call.signature);
    }
    json.end_object();
    ++number;
  }
  json.end_array();
  write_anthropic_stop(json, choice.finish, choice.stop_sequence, refusal_of(choice));
  json.key("usage");
  write_anthropic_usage(json, answer.usage);
  json.end_object();
  return out;
}

std::unique_ptr<Dialect> make_anthropic_dialect() { return std::make_unique<Anthropic>(); }

}  // namespace headgate::dialects
