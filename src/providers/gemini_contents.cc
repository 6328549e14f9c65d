// What differs from the neutral model:
// - Turns alternate and the first is the user's: neighbours of one role become one content, and a
//   conversation that the assistant opens gets a blank user turn before it.
// - The result of a tool is part of a user turn and names the function, not only the call.
// - A function call of the current turn needs its thought signature; one that another model made
//   gets the text documented for that.
// - Reasoning of earlier turns is left out: the vendor does not ask for it, and refuses signatures
//   of others. So are labels: a speaker's name, an image's detail.
#include "providers/gemini_contents.h"

#include <array>
#include <unordered_map>
#include <utility>
#include <vector>

#include <simdjson.h>

#include "providers/gemini_json.h"

namespace headgate::providers {
namespace {

using model::ChatRequest;
using model::Message;
using model::Part;
using model::ToolCall;

constexpr std::string_view kBlankPart = R"({"text":" "})";
constexpr std::string_view kNoSignature = "skip_thought_signature_validator";

bool is_object(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  return parser.parse(json.data(), json.size()).get(root) == simdjson::SUCCESS && root.is_object();
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
    called_[call.id] = call.name;
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
    const auto found = called_.find(messages_[at].tool_call_id);
    return found == called_.end() ? std::string_view(messages_[at].name) : found->second;
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
  std::unordered_map<std::string_view, std::string_view> called_;  // the function of each id so far
  std::string out_;
  std::string parts_;      // of the message being written
  std::string_view open_;  // role of the content being written
};

}  // namespace

Result<void> write_gemini_system(const ChatRequest& request, std::string& out) {
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

Result<std::string> write_gemini_contents(const ChatRequest& request) {
  return Conversation(request).write();
}

}  // namespace headgate::providers
