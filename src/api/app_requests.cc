#include "api/app_requests.h"

#include <utility>

#include <boost/json.hpp>

#include "api/jobs.h"
#include "api/json_body.h"
#include "base/encoding.h"

namespace headgate::api {
namespace {

namespace json = boost::json;

Result<void> require_client(const model::RequestContext& context) {
  if (!context.client_id.empty()) {
    return {};
  }
  return fail(invalid_request(
      "X-Client-ID is required: the name of your application, up to 128 characters of UTF-8.",
      "X-Client-ID"));
}

/// The answer in the words of /api; `more` are members with a leading comma.
Result<edge::Response> request_response(AcceptedJob accepted, const edge::Request& http,
                                        std::string_view message, const std::string& more) {
  auto preference = parse_prefer(http);
  if (!preference) {
    return fail(preference.error());
  }
  return told_response(std::move(accepted), *preference, [&](const AcceptedJob& told) {
    std::string body = R"({"request_id":)" + json_quote(told.job.id) + R"(,"status":)" +
                       json_quote(status_word(told.job.state, JobWords::Api)) + more;
    if (is_terminal(told.job.state)) {
      return body.append(R"(,"result":)").append(told.result).append("}");
    }
    return body.append(R"(,"message":)").append(json_quote(message)).append("}");
  });
}

Failure bad_messages(std::string message) {
  return fail(invalid_request(std::move(message), "messages"));
}

/// What the messages of a body ask for.
struct Asked {
  json::array urls;
  std::string prompt;

  void add_text(std::string_view text) { prompt.append(prompt.empty() ? "" : "\n").append(text); }
};

Result<void> take_part(const json::value& part, Asked& asked) {
  const json::object* object = part.if_object();
  const json::value* type = object != nullptr ? object->if_contains("type") : nullptr;
  if (type == nullptr || !type->is_string()) {
    return bad_messages("A part of a message must be an object with a 'type'.");
  }
  if (type->get_string() == "text") {
    const json::value* text = object->if_contains("text");
    if (text == nullptr || !text->is_string()) {
      return bad_messages("A text part needs a string 'text'.");
    }
    asked.add_text(text->get_string());
    return {};
  }
  if (type->get_string() != "image_url") {
    return bad_messages("A part of a message must be of the type text or image_url.");
  }
  const json::value* url = object->if_contains("image_url");
  if (url != nullptr && url->is_object()) {
    url = url->get_object().if_contains("url");
  }
  if (url == nullptr || !url->is_string()) {
    return bad_messages("An image_url part needs an 'image_url' with a 'url'.");
  }
  asked.urls.push_back(*url);
  return {};
}

Result<Asked> read_messages(const json::value& messages) {
  Asked asked;
  if (!messages.is_array()) {
    return bad_messages("'messages' must be an array of messages.");
  }
  for (const json::value& message : messages.get_array()) {
    const json::object* object = message.if_object();
    const json::value* content = object != nullptr ? object->if_contains("content") : nullptr;
    if (content == nullptr || !(content->is_string() || content->is_array())) {
      return bad_messages("A message must be an object with a 'content': a string or parts.");
    }
    if (content->is_string()) {
      asked.add_text(content->get_string());
      continue;
    }
    for (const json::value& part : content->get_array()) {
      auto taken = take_part(part, asked);
      if (!taken) {
        return fail(taken.error());
      }
    }
  }
  return asked;
}

/// Puts what the messages ask for into the members of /v1/ocr.
Result<void> replace_messages(json::object& body) {
  const json::value* messages = body.if_contains("messages");
  if (messages == nullptr) {
    return {};
  }
  auto asked = read_messages(*messages);
  if (!asked) {
    return fail(asked.error());
  }
  body.erase("messages");
  if (!asked->urls.empty()) {
    body["image_urls"] = std::move(asked->urls);
  }
  if (!body.contains("output") &&
      ascii_lower(asked->prompt).find("to markdown") != std::string::npos) {
    body["output"] = "markdown";
  }
  if (!body.contains("prompt") && !asked->prompt.empty()) {
    body["prompt"] = asked->prompt;
  }
  return {};
}

}  // namespace

Result<OcrBody> make_ocr_body(const edge::Request& request, std::string_view usual) {
  auto body = parse_json_body(request);
  if (!body) {
    return fail(body.error());
  }
  auto replaced = replace_messages(*body);
  if (!replaced) {
    return fail(replaced.error());
  }
  if (!body->contains("image_urls") && !body->contains("document")) {
    return bad_messages(
        "At least one document is needed: a message with an image_url part, or 'image_urls'.");
  }
  auto resolution = optional_text(*body, "resolution");
  if (!resolution) {
    return fail(resolution.error());
  }
  OcrBody made;
  made.resolution =
      resolution->value_or(std::string(request.field("x-resolution").value_or(usual)));
  (*body)["resolution"] = made.resolution;
  made.json = json::serialize(*body);
  return made;
}

Task<Result<edge::Response>> RequestChat::handle(Call call) const {
  auto known = require_client(call.context);
  if (!known) {
    co_return fail(known.error());
  }
  auto accepted = co_await submission_.submit(
      call, chat_, "/v1/chat/completions", "chat", std::string(call.http.body),
      std::string(call.http.field("content-type").value_or("")));
  if (!accepted) {
    co_return fail(accepted.error());
  }
  co_return request_response(std::move(*accepted), call.http, "Request queued for processing", "");
}

Task<Result<edge::Response>> RequestOcr::handle(Call call) const {
  auto known = require_client(call.context);
  if (!known) {
    co_return fail(known.error());
  }
  auto body = make_ocr_body(call.http, settings_()->documents.resolution);
  if (!body) {
    co_return fail(body.error());
  }
  auto accepted = co_await submission_.submit(call, ocr_, "/v1/ocr", "ocr", std::move(body->json),
                                              "application/json");
  if (!accepted) {
    co_return fail(accepted.error());
  }
  co_return request_response(std::move(*accepted), call.http, "Request queued for OCR processing",
                             R"(,"resolution":)" + json_quote(body->resolution));
}

}  // namespace headgate::api
