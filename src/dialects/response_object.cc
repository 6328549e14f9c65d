#include "dialects/response_object.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/json_view.h"
#include "base/json_writer.h"
#include "dialects/openai_words.h"
#include "dialects/responses.h"

namespace headgate::dialects {
namespace {

struct Echoed {
  std::string_view name;
  std::string_view otherwise;  ///< what the vendor does when the request does not say
};

constexpr std::array kEchoed = {
    Echoed{"background", "false"},
    Echoed{"instructions", "null"},
    Echoed{"max_output_tokens", "null"},
    Echoed{"max_tool_calls", "null"},
    Echoed{"metadata", "{}"},
    Echoed{"parallel_tool_calls", "true"},
    Echoed{"previous_response_id", "null"},
    Echoed{"prompt_cache_key", "null"},
    Echoed{"safety_identifier", "null"},
    Echoed{"store", "true"},
    Echoed{"temperature", "1"},
    Echoed{"tool_choice", R"("auto")"},
    Echoed{"tools", "[]"},
    Echoed{"top_logprobs", "0"},
    Echoed{"top_p", "1"},
    Echoed{"truncation", R"("disabled")"},
    Echoed{"user", "null"},
};

std::string_view raw_or(const JsonView& value, std::string_view otherwise) {
  return value.given() ? value.raw() : otherwise;
}

std::string echo_of(std::string_view request_body) {
  const JsonView root(request_body);
  std::string echo;
  for (const auto& [name, otherwise] : kEchoed) {
    echo.append(",\"").append(name).append("\":").append(raw_or(root[name], otherwise));
  }
  const JsonView reasoning = root["reasoning"];
  echo.append(R"(,"reasoning":{"effort":)").append(raw_or(reasoning["effort"], "null"));
  echo.append(R"(,"summary":)").append(raw_or(reasoning["summary"], "null"));
  const JsonView text = root["text"];
  echo.append(R"(},"text":)");
  echo.append(text["format"].given() ? text.raw() : R"({"format":{"type":"text"}})");
  return echo;
}

std::string_view failure_code(const Error& error) {
  switch (error.kind) {
    case ErrorKind::RateLimited:
      return "rate_limit_exceeded";
    case ErrorKind::InvalidRequest:
    case ErrorKind::Forbidden:
      return wire_code(error);
    default:
      return "server_error";
  }
}

std::string fit_for_path(std::string_view text) {
  std::string fit(text);
  std::ranges::replace_if(
      fit,
      [](char c) {
        return !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                 c == '-' || c == '_');
      },
      '_');
  return fit;
}

void write_usage(JsonWriter& json, const model::Usage& usage) {
  json.key("usage");
  if (!is_known(usage)) {
    json.null();
    return;
  }
  json.begin_object().key("input_tokens").number(told(usage.input_tokens));
  json.key("input_tokens_details").begin_object();
  json.key("cached_tokens").number(told(usage.cached_tokens)).end_object();
  json.key("output_tokens").number(told(usage.output_tokens));
  json.key("output_tokens_details").begin_object();
  json.key("reasoning_tokens").number(told(usage.reasoning_tokens)).end_object();
  json.key("total_tokens").number(told(usage.input_tokens) + told(usage.output_tokens));
  json.end_object();
}

}  // namespace

std::string response_id(std::string_view request_id) { return "resp_" + fit_for_path(request_id); }

ResponseObject::ResponseObject(const AnswerFrame& frame)
    : id_(fit_for_path(frame.request_id)),
      model_(frame.model),
      created_(frame.created),
      echo_(echo_of(frame.request_body)) {}

void ResponseObject::set_model(std::string model) {
  if (!model.empty()) {
    model_ = std::move(model);
  }
}

std::string ResponseObject::item_id(std::string_view prefix, std::size_t number) const {
  return std::string(prefix) + "_" + id_ + "_" + std::to_string(number);
}

std::string ResponseObject::encode(const ResponseStanding& standing) const {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("id").text("resp_" + id_).key("object").text("response");
  json.key("created_at").number(created_).key("status").text(standing.status).key("error");
  if (standing.error == nullptr) {
    json.null();
  } else {
    json.begin_object().key("code").text(failure_code(*standing.error));
    json.key("message").text(standing.error->message).end_object();
  }
  json.key("incomplete_details");
  if (standing.incomplete_reason.empty()) {
    json.null();
  } else {
    json.begin_object().key("reason").text(standing.incomplete_reason).end_object();
  }
  json.key("model").text(model_);
  json.key("output").raw("[" + standing.output + "]");
  write_usage(json, standing.usage);
  out.append(echo_);
  json.end_object();
  return out;
}

std::string output_text_part(std::string_view text, std::string_view logprobs) {
  return R"({"type":"output_text","text":)" + json_quote(text) +
         R"(,"annotations":[],"logprobs":[)" + std::string(logprobs) + "]}";
}

std::string refusal_part(std::string_view text) {
  return R"({"type":"refusal","refusal":)" + json_quote(text) + "}";
}

std::string summary_part(std::string_view text) {
  return R"({"type":"summary_text","text":)" + json_quote(text) + "}";
}

std::string message_item(std::string_view id, std::string_view status, std::string_view content) {
  return R"({"id":)" + json_quote(id) + R"(,"type":"message","status":")" + std::string(status) +
         R"(","role":"assistant","content":[)" + std::string(content) + "]}";
}

std::string reasoning_item(std::string_view id, std::string_view summary,
                           std::string_view signature) {
  std::string out = R"({"id":)" + json_quote(id) + R"(,"type":"reasoning","summary":[)";
  out.append(summary).append("]");
  if (!signature.empty()) {
    out.append(R"(,"encrypted_content":)").append(json_quote(signature));
  }
  return out.append("}");
}

std::string call_item(std::string_view id, std::string_view status, const model::ToolCall& call) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("id").text(id).key("type").text("function_call");
  json.key("status").text(status).key("arguments").text(call.arguments);
  json.key("call_id").text(call.id).key("name").text(call.name);
  write_signature(json, call.signature);
  json.end_object();
  return out;
}

void append_item(std::string& list, std::string_view item) {
  list.append(list.empty() ? "" : ",").append(item);
}

std::string logprob_elements(std::string_view chat) {
  std::string elements;
  const JsonView root(chat);
  for (const char* of : {"content", "refusal"}) {
    for (const JsonView& element : root[of].items()) {
      append_item(elements, element.raw());
    }
  }
  return elements;
}

std::string_view incomplete_reason(model::Finish finish) {
  return finish == model::Finish::Length          ? "max_output_tokens"
         : finish == model::Finish::ContentFilter ? "content_filter"
                                                  : "";
}

}  // namespace headgate::dialects
