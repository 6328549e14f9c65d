#include <string>
#include <utility>

#include "dialects/media_parts.h"
#include "dialects/responses.h"

namespace headgate::dialects {
namespace {

using model::Message;
using model::Part;

/// Turns items into messages. What the assistant said, thought and called in a row is one message.
class InputDecoder final {
 public:
  InputDecoder(FieldReader& fields, std::vector<Message>& messages)
      : fields_(fields), messages_(messages) {}

  void decode(const JsonView& value, const std::string& place) {
    if (!value.is_object()) {
      fields_.wrong(place, "an object");
      return;
    }
    const JsonObject item = value;
    const std::string type =
        item["type"].given() ? fields_.text(item["type"], place + ".type") : "message";
    if (type == "message") {
      decode_message(item, place);
    } else if (type == "function_call") {
      decode_call(item, place);
    } else if (type == "function_call_output") {
      decode_output(item, place);
    } else if (type == "reasoning") {
      decode_reasoning(item, place);
    } else if (type == "item_reference") {
      fields_.unsupported(place, "send the item itself");
    } else {
      fields_.unsupported(place + ".type", "items of type '" + type + "' are OpenAI's own");
    }
  }

 private:
  Message& assistant() {
    if (messages_.empty() || messages_.back().role != Message::Role::Assistant) {
      messages_.emplace_back().role = Message::Role::Assistant;
    }
    return messages_.back();
  }

  void decode_message(const JsonObject& item, const std::string& place) {
    fields_.refuse_unknown(item, place, {"type", "role", "content", "id", "status", "phase"});
    const std::string role =
        fields_.word(item["role"], place + ".role", {"user", "assistant", "system", "developer"});
    if (role.empty()) {
      fields_.missing(place + ".role");
    }
    if (!item["content"].given()) {
      fields_.missing(place + ".content");
    }
    if (role == "assistant") {
      decode_content(item["content"], place + ".content", assistant());
      return;
    }
    Message& message = messages_.emplace_back();
    message.role = role == "user" ? Message::Role::User : Message::Role::System;
    decode_content(item["content"], place + ".content", message);
  }

  /// A text or a list of parts.
  void decode_content(const JsonView& content, const std::string& param, Message& message) {
    if (content.is_string()) {
      Part part;
      part.text = *content.text();
      message.content.push_back(std::move(part));
      return;
    }
    if (content.given() && !content.is_array()) {
      fields_.wrong(param, "a string or an array of parts");
      return;
    }
    std::size_t number = 0;
    for (const JsonView& part : content.items()) {
      message.content.push_back(
          decode_part(part, param + "[" + std::to_string(number++) + "]", message.role));
    }
  }

  Part decode_part(const JsonObject& value, const std::string& param, Message::Role role) {
    Part part;
    const std::string type = fields_.required_text(value["type"], param + ".type");
    const bool of_assistant = role == Message::Role::Assistant;
    const bool of_user = role == Message::Role::User || role == Message::Role::Tool;
    if (type == (of_assistant ? "output_text" : "input_text")) {
      fields_.refuse_unknown(
          value, param,
          {"type", "text", "annotations", "logprobs", "parsed", "prompt_cache_breakpoint"});
      part.text = fields_.text(value["text"], param + ".text");
      if (!value["text"].given()) {
        fields_.missing(param + ".text");
      }
    } else if (type == "refusal" && of_assistant) {
      fields_.refuse_unknown(value, param, {"type", "refusal"});
      part.type = Part::Type::Refusal;
      part.text = fields_.text(value["refusal"], param + ".refusal");
    } else if (type == "input_image" && of_user) {
      fields_.refuse_unknown(value, param,
                             {"type", "image_url", "detail", "file_id", "prompt_cache_breakpoint"});
      if (value["file_id"].given()) {
        fields_.unsupported(param + ".file_id", "send the image itself");
      }
      part = image_part(fields_, value["image_url"], value["detail"], param + ".image_url");
    } else if (type == "input_file" && of_user) {
      fields_.refuse_unknown(value, param,
                             {"type", "file_id", "file_url", "filename", "file_data", "detail",
                              "prompt_cache_breakpoint"});
      part = file_part(fields_, value, param);
    } else if (type == "input_audio" && of_user) {
      fields_.refuse_unknown(value, param, {"type", "input_audio"});
      part = audio_part(fields_, value["input_audio"], param + ".input_audio");
    } else {
      fields_.wrong(param + ".type", "a type of part that such an item may have");
    }
    return part;
  }

  void decode_call(const JsonObject& item, const std::string& place) {
    fields_.refuse_unknown(item, place,
                           {"type", "id", "call_id", "name", "arguments", "status", "extra_content",
                            "parsed_arguments"});
    assistant().tool_calls.push_back(
        {.id = fields_.required_text(item["call_id"], place + ".call_id"),
         .name = fields_.required_text(item["name"], place + ".name"),
         .arguments = fields_.text(item["arguments"], place + ".arguments"),
         .signature = fields_.text(item["extra_content"]["google"]["thought_signature"],
                                   place + ".extra_content.google.thought_signature")});
  }

  void decode_output(const JsonObject& item, const std::string& place) {
    fields_.refuse_unknown(item, place, {"type", "id", "call_id", "output", "status"});
    Message& message = messages_.emplace_back();
    message.role = Message::Role::Tool;
    message.tool_call_id = fields_.required_text(item["call_id"], place + ".call_id");
    if (!item["output"].given()) {
      fields_.missing(place + ".output");
    }
    decode_content(item["output"], place + ".output", message);
  }

  void decode_reasoning(const JsonObject& item, const std::string& place) {
    fields_.refuse_unknown(item, place,
                           {"type", "id", "summary", "content", "encrypted_content", "status"});
    Part part;
    part.type = Part::Type::Reasoning;
    const JsonView whole = item["content"];
    for (const JsonView& text : (whole.items().empty() ? item["summary"] : whole).items()) {
      part.text.append(part.text.empty() ? "" : "\n\n");
      part.text.append(fields_.text(text["text"], place + ".summary"));
    }
    part.signature = fields_.text(item["encrypted_content"], place + ".encrypted_content");
    part.redacted = part.text.empty();
    if (!part.text.empty() || !part.signature.empty()) {
      assistant().content.push_back(std::move(part));
    }
  }

  FieldReader& fields_;
  std::vector<Message>& messages_;
};

}  // namespace

void decode_response_input(FieldReader& fields, const JsonView& input,
                           std::vector<Message>& messages) {
  if (input.is_string()) {
    Part part;
    part.text = *input.text();
    messages.emplace_back().content.push_back(std::move(part));
    return;
  }
  const std::vector<JsonView> items = input.items();
  if (items.empty()) {
    input.given() ? fields.wrong("input", "a string or an array of at least one item")
                  : fields.missing("input");
  }
  InputDecoder decoder(fields, messages);
  for (std::size_t i = 0; i < items.size() && !fields.failed(); ++i) {
    decoder.decode(items[i], "input[" + std::to_string(i) + "]");
  }
}

}  // namespace headgate::dialects
