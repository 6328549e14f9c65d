#include "providers/anthropic_blocks.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/encoding.h"
#include "model/tool_arguments.h"

namespace headgate::providers {
namespace {

using model::Part;

constexpr std::array<std::string_view, 4> kImageTypes = {"image/jpeg", "image/png", "image/gif",
                                                         "image/webp"};
constexpr std::string_view kPdf = "application/pdf";
constexpr std::string_view kPlainText = "text/plain";

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos;
}

/// A writer of the next block of a list.
JsonWriter next_block(std::string& blocks) {
  if (!blocks.empty()) {
    blocks.push_back(',');
  }
  return JsonWriter(blocks);
}

void add_text(std::string& blocks, std::string_view text) {
  if (!is_blank(text)) {
    auto json = next_block(blocks);
    json.begin_object().key("type").text("text").key("text").text(text).end_object();
  }
}

void write_base64(JsonWriter& json, std::string_view media_type, std::string_view data) {
  json.begin_object().key("type").text("base64");
  json.key("media_type").text(media_type).key("data").text(data).end_object();
}

void write_url(JsonWriter& json, std::string_view url) {
  json.begin_object().key("type").text("url").key("url").text(url).end_object();
}

bool is_image(std::string_view media_type) {
  return std::ranges::find(kImageTypes, media_type) != kImageTypes.end();
}

Result<void> add_image(std::string& blocks, const Part& part, const std::string& where) {
  if (part.url.empty() && !is_image(part.media_type)) {
    return fail(invalid_request("This model takes images as JPEG, PNG, GIF or WebP.", where));
  }
  auto json = next_block(blocks);
  json.begin_object().key("type").text("image").key("source");
  if (part.url.empty()) {
    write_base64(json, part.media_type, part.data);
  } else {
    write_url(json, part.url);
  }
  json.end_object();
  return {};
}

Result<void> add_document(std::string& blocks, const Part& part, const std::string& where) {
  const bool is_text = part.url.empty() && part.media_type == kPlainText;
  const auto text = is_text ? decode_base64(part.data) : std::nullopt;
  if (is_text && (!text || !is_utf8(*text))) {
    return fail(invalid_request("The file is not base64 of a UTF-8 text.", where));
  }
  if (!is_text && part.url.empty() && part.media_type != kPdf) {
    return fail(invalid_request("This model takes files as PDF or plain text.", where));
  }
  auto json = next_block(blocks);
  json.begin_object().key("type").text("document").key("source");
  if (!part.url.empty()) {
    write_url(json, part.url);
  } else if (is_text) {
    json.begin_object().key("type").text("text").key("media_type").text(kPlainText);
    json.key("data").text(*text).end_object();
  } else {
    write_base64(json, kPdf, part.data);
  }
  if (!part.name.empty()) {
    json.key("title").text(part.name);
  }
  json.end_object();
  return {};
}

/// A part of what the user says or a tool gives.
Result<void> add_part(std::string& blocks, const Part& part, const std::string& where) {
  switch (part.type) {
    case Part::Type::Text:
    case Part::Type::Refusal:
      add_text(blocks, part.text);
      return {};
    case Part::Type::Image:
      return add_image(blocks, part, where);
    case Part::Type::File:
      return part.url.empty() && is_image(part.media_type) ? add_image(blocks, part, where)
                                                           : add_document(blocks, part, where);
    case Part::Type::Audio:
      return fail(invalid_request("This model takes no audio.", where));
    case Part::Type::Reasoning:
      break;
  }
  return fail(invalid_request("Only the assistant can have reasoned.", where));
}

/// Reasoning that is not signed comes from another vendor, and would be refused.
void add_reasoning(std::string& blocks, const Part& part) {
  if (part.signature.empty()) {
    return;
  }
  auto json = next_block(blocks);
  json.begin_object().key("type");
  if (part.redacted) {
    json.text("redacted_thinking").key("data").text(part.signature);
  } else {
    json.text("thinking").key("thinking").text(part.text);
    json.key("signature").text(part.signature);
  }
  json.end_object();
}

std::string place(const std::string& where, std::size_t part) {
  return where + ".content[" + std::to_string(part) + "]";
}

}  // namespace

Result<void> AnthropicTurns::add(const model::Message& message, std::size_t number) {
  const std::string where = "messages[" + std::to_string(number) + "]";
  switch (message.role) {
    case model::Message::Role::System:
      return add_system(message, where);
    case model::Message::Role::User:
      return add_user(message, where);
    case model::Message::Role::Assistant:
      return add_assistant(message, where);
    case model::Message::Role::Tool:
      return add_result(message, where);
  }
  return {};
}

bool AnthropicTurns::empty() const {
  return std::ranges::all_of(
      turns_, [](const Turn& turn) { return turn.results.empty() && turn.blocks.empty(); });
}

void AnthropicTurns::instruct(std::string_view text) {
  system_.append(system_.empty() ? "" : "\n\n").append(text);
}

void AnthropicTurns::write(JsonWriter& json) const {
  json.begin_array();
  for (const Turn& turn : turns_) {
    if (turn.results.empty() && turn.blocks.empty()) {
      continue;
    }
    json.begin_object().key("role").text(turn.speaker == Speaker::User ? "user" : "assistant");
    json.key("content").begin_array();
    for (const std::string* blocks : {&turn.results, &turn.blocks}) {
      if (!blocks->empty()) {
        json.raw(*blocks);
      }
    }
    json.end_array().end_object();
  }
  json.end_array();
}

AnthropicTurns::Turn& AnthropicTurns::turn_of(Speaker speaker) {
  if (turns_.empty() || turns_.back().speaker != speaker) {
    turns_.push_back({.speaker = speaker, .results = {}, .blocks = {}});
  }
  return turns_.back();
}

Result<void> AnthropicTurns::add_system(const model::Message& message, const std::string& where) {
  std::string text;
  for (std::size_t i = 0; i < message.content.size(); ++i) {
    const Part& part = message.content[i];
    if (part.type != Part::Type::Text) {
      return fail(invalid_request("A system message can only have text.", place(where, i)));
    }
    if (!is_blank(part.text)) {
      text.append(text.empty() ? "" : "\n\n").append(part.text);
    }
  }
  if (text.empty()) {
    return {};
  }
  if (turns_.empty()) {
    instruct(text);
  } else {
    // Few models take a system message in the midst of a conversation.
    add_text(turn_of(Speaker::User).blocks, "<system>\n" + text + "\n</system>");
  }
  return {};
}

Result<void> AnthropicTurns::add_user(const model::Message& message, const std::string& where) {
  std::string& blocks = turn_of(Speaker::User).blocks;
  for (std::size_t i = 0; i < message.content.size(); ++i) {
    if (auto added = add_part(blocks, message.content[i], place(where, i)); !added) {
      return added;
    }
  }
  return {};
}

Result<void> AnthropicTurns::add_assistant(const model::Message& message,
                                           const std::string& where) {
  std::string& blocks = turn_of(Speaker::Assistant).blocks;
  for (std::size_t i = 0; i < message.content.size(); ++i) {
    const Part& part = message.content[i];
    if (part.type == Part::Type::Text || part.type == Part::Type::Refusal) {
      add_text(blocks, part.text);
    } else if (part.type == Part::Type::Reasoning) {
      add_reasoning(blocks, part);
    } else {
      return fail(invalid_request("This model's own turns can only have text.", place(where, i)));
    }
  }
  for (const model::ToolCall& call : message.tool_calls) {
    auto json = next_block(blocks);
    json.begin_object().key("type").text("tool_use").key("id").text(call.id);
    json.key("name").text(call.name);
    json.key("input").raw(model::arguments_object(call.arguments)).end_object();
  }
  return {};
}

Result<void> AnthropicTurns::add_result(const model::Message& message, const std::string& where) {
  std::string content;
  for (std::size_t i = 0; i < message.content.size(); ++i) {
    if (auto added = add_part(content, message.content[i], place(where, i)); !added) {
      return added;
    }
  }
  auto json = next_block(turn_of(Speaker::User).results);
  json.begin_object().key("type").text("tool_result");
  json.key("tool_use_id").text(message.tool_call_id);
  if (!content.empty()) {
    json.key("content").begin_array().raw(content).end_array();
  }
  if (message.outcome == model::Message::Outcome::Failed) {
    json.key("is_error").raw("true");
  }
  json.end_object();
  return {};
}

}  // namespace headgate::providers
