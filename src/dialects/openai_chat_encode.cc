#include <string>

#include "base/json_writer.h"
#include "dialects/openai_chat.h"
#include "dialects/openai_words.h"

namespace headgate::dialects {
namespace {

using model::Part;

/// The texts of one type, joined.
std::string joined(const model::Choice& choice, Part::Type type) {
  std::string text;
  for (const Part& part : choice.content) {
    if (part.type == type) {
      text.append(part.text);
    }
  }
  return text;
}

void write_images(JsonWriter& json, const model::Choice& choice) {
  bool begun = false;
  for (const Part& part : choice.content) {
    if (part.type != Part::Type::Image) {
      continue;
    }
    if (!begun) {
      json.key("images").begin_array();
      begun = true;
    }
    json.begin_object().key("type").text("image_url").key("image_url").begin_object().key("url");
    json.text(part.url.empty() ? "data:" + part.media_type + ";base64," + part.data : part.url);
    json.end_object().end_object();
  }
  if (begun) {
    json.end_array();
  }
}

void write_message(JsonWriter& json, const model::Choice& choice) {
  const std::string text = joined(choice, Part::Type::Text);
  const std::string refusal = joined(choice, Part::Type::Refusal);
  const std::string reasoning = joined(choice, Part::Type::Reasoning);
  json.begin_object().key("role").text("assistant").key("content");
  const bool has_other = !choice.tool_calls.empty() || !refusal.empty();
  text.empty() && has_other ? json.null() : json.text(text);
  json.key("refusal");
  refusal.empty() ? json.null() : json.text(refusal);
  json.key("annotations").begin_array().end_array();
  if (!reasoning.empty()) {
    json.key("reasoning_content").text(reasoning);
  }
  write_images(json, choice);
  if (!choice.tool_calls.empty()) {
    json.key("tool_calls").begin_array();
    for (const model::ToolCall& call : choice.tool_calls) {
      json.begin_object().key("id").text(call.id).key("type").text("function");
      json.key("function").begin_object().key("name").text(call.name);
      json.key("arguments").text(call.arguments).end_object();
      write_signature(json, call.signature);
      json.end_object();
    }
    json.end_array();
  }
  json.end_object();
}

}  // namespace

void write_signature(JsonWriter& json, std::string_view signature) {
  if (!signature.empty()) {
    json.key("extra_content").begin_object().key("google").begin_object();
    json.key("thought_signature").text(signature).end_object().end_object();
  }
}

void write_finish_reason(JsonWriter& json, model::Finish finish) {
  json.key("finish_reason");
  switch (finish) {
    case model::Finish::None:
      json.null();
      break;
    case model::Finish::Stop:
    case model::Finish::StopSequence:
      json.text("stop");
      break;
    case model::Finish::Length:
      json.text("length");
      break;
    case model::Finish::ToolCalls:
      json.text("tool_calls");
      break;
    case model::Finish::ContentFilter:
      json.text("content_filter");
      break;
  }
}

void write_chat_usage(JsonWriter& json, const model::Usage& usage) {
  json.key("usage");
  if (!is_known(usage)) {
    json.null();
    return;
  }
  json.begin_object().key("prompt_tokens").number(told(usage.input_tokens));
  json.key("completion_tokens").number(told(usage.output_tokens));
  json.key("total_tokens").number(told(usage.input_tokens) + told(usage.output_tokens));
  json.key("prompt_tokens_details").begin_object();
  json.key("cached_tokens").number(told(usage.cached_tokens)).key("audio_tokens").number(0);
  json.key("cache_write_tokens").number(told(usage.cache_write_tokens)).end_object();
  json.key("completion_tokens_details").begin_object();
  json.key("reasoning_tokens").number(told(usage.reasoning_tokens)).key("audio_tokens").number(0);
  json.key("accepted_prediction_tokens").number(0).key("rejected_prediction_tokens").number(0);
  json.end_object().end_object();
}

std::string encode_openai_chat(const model::ChatAnswer& answer, const AnswerFrame& frame) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("id").text("chatcmpl-" + frame.request_id);
  json.key("object").text("chat.completion").key("created").number(frame.created);
  json.key("model").text(answer.model.empty() ? frame.model : answer.model);
  json.key("choices").begin_array();
  for (std::size_t i = 0; i < answer.choices.size(); ++i) {
    const model::Choice& choice = answer.choices[i];
    json.begin_object().key("index").number(i).key("message");
    write_message(json, choice);
    json.key("logprobs").raw(choice.logprobs.empty() ? "null" : choice.logprobs);
    write_finish_reason(json, choice.finish);
    json.end_object();
  }
  json.end_array();
  write_chat_usage(json, answer.usage);
  json.key("system_fingerprint").null().end_object();
  return out;
}

}  // namespace headgate::dialects
