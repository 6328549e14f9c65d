#include "providers/openai_error.h"

#include <algorithm>
#include <array>
#include <string>

#include <boost/json.hpp>

#include "base/encoding.h"

namespace headgate::providers {
namespace {

constexpr std::size_t kMaxMessage = 1000;

/// How servers say that a request does not fit the model's window, in small letters.
constexpr std::array<std::string_view, 9> kTooLong = {"context_length_exceeded",
                                                      "exceed_context_size",
                                                      "maximum context length",
                                                      "max context length",
                                                      "maximum model length",
                                                      "exceeds the context window",
                                                      "exceeds the available context",
                                                      "exceeds the context length",
                                                      "prompt is too long"};
/// How they say that they do not want its content.
constexpr std::array<std::string_view, 7> kUnwanted = {
    "content_policy_violation",  "moderation_blocked", "content policy", "safety system",
    "content management policy", "usage policy",       "usage policies"};
constexpr std::string_view kContextCode = "context_length_exceeded";
constexpr std::string_view kPolicyCode = "content_policy_violation";
constexpr std::string_view kFilterCode = "content_filter";

struct VendorError {
  std::string message;
  std::string type;
  std::string code;
  std::string param;
  int status = 0;  ///< where a number stands for the code
};

std::string text_of(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) {
    return {};
  }
  std::string text(value->get_string());
  text.resize(std::min(text.size(), kMaxMessage));
  std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return text;
}

/// {"error":{message,type,code,param}}, vLLM's older form with the members at the top, or a mere
/// text as `error` or `detail`.
VendorError parse(std::string_view body) {
  boost::system::error_code ec;
  const boost::json::value value = boost::json::parse(body, ec);
  if (ec || !value.is_object()) {
    return {};
  }
  const boost::json::object* object = &value.get_object();
  const std::string bare = text_of(*object, "error");
  const std::string detail = text_of(*object, "detail");
  if (const auto* inner = object->if_contains("error"); inner != nullptr && inner->is_object()) {
    object = &inner->get_object();
  }
  VendorError error = {.message = text_of(*object, "message"),
                       .type = text_of(*object, "type"),
                       .code = text_of(*object, "code"),
                       .param = text_of(*object, "param")};
  if (error.message.empty()) {
    error.message = bare.empty() ? detail : bare;
  }
  if (const auto* code = object->if_contains("code"); code != nullptr && code->is_int64()) {
    error.status = static_cast<int>(std::clamp<std::int64_t>(code->get_int64(), 0, 999));
  }
  return error;
}

/// The code that callers can rely on, whatever the server's words.
void settle_code(VendorError& error, std::string_view body) {
  const std::string told = ascii_lower(error.code + " " + error.type + " " + error.message);
  const auto says = [&](std::string_view words) { return told.find(words) != std::string::npos; };
  // A body that was cut, or is no JSON, may still say it.
  const std::string whole = error.message.empty() ? ascii_lower(body) : std::string();
  const auto body_says = [&](std::string_view words) {
    return whole.find(words) != std::string::npos;
  };
  if (std::ranges::any_of(kTooLong, says) || std::ranges::any_of(kTooLong, body_says)) {
    error.code = kContextCode;
  } else if (error.code != kFilterCode && std::ranges::any_of(kUnwanted, says)) {
    error.code = kPolicyCode;
  }
}

bool is_policy(const VendorError& error) {
  return error.code == kPolicyCode || error.code == kFilterCode;
}

/// The status that an error inside an answer would have had if it says that the caller must change
/// the request; else 0.
int told_status(const VendorError& error) {
  constexpr int kBadRequest = 400;
  constexpr int kTooMany = 429;
  if (error.status >= kBadRequest && error.status <= kTooMany) {
    return error.status;
  }
  const bool is_bad = error.type == "invalid_request_error" || error.type == "BadRequestError" ||
                      error.code == kContextCode || is_policy(error);
  return is_bad ? kBadRequest : 0;
}

ErrorKind caller_fault(int status) {
  switch (status) {
    case 413:
      return ErrorKind::TooLarge;
    case 415:
      return ErrorKind::Unsupported;
    case 422:
      return ErrorKind::Unprocessable;
    default:
      return ErrorKind::InvalidRequest;
  }
}

}  // namespace

Error decode_openai_error(int status, std::string_view retry_after, std::string_view body) {
  VendorError vendor = parse(body);
  settle_code(vendor, body);
  Error error;
  error.origin = Origin::Upstream;
  error.detail =
      "status " + std::to_string(status) + (vendor.message.empty() ? "" : ": " + vendor.message);
  const bool model_unknown = status == 404;
  if (status == 429) {
    error.kind = ErrorKind::RateLimited;
    error.message = "The model server limits the rate of requests; please try again later.";
    error.code = "upstream_rate_limited";
    error.retry_after = parse_retry_after(retry_after);
    if (vendor.code == "insufficient_quota") {
      error.kind = ErrorKind::UpstreamFailed;
      error.permanent = true;
      error.code.clear();
      error.retry_after.reset();
      error.message = "The account of the gateway at the model server is used up.";
    }
    return error;
  }
  if (status == 403 && is_policy(vendor)) {
    error.kind = ErrorKind::Forbidden;
    error.message = "The model server refused the request for its content.";
    error.code = std::move(vendor.code);
    return error;
  }
  if (status >= 400 && status < 500 && status != 401 && status != 402 && status != 403 &&
      status != 408 && !model_unknown) {
    error.kind = caller_fault(status);
    error.message = vendor.message.empty() ? "The model server refused the request as invalid."
                                           : std::move(vendor.message);
    error.code = std::move(vendor.code);
    error.param = std::move(vendor.param);
    return error;
  }
  if (status == 503) {
    error.kind = ErrorKind::Overloaded;
    error.code = "upstream_overloaded";
    error.message = "The model server is overloaded or starting; please try again later.";
    error.retry_after = parse_retry_after(retry_after).value_or(std::chrono::seconds(1));
    return error;
  }
  error.kind = ErrorKind::UpstreamFailed;
  error.permanent = status == 401 || status == 402 || status == 403 || model_unknown;
  error.message = status == 401   ? "The model server refused the gateway's credentials."
                  : status == 403 ? "The model server does not allow the request."
                  : model_unknown ? "The model server does not know the configured model."
                                  : "The model server failed to answer.";
  return error;
}

Error decode_openai_error_event(std::string_view data) {
  VendorError vendor = parse(data);
  settle_code(vendor, data);
  if (const int status = told_status(vendor); status != 0) {
    return decode_openai_error(status, "", data);
  }
  constexpr std::size_t kMaxDetail = 500;
  return upstream_failed("The model server reported an error while answering.",
                         vendor.message.empty()
                             ? "error event"
                             : "error event: " + vendor.message.substr(0, kMaxDetail));
}

}  // namespace headgate::providers
