#include "providers/passed_answer.h"

#include <string>

#include <simdjson.h>

#include "providers/anthropic_wire.h"
#include "providers/openai_error.h"

namespace headgate::providers {
namespace {

Failure no_answer(std::string_view why) {
  return fail(
      upstream_failed("The model server's answer could not be understood.", std::string(why)));
}

simdjson::simdjson_result<simdjson::dom::element> parsed(std::string_view body) {
  thread_local simdjson::dom::parser parser;  // keeps its buffers from one answer to the next
  return parser.parse(body.data(), body.size());
}

}  // namespace

Result<void> check_openai_answer(model::Kind kind, std::string_view body) {
  std::string_view member;
  switch (kind) {
    case model::Kind::Chat:
    case model::Kind::Completion:
      member = "choices";
      break;
    case model::Kind::Embedding:
      member = "data";
      break;
    default:
      break;
  }
  simdjson::dom::element root;
  const bool is_json = parsed(body).get(root) == simdjson::SUCCESS;
  if (!is_json || !(root.is_object() || (member.empty() && root.is_array()))) {
    return no_answer("no JSON object, or only a part of one");
  }
  simdjson::dom::element error;
  if (root["error"].get(error) == simdjson::SUCCESS && !error.is_null()) {
    return fail(decode_openai_error_event(body));
  }
  simdjson::dom::array told;
  if (member.empty()) {
    return {};
  }
  if (root[member].get(told) != simdjson::SUCCESS || told.size() == 0) {
    return no_answer("no " + std::string(member));
  }
  return {};
}

Result<void> check_anthropic_message(std::string_view body) {
  simdjson::dom::element root;
  if (parsed(body).get(root) != simdjson::SUCCESS || !root.is_object()) {
    return no_answer("no JSON object, or only a part of one");
  }
  std::string_view type;
  if (root["type"].get(type) == simdjson::SUCCESS && type == "error") {
    return fail(decode_anthropic_error_event(body));
  }
  simdjson::dom::array content;
  if (root["content"].get(content) != simdjson::SUCCESS) {
    return no_answer("no content");
  }
  return {};
}

}  // namespace headgate::providers
