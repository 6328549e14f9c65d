#include <string>
#include <utility>

#include "dialects/media_parts.h"
#include "dialects/openai_chat.h"

namespace headgate::dialects {
namespace {

using model::Message;
using model::Part;

class MessageDecoder final {
 public:
  explicit MessageDecoder(FieldReader& fields) : fields_(fields) {}

  Message decode(const JsonView& item, const std::string& place) {
    place_ = place;
    Message message;
    if (!item.is_object()) {
      fields_.wrong(place, "an object");
      return message;
    }
    const JsonObject value = item;
    fields_.refuse_unknown(value, place,
                           {"role", "content", "name", "tool_calls", "tool_call_id", "refusal",
                            "annotations", "reasoning_content", "reasoning", "function_call",
                            "parsed"});  // what SDKs add to answers may come back
    const std::string role =
        fields_.word(value["role"], place + ".role",
                     {"developer", "system", "user", "assistant", "tool", "function"});
    if (role.empty()) {
      fields_.missing(place + ".role");
    }
    message.role = role_of(role);
    message.name = fields_.text(value["name"], place + ".name");
    if (message.role == Message::Role::Assistant) {
      add_text(message, Part::Type::Reasoning,
               value["reasoning_content"].given() ? value["reasoning_content"] : value["reasoning"],
               ".reasoning_content");
    }
    decode_content(value["content"], message);
    if (message.role == Message::Role::Assistant) {
      add_text(message, Part::Type::Refusal, value["refusal"], ".refusal");
      decode_calls(value["tool_calls"], message);
      decode_function_call(value["function_call"], message);
      if (message.content.empty() && message.tool_calls.empty() && !value["content"].given()) {
        fields_.missing(place + ".content");
      }
    } else if (!value["content"].given()) {
      fields_.missing(place + ".content");
    }
    if (role == "tool") {
      message.tool_call_id = fields_.required_text(value["tool_call_id"], place + ".tool_call_id");
    } else if (role == "function") {
      // The deprecated form names the function instead of the call.
      message.tool_call_id = function_call_id_;
      message.name.clear();
      if (function_call_id_.empty()) {
        fields_.wrong(place, "behind a message with function_call");
      }
    }
    return message;
  }

 private:
  static Message::Role role_of(std::string_view role) {
    if (role == "assistant") {
      return Message::Role::Assistant;
    }
    if (role == "tool" || role == "function") {
      return Message::Role::Tool;
    }
    return role == "user" ? Message::Role::User : Message::Role::System;
  }

  void add_text(Message& message, Part::Type type, const JsonView& value,
                const std::string& member) {
    Part part;
    part.type = type;
    part.text = fields_.text(value, place_ + member);
    if (!part.text.empty()) {
      message.content.push_back(std::move(part));
    }
  }

  void decode_content(const JsonView& content, Message& message) {
    const std::string param = place_ + ".content";
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
    const bool of_user = role == Message::Role::User;
    constexpr std::string_view kCache = "prompt_cache_breakpoint";  // advice
    if (type == "text") {
      fields_.refuse_unknown(value, param, {"type", "text", kCache});
      part.text = fields_.text(value["text"], param + ".text");
      if (!value["text"].given()) {
        fields_.missing(param + ".text");
      }
    } else if (type == "image_url" && of_user) {
      fields_.refuse_unknown(value, param, {"type", "image_url", kCache});
      const JsonObject image = value["image_url"];
      fields_.refuse_unknown(image, param + ".image_url", {"url", "detail"});
      part = image_part(fields_, image["url"], image["detail"], param + ".image_url");
    } else if (type == "input_audio" && of_user) {
      fields_.refuse_unknown(value, param, {"type", "input_audio", kCache});
      part = audio_part(fields_, value["input_audio"], param + ".input_audio");
    } else if (type == "file" && of_user) {
      fields_.refuse_unknown(value, param, {"type", "file", kCache});
      fields_.refuse_unknown(value["file"], param + ".file", {"file_id", "filename", "file_data"});
      part = file_part(fields_, value["file"], param + ".file");
    } else if (type == "refusal" && role == Message::Role::Assistant) {
      fields_.refuse_unknown(value, param, {"type", "refusal"});
      part.type = Part::Type::Refusal;
      part.text = fields_.text(value["refusal"], param + ".refusal");
    } else {
      fields_.wrong(param + ".type", "a type of part that messages of this role may have");
    }
    return part;
  }

  void decode_calls(const JsonView& calls, Message& message) {
    if (calls.given() && !calls.is_array()) {
      fields_.wrong(place_ + ".tool_calls", "an array");
    }
    std::size_t number = 0;
    for (const JsonView& value : calls.items()) {
      const std::string param = place_ + ".tool_calls[" + std::to_string(number++) + "]";
      fields_.refuse_unknown(value, param, {"id", "type", "function", "index", "extra_content"});
      if (const JsonView type = value["type"]; type.given() && type.text() != "function") {
        fields_.unsupported(param + ".type", "only calls of functions");
      }
      const JsonView function = value["function"];
      fields_.refuse_unknown(function, param + ".function",
                             {"name", "arguments", "parsed_arguments"});
      message.tool_calls.push_back(
          {.id = fields_.required_text(value["id"], param + ".id"),
           .name = fields_.required_text(function["name"], param + ".function.name"),
           .arguments = fields_.text(function["arguments"], param + ".function.arguments"),
           .signature = fields_.text(value["extra_content"]["google"]["thought_signature"],
                                     param + ".extra_content.google.thought_signature")});
    }
  }

  void decode_function_call(const JsonView& value, Message& message) {
    if (!value.given()) {
      return;
    }
    const std::string param = place_ + ".function_call";
    function_call_id_ = "call_of_" + place_;
    message.tool_calls.push_back(
        {.id = function_call_id_,
         .name = fields_.required_text(value["name"], param + ".name"),
         .arguments = fields_.text(value["arguments"], param + ".arguments"),
         .signature = {}});
  }

  FieldReader& fields_;
  std::string place_;
  std::string function_call_id_;  // of the last call in the deprecated form
};

}  // namespace

std::vector<Message> decode_openai_messages(FieldReader& fields, const JsonView& messages) {
  std::vector<Message> decoded;
  MessageDecoder decoder(fields);
  const std::vector<JsonView> items = messages.items();
  if (items.empty()) {
    fields.wrong("messages", "an array of at least one message");
  }
  for (std::size_t i = 0; i < items.size() && !fields.failed(); ++i) {
    decoded.push_back(decoder.decode(items[i], "messages[" + std::to_string(i) + "]"));
  }
  return decoded;
}

}  // namespace headgate::dialects
