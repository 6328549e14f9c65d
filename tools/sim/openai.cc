#include "sim/openai.h"

#include <algorithm>

namespace headgate::sim {
namespace {

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

/// The tool that a choice names, nested as in chat or flat as in responses.
std::string_view chosen(const json::object& choice) {
  const json::object* function = object_member(choice, "function");
  return text_member(function ? *function : choice, "name").value_or("");
}

}  // namespace

std::string content_text(const json::object& message) {
  const json::value* content = member(message, "content");
  if (!content) {
    return {};
  }
  if (content->is_string()) {
    return std::string(content->get_string());
  }
  std::string text;
  if (const json::array* parts = content->if_array()) {
    for (const json::value& part : *parts) {
      if (const json::object* object = part.if_object()) {
        text += text_member(*object, "text").value_or("");
      }
    }
  }
  return text;
}

std::vector<std::string> texts_of(const json::value* value) {
  std::vector<std::string> texts;
  if (value && value->is_string()) {
    texts.emplace_back(value->get_string());
  } else if (value && value->is_array()) {
    for (const json::value& item : value->get_array()) {
      if (item.is_string()) {
        texts.emplace_back(item.get_string());
      }
    }
  }
  return texts;
}

std::vector<std::string> openai_call_ids(const json::object& assistant_message) {
  std::vector<std::string> ids;
  if (const json::array* calls = array_member(assistant_message, "tool_calls")) {
    for (const json::value& call : *calls) {
      if (const json::object* object = call.if_object()) {
        ids.emplace_back(text_member(*object, "id").value_or(""));
      }
    }
  }
  return ids;
}

std::optional<Failure> read_openai_tools(Demand& demand, const json::object& body) {
  const json::array* tools = array_member(body, "tools");
  for (const json::value& value : tools ? *tools : json::array()) {
    const json::object* tool = value.if_object();
    if (!tool) {
      return Failure{400, "invalid_value", "A tool must be an object."};
    }
    if (text_member(*tool, "type").value_or("") != "function") {
      continue;
    }
    const json::object* nested = object_member(*tool, "function");
    const json::object& function = nested ? *nested : *tool;
    std::string_view name = text_member(function, "name").value_or("");
    if (!is_name(name)) {
      return Failure{400, "invalid_value", "A tool's name must match [a-zA-Z0-9_-]{1,64}."};
    }
    const json::value* schema = member(function, "parameters");
    demand.tools.push_back({std::string(name), schema ? json::serialize(*schema) : ""});
  }
  const json::value* choice = member(body, "tool_choice");
  if (!choice) {
    return std::nullopt;
  }
  if (choice->is_string()) {
    std::string_view word = choice->get_string();
    if (word == "none") {
      demand.tools.clear();
    }
    demand.must_call = word == "required";
    return std::nullopt;
  }
  if (const json::object* object = choice->if_object()) {
    std::string_view name = chosen(*object);
    std::erase_if(demand.tools, [&](const Tool& tool) { return tool.name != name; });
    if (!name.empty() && demand.tools.empty()) {
      return Failure{400, "invalid_value", "'tool_choice' names a tool that is not given."};
    }
    demand.must_call = true;
  }
  return std::nullopt;
}

}  // namespace headgate::sim
