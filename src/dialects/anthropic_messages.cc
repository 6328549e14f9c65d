#include <string>
#include <utility>

#include "base/encoding.h"
#include "dialects/anthropic.h"

namespace headgate::dialects {
namespace {

using model::Message;
using model::Part;

constexpr std::string_view kPdf = "application/pdf";
constexpr std::string_view kPlainText = "text/plain";

std::string entry(const std::string& place, std::size_t number) {
  return place + "[" + std::to_string(number) + "]";
}

std::string type_of(const JsonView& block) { return block["type"].text().value_or(""); }

Part read_text(FieldReader& fields, const JsonView& block, const std::string& place) {
  fields.refuse_unknown(block, place, {"type", "text", "cache_control", "citations"});
  if (!block["citations"].items().empty()) {
    fields.unsupported(place + ".citations");
  }
  if (!block["text"].given()) {
    fields.missing(place + ".text");
  }
  Part part;
  part.text = fields.text(block["text"], place + ".text");
  return part;
}

/// What images and documents have in common: `base64` and `url` sources.
void read_source(FieldReader& fields, const JsonView& value, const std::string& place, Part& part) {
  const JsonObject source = value;
  const std::string type = source["type"].text().value_or("");
  if (!value.given()) {
    fields.missing(place);
  } else if (type == "base64") {
    fields.refuse_unknown(source, place, {"type", "media_type", "data"});
    part.media_type = fields.required_text(source["media_type"], place + ".media_type");
    part.data = fields.required_text(source["data"], place + ".data");
  } else if (type == "url") {
    fields.refuse_unknown(source, place, {"type", "url"});
    part.url = fields.required_text(source["url"], place + ".url");
  } else {
    fields.unsupported(place + ".type", "only sources that are sent along or have a URL");
  }
}

Part read_image(FieldReader& fields, const JsonObject& block, const std::string& place) {
  fields.refuse_unknown(block, place, {"type", "source", "cache_control"});
  Part part;
  part.type = Part::Type::Image;
  read_source(fields, block["source"], place + ".source", part);
  return part;
}

Part read_document(FieldReader& fields, const JsonObject& block, const std::string& place) {
  fields.refuse_unknown(block, place, {"type", "source", "title", "citations", "cache_control"});
  if (fields.flag(block["citations"]["enabled"], place + ".citations.enabled").value_or(false)) {
    fields.unsupported(place + ".citations");
  }
  Part part;
  part.type = Part::Type::File;
  part.name = fields.text(block["title"], place + ".title");
  const JsonView source = block["source"];
  const std::string where = place + ".source";
  if (type_of(source) == "text") {
    fields.refuse_unknown(source, where, {"type", "media_type", "data"});
    fields.word(source["media_type"], where + ".media_type", {kPlainText});
    part.media_type = kPlainText;
    part.data = base64(fields.required_text(source["data"], where + ".data"));
    return part;
  }
  read_source(fields, source, where, part);
  if (part.media_type.empty()) {
    part.media_type = kPdf;
  } else if (part.media_type != kPdf) {
    fields.wrong(where + ".media_type", "application/pdf");
  }
  return part;
}

/// A part of what the user says or a tool gives.
void read_part(FieldReader& fields, const JsonView& block, const std::string& place,
               std::vector<Part>& parts) {
  const std::string type = type_of(block);
  if (type == "text") {
    parts.push_back(read_text(fields, block, place));
  } else if (type == "image") {
    parts.push_back(read_image(fields, block, place));
  } else if (type == "document") {
    parts.push_back(read_document(fields, block, place));
  } else {
    fields.unsupported(place + ".type");
  }
}

Message read_result(FieldReader& fields, const JsonView& block, const std::string& place) {
  fields.refuse_unknown(block, place,
                        {"type", "tool_use_id", "content", "is_error", "cache_control"});
  Message message;
  message.role = Message::Role::Tool;
  message.tool_call_id = fields.required_text(block["tool_use_id"], place + ".tool_use_id");
  const bool has_failed = fields.flag(block["is_error"], place + ".is_error").value_or(false);
  message.outcome = has_failed ? Message::Outcome::Failed : Message::Outcome::Ok;
  const JsonView content = block["content"];
  const std::string where = place + ".content";
  if (!content.is_array()) {
    Part part;
    part.text = fields.text(content, where);
    if (!part.text.empty()) {
      message.content.push_back(std::move(part));
    }
    return message;
  }
  std::size_t number = 0;
  for (const JsonView& part : content.items()) {
    read_part(fields, part, entry(where, number++), message.content);
  }
  return message;
}

void read_user(FieldReader& fields, const JsonView& content, const std::string& place,
               std::vector<Message>& messages) {
  Message message;
  std::size_t number = 0;
  for (const JsonView& block : content.items()) {
    const std::string where = entry(place, number++);
    if (type_of(block) != "tool_result") {
      read_part(fields, block, where, message.content);
      continue;
    }
    if (!message.content.empty()) {
      fields.wrong(where, "before all content that is no tool_result");
    }
    messages.push_back(read_result(fields, block, where));
  }
  if (!message.content.empty()) {
    messages.push_back(std::move(message));
  }
}

Part read_reasoning(FieldReader& fields, const JsonView& block, const std::string& place) {
  Part part;
  part.type = Part::Type::Reasoning;
  part.redacted = type_of(block) == "redacted_thinking";
  if (part.redacted) {
    fields.refuse_unknown(block, place, {"type", "data"});
    part.signature = fields.required_text(block["data"], place + ".data");
  } else {
    fields.refuse_unknown(block, place, {"type", "thinking", "signature"});
    part.text = fields.text(block["thinking"], place + ".thinking");
    part.signature = fields.text(block["signature"], place + ".signature");
  }
  return part;
}

model::ToolCall read_call(FieldReader& fields, const JsonView& block, const std::string& place) {
  fields.refuse_unknown(block, place,
                        {"type", "id", "name", "input", "caller", "signature", "cache_control"});
  const JsonView caller = block["caller"]["type"];
  if (caller.given() && caller.text() != "direct") {
    fields.unsupported(place + ".caller");
  }
  if (!block["input"].given()) {
    fields.missing(place + ".input");
  }
  return {.id = fields.required_text(block["id"], place + ".id"),
          .name = fields.required_text(block["name"], place + ".name"),
          .arguments = fields.object(block["input"], place + ".input"),
          .signature = fields.text(block["signature"], place + ".signature")};
}

void read_assistant(FieldReader& fields, const JsonView& content, const std::string& place,
                    std::vector<Message>& messages) {
  Message message;
  message.role = Message::Role::Assistant;
  std::size_t number = 0;
  for (const JsonView& block : content.items()) {
    const std::string where = entry(place, number++);
    const std::string type = type_of(block);
    if (type == "text") {
      message.content.push_back(read_text(fields, block, where));
    } else if (type == "thinking" || type == "redacted_thinking") {
      message.content.push_back(read_reasoning(fields, block, where));
    } else if (type == "tool_use") {
      message.tool_calls.push_back(read_call(fields, block, where));
    } else {
      fields.unsupported(where + ".type");
    }
  }
  if (!message.content.empty() || !message.tool_calls.empty()) {
    messages.push_back(std::move(message));
  }
}

Message::Role role_of(const std::string& word) {
  return word == "assistant" ? Message::Role::Assistant
         : word == "system"  ? Message::Role::System
                             : Message::Role::User;
}

void read_message(FieldReader& fields, const JsonView& item, const std::string& place,
                  std::vector<Message>& messages) {
  if (!item.is_object()) {
    fields.wrong(place, "an object");
    return;
  }
  const JsonObject message = item;
  fields.refuse_unknown(message, place, {"role", "content"});
  const std::string role =
      fields.word(message["role"], place + ".role", {"user", "assistant", "system"});
  if (role.empty()) {
    fields.missing(place + ".role");
  }
  const JsonView content = message["content"];
  const std::string where = place + ".content";
  if (!content.given()) {
    fields.missing(where);
  } else if (content.is_string() || role == "system") {
    Message said;
    said.role = role_of(role);
    said.content = decode_anthropic_texts(fields, content, where);
    if (!said.content.empty()) {
      messages.push_back(std::move(said));
    }
  } else if (!content.is_array()) {
    fields.wrong(where, "a string or an array of blocks");
  } else if (role == "assistant") {
    read_assistant(fields, content, where, messages);
  } else {
    read_user(fields, content, where, messages);
  }
}

}  // namespace

std::vector<Part> decode_anthropic_texts(FieldReader& fields, const JsonView& content,
                                         const std::string& place) {
  std::vector<Part> parts;
  if (content.given() && !content.is_string() && !content.is_array()) {
    fields.wrong(place, "a string or an array of text blocks");
  }
  if (std::string text = content.text().value_or(""); !text.empty()) {
    parts.emplace_back().text = std::move(text);
  }
  std::size_t number = 0;
  for (const JsonView& block : content.items()) {
    const std::string where = entry(place, number++);
    if (type_of(block) != "text") {
      fields.unsupported(where + ".type", "only text");
    }
    parts.push_back(read_text(fields, block, where));
  }
  return parts;
}

void decode_anthropic_messages(FieldReader& fields, const JsonView& list,
                               std::vector<Message>& messages) {
  if (!list.given()) {
    fields.missing("messages");
  } else if (!list.is_array() || list.items().empty()) {
    fields.wrong("messages", "an array that is not empty");
  }
  std::size_t number = 0;
  const std::size_t before = messages.size();
  for (const JsonView& message : list.items()) {
    read_message(fields, message, entry("messages", number++), messages);
  }
  if (messages.size() == before) {
    fields.wrong("messages", "an array of messages that say something");
  }
}

}  // namespace headgate::dialects
