#include "sim/errors.h"

#include <array>
#include <chrono>
#include <ctime>

#include "sim/text.h"

namespace headgate::sim {
namespace {

struct Names {
  int status;
  std::string_view reason;
  std::string_view openai_type;
  std::string_view openai_code;
  std::string_view vllm_type;
  std::string_view anthropic_type;
  std::string_view google_status;
};

constexpr Names kNames[] = {
    {200, "OK", "", "", "", "", ""},
    {204, "No Content", "", "", "", "", ""},
    {400, "Bad Request", "invalid_request_error", "", "BadRequestError", "invalid_request_error",
     "INVALID_ARGUMENT"},
    {401, "Unauthorized", "invalid_request_error", "invalid_api_key", "AuthenticationError",
     "authentication_error", "UNAUTHENTICATED"},
    {402, "Payment Required", "invalid_request_error", "", "BadRequestError", "billing_error",
     "FAILED_PRECONDITION"},
    {403, "Forbidden", "permission_error", "", "PermissionDeniedError", "permission_error",
     "PERMISSION_DENIED"},
    {404, "Not Found", "invalid_request_error", "model_not_found", "NotFoundError",
     "not_found_error", "NOT_FOUND"},
    {408, "Request Timeout", "invalid_request_error", "", "BadRequestError", "timeout_error",
     "DEADLINE_EXCEEDED"},
    {409, "Conflict", "invalid_request_error", "", "BadRequestError", "conflict_error", "ABORTED"},
    {413, "Content Too Large", "invalid_request_error", "request_too_large", "BadRequestError",
     "request_too_large", "INVALID_ARGUMENT"},
    {415, "Unsupported Media Type", "invalid_request_error", "unsupported_content_type",
     "BadRequestError", "invalid_request_error", "INVALID_ARGUMENT"},
    {422, "Unprocessable Content", "invalid_request_error", "", "UnprocessableEntityError",
     "invalid_request_error", "INVALID_ARGUMENT"},
    {429, "Too Many Requests", "requests", "rate_limit_exceeded", "RateLimitError",
     "rate_limit_error", "RESOURCE_EXHAUSTED"},
    {500, "Internal Server Error", "server_error", "", "InternalServerError", "api_error",
     "INTERNAL"},
    {502, "Bad Gateway", "server_error", "", "InternalServerError", "api_error", "UNAVAILABLE"},
    {503, "Service Unavailable", "service_unavailable_error", "engine_overloaded",
     "ServiceUnavailableError", "api_error", "UNAVAILABLE"},
    {504, "Gateway Timeout", "server_error", "timeout", "InternalServerError", "timeout_error",
     "DEADLINE_EXCEEDED"},
    {529, "Overloaded", "server_error", "", "InternalServerError", "overloaded_error",
     "UNAVAILABLE"},
};

const Names& names_of(int status) {
  for (const Names& names : kNames) {
    if (names.status == status) {
      return names;
    }
  }
  static constexpr Names kClient = {0,
                                    "Simulated",
                                    "invalid_request_error",
                                    "",
                                    "BadRequestError",
                                    "invalid_request_error",
                                    "FAILED_PRECONDITION"};
  static constexpr Names kServer = {
      0, "Simulated", "server_error", "", "InternalServerError", "api_error", "INTERNAL"};
  return status < 500 ? kClient : kServer;
}

void append_text(std::string& out, std::string_view text) {
  append_json_string(out, text, HighBytes::Latin1);
}

void append_code(std::string& out, std::string_view code) {
  if (code.empty()) {
    out += "null";
  } else {
    append_text(out, code);
  }
}

std::string openai_body(const Behaviour& behaviour, const Failure& failure) {
  const Names& names = names_of(failure.status);
  std::string body = R"({"error":{"message":)";
  append_text(body, failure.message);
  body += R"(,"type":")";
  bool quota = failure.code == "insufficient_quota";
  body += behaviour.vllm_errors ? names.vllm_type : quota ? failure.code : names.openai_type;
  body += R"(","param":null,"code":)";
  if (behaviour.vllm_errors) {
    body += std::to_string(failure.status);
  } else {
    append_code(body, failure.code);
  }
  return body + "}}";
}

std::string anthropic_body(const Failure& failure) {
  std::string body = R"({"type":"error","error":{"type":")";
  body.append(names_of(failure.status).anthropic_type).append(R"(","message":)");
  append_text(body, failure.message);
  return body + R"(},"request_id":"req_sim"})";
}

std::string google_body(const Behaviour& behaviour, const Failure& failure) {
  std::string body = R"({"error":{"code":)" + std::to_string(failure.status) + R"(,"message":)";
  append_text(body, failure.message);
  body.append(R"(,"status":")").append(names_of(failure.status).google_status).append("\"");
  std::string details;
  if (failure.code == "invalid_api_key") {
    details = R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID",)"
              R"("domain":"googleapis.com"})";
  } else if (failure.status == 429) {
    details = R"({"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":)"
              R"("GenerateRequestsPerMinutePerProjectPerModel","quotaValue":"15"}]})";
  }
  if (!behaviour.retry_info.empty()) {
    details += details.empty() ? "" : ",";
    details += R"({"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":)";
    append_text(details, behaviour.retry_info);
    details += '}';
  }
  if (!details.empty()) {
    body += R"(,"details":[)" + details + "]";
  }
  return body + "}}";
}

std::string responses_event(const Failure& failure) {
  std::string body = R"({"type":"error","code":)";
  append_text(body, failure.code.empty() ? "server_error" : failure.code);
  body += R"(,"message":)";
  append_text(body, failure.message);
  return body + R"(,"param":null,"sequence_number":0})";
}

}  // namespace

std::string_view name_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::OpenAi:
    case Protocol::Responses:
      return "openai";
    case Protocol::Anthropic:
      return "anthropic";
    case Protocol::Gemini:
      return "gemini";
    case Protocol::RunPod:
      return "runpod";
  }
  return "";
}

std::string_view reason_of(int status) { return names_of(status).reason; }

std::string error_body(Protocol protocol, const Behaviour& behaviour, const Failure& failure) {
  switch (protocol) {
    case Protocol::OpenAi:
    case Protocol::Responses:
      return openai_body(behaviour, failure);
    case Protocol::Anthropic:
      return anthropic_body(failure);
    case Protocol::Gemini:
      return google_body(behaviour, failure);
    case Protocol::RunPod:
      break;
  }
  std::string body = R"({"error":)";
  append_text(body, failure.message);
  return body + "}";
}

std::string error_event(Protocol protocol, const Behaviour& behaviour, const Failure& failure) {
  return protocol == Protocol::Responses ? responses_event(failure)
                                         : error_body(protocol, behaviour, failure);
}

std::string retry_fields(const Behaviour& behaviour) {
  std::string fields;
  if (!behaviour.retry_after.empty()) {
    fields += "retry-after: " + behaviour.retry_after + "\r\n";
  }
  if (behaviour.retry_date.count() > 0) {
    auto when = std::chrono::ceil<std::chrono::seconds>(std::chrono::system_clock::now() +
                                                        behaviour.retry_date);
    std::time_t seconds = std::chrono::system_clock::to_time_t(when);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 64> text{};
    std::size_t size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    fields.append("retry-after: ").append(text.data(), size).append("\r\n");
  }
  if (!behaviour.retry_after_ms.empty()) {
    fields += "retry-after-ms: " + behaviour.retry_after_ms + "\r\n";
  }
  if (!behaviour.should_retry.empty()) {
    fields += "x-should-retry: " + behaviour.should_retry + "\r\n";
  }
  return fields;
}

Failure simulated_failure(Protocol protocol, const Behaviour& behaviour, std::string_view model) {
  int status = behaviour.status == 200 ? 500 : behaviour.status;
  switch (behaviour.cause) {
    case Cause::Plain:
      break;
    case Cause::ContextLength:
      if (protocol == Protocol::Anthropic) {
        return {status, "", "prompt is too long: 210000 tokens > 200000 maximum"};
      }
      if (protocol == Protocol::Gemini) {
        return {status, "",
                "The input token count (210000) exceeds the maximum number of tokens allowed "
                "(200000)."};
      }
      return {status, "context_length_exceeded",
              "This model's maximum context length is 200000 tokens. However, you requested "
              "210000 tokens."};
    case Cause::ContentPolicy:
      return {status, "content_policy_violation",
              "Your request was rejected as a result of our safety system."};
    case Cause::Quota:
      return {status, "insufficient_quota", "You exceeded your current quota."};
    case Cause::Key:
      return {status, "invalid_api_key", "API key not valid."};
  }
  return {status, names_of(status).openai_code,
          "Simulated error " + std::to_string(status) + " of model '" + std::string(model) + "'."};
}

}  // namespace headgate::sim
