#include "api/stream_assembler.h"

#include <map>
#include <utility>

#include <boost/json.hpp>

namespace headgate::api {
namespace {

namespace json = boost::json;

/// Members that grow from chunk to chunk.
bool grows(std::string_view name) {
  return name == "content" || name == "reasoning_content" || name == "refusal" ||
         name == "arguments" || name == "text";
}

std::int64_t index_of(const json::object& object) {
  const json::value* index = object.if_contains("index");
  return index != nullptr && index->is_int64() ? index->get_int64() : 0;
}

void merge(json::object& into, const json::object& delta);

/// Joins an array of indexed objects, such as tool_calls.
void merge_list(json::value& into, const json::array& deltas) {
  json::array& list = into.is_array() ? into.get_array() : into.emplace_array();
  for (const json::value& delta : deltas) {
    if (!delta.is_object()) {
      continue;
    }
    const std::int64_t index = index_of(delta.get_object());
    json::object* found = nullptr;
    for (json::value& entry : list) {
      if (entry.is_object() && index_of(entry.get_object()) == index) {
        found = &entry.get_object();
      }
    }
    if (found == nullptr) {
      found = &list.emplace_back(json::object()).get_object();
    }
    merge(*found, delta.get_object());
  }
}

void merge(json::object& into, const json::object& delta) {
  for (const auto& [name, value] : delta) {
    json::value& slot = into[name];
    if (value.is_null() && !slot.is_null()) {
      continue;
    }
    if (value.is_string() && slot.is_string() && grows(name)) {
      slot.get_string().append(value.get_string());
    } else if (value.is_object()) {
      merge(slot.is_object() ? slot.get_object() : slot.emplace_object(), value.get_object());
    } else if (value.is_array() && name == "tool_calls") {
      merge_list(slot, value.get_array());
    } else {
      slot = value;
    }
  }
}

}  // namespace

struct StreamAssembler::Impl {
  json::object whole;
  std::map<std::int64_t, json::object> choices;  // by index
  bool chat = false;
};

StreamAssembler::StreamAssembler() : impl_(std::make_unique<Impl>()) {}
StreamAssembler::~StreamAssembler() = default;

void StreamAssembler::add(std::string_view chunk) {
  boost::system::error_code ec;
  json::value parsed = json::parse(chunk, ec);
  if (ec || !parsed.is_object()) {
    return;
  }
  for (const auto& [name, value] : parsed.get_object()) {
    if (name != "choices") {
      if (!value.is_null() || !impl_->whole.contains(name)) {
        impl_->whole[name] = value;
      }
      continue;
    }
    if (!value.is_array()) {
      continue;
    }
    for (const json::value& choice : value.get_array()) {
      if (!choice.is_object()) {
        continue;
      }
      json::object members = choice.get_object();
      if (json::value* delta = members.if_contains("delta")) {
        impl_->chat = true;
        json::value message = std::move(*delta);  // a new member may move the others
        members.erase("delta");
        members["message"] = std::move(message);
      }
      merge(impl_->choices[index_of(members)], members);
    }
  }
}

std::string StreamAssembler::finish(std::int64_t prompt_tokens, std::int64_t completion_tokens) {
  json::array choices;
  for (auto& [index, choice] : impl_->choices) {
    choices.emplace_back(std::move(choice));
  }
  impl_->whole["object"] = impl_->chat ? "chat.completion" : "text_completion";
  impl_->whole["choices"] = std::move(choices);
  json::value& usage = impl_->whole["usage"];
  if (!usage.is_object() && prompt_tokens >= 0 && completion_tokens >= 0) {
    usage = {{"prompt_tokens", prompt_tokens},
             {"completion_tokens", completion_tokens},
             {"total_tokens", prompt_tokens + completion_tokens}};
  }
  return json::serialize(impl_->whole);
}

}  // namespace headgate::api
