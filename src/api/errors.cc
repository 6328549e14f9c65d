#include "api/errors.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "base/clock.h"
#include "base/encoding.h"
#include "dialects/anthropic.h"

namespace headgate::api {
namespace {

/// SDKs do not retry at all when asked to wait longer (openai-python: MAX_RETRY_AFTER_DELAY).
constexpr std::chrono::seconds kLongestRetryAfter{120};

/// A code in the words of the task API.
std::string task_code(std::string_view code) {
  if (code == "model_not_found") {
    return "INVALID_MODEL";
  }
  if (code == "rate_limit_exceeded") {
    return "RATE_LIMITED";
  }
  std::string text(code);
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : (c == '-' ? '_' : c);
  });
  return text;
}

/// The `error` object of an answer that goes out now.
std::string object_now(const Error& error, Surface surface, const model::RequestContext& context) {
  return error_object(error, surface, context.request_id,
                      unix_ms(std::chrono::system_clock::now()));
}

void add_error_fields(edge::Response& response, const Error& error) {
  if (error.kind == ErrorKind::Unauthenticated) {
    response.add_field("WWW-Authenticate", R"(Bearer realm="headgate")");
  }
  const bool temporary =
      error.kind == ErrorKind::RateLimited || error.kind == ErrorKind::Overloaded;
  if (temporary && error.retry_after) {
    const auto wait = std::clamp<std::chrono::milliseconds>(
        *error.retry_after, std::chrono::milliseconds(1), kLongestRetryAfter);
    response.add_field("Retry-After",
                       std::to_string(std::chrono::ceil<std::chrono::seconds>(wait).count()));
    response.add_field("retry-after-ms", std::to_string(wait.count()));
  }
  if (error.kind == ErrorKind::Conflict || error.kind == ErrorKind::BudgetSpent) {
    response.add_field("x-should-retry", "false");
  }
}

edge::Response begin_error(const Error& error, model::RequestContext& context) {
  context.error_code = wire_code(error);
  context.error_detail = error.detail;
  edge::Response response;
  response.status = http_status(error.kind);
  add_error_fields(response, error);
  return response;
}

}  // namespace

std::string error_object(const Error& error, Surface surface, std::string_view request_id,
                         std::int64_t when) {
  const std::string code =
      surface == Surface::TaskApi ? task_code(wire_code(error)) : std::string(wire_code(error));
  std::string object = R"({"message":)" + json_quote(error.message) + R"(,"type":")" +
                       std::string(wire_type(error.kind)) + R"(","param":)" +
                       (error.param.empty() ? "null" : json_quote(error.param)) + R"(,"code":)" +
                       json_quote(code);
  if (!error.details_json.empty()) {
    object.append(R"(,"details":)").append(error.details_json);
  }
  object.append(R"(,"request_id":)").append(json_quote(request_id));
  object.append(R"(,"timestamp":")").append(rfc3339(when)).append("\"}");
  return object;
}

edge::Response classic_error(const Error& error, std::string_view detail_json,
                             model::RequestContext& context) {
  edge::Response response = begin_error(error, context);
  response.body = R"({"error":)" + object_now(error, Surface::Classic, context) + R"(,"detail":)" +
                  std::string(detail_json) + "}";
  return response;
}

edge::Response error_response(const Error& error, Surface surface, model::RequestContext& context) {
  if (surface == Surface::Classic) {
    return classic_error(error, json_quote(error.message), context);
  }
  edge::Response response = begin_error(error, context);
  if (surface == Surface::Anthropic) {
    response.body = dialects::encode_anthropic_error(error, context.request_id);
    response.add_field("request-id", context.request_id);
    return response;
  }
  response.body = R"({"error":)" + object_now(error, surface, context) + "}";
  return response;
}

Error webhook_needs_job(const std::string& field) {
  return invalid_request("'" + field +
                             "' is for jobs: this call is answered at once. Send Prefer: "
                             "respond-async to make it a job.",
                         field);
}

Surface surface_of_path(std::string_view path) {
  if (path.starts_with("/api/v1/")) {
    return Surface::TaskApi;
  }
  if (path.starts_with("/v1/messages")) {
    return Surface::Anthropic;
  }
  return path.starts_with("/v1/") ? Surface::OpenAi : Surface::Classic;
}

}  // namespace headgate::api
