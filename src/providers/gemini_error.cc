#include "providers/gemini_error.h"

#include <algorithm>
#include <optional>
#include <string>

#include <simdjson.h>

#include "providers/retry_after.h"

namespace headgate::providers {
namespace {

constexpr std::size_t kMaxMessage = 1000;

struct VendorError {
  std::string message;
  std::string status;                                    ///< e.g. RESOURCE_EXHAUSTED
  std::string reason;                                    ///< of ErrorInfo, e.g. API_KEY_INVALID
  std::optional<std::chrono::milliseconds> retry_delay;  ///< of RetryInfo
};

std::string text_of(simdjson::dom::element object, std::string_view name) {
  std::string_view value;
  if (object[name].get(value) != simdjson::SUCCESS) {
    return {};
  }
  std::string text(value.substr(0, kMaxMessage));
  std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return text;
}

void read_detail(simdjson::dom::element detail, VendorError& error) {
  std::string_view type;
  if (detail["@type"].get(type) != simdjson::SUCCESS) {
    return;
  }
  if (type.ends_with("google.rpc.ErrorInfo")) {
    error.reason = text_of(detail, "reason");
  } else if (type.ends_with("google.rpc.RetryInfo")) {
    const std::string delay = text_of(detail, "retryDelay");
    if (delay.ends_with('s')) {
      error.retry_delay = parse_retry_after(std::string_view(delay).substr(0, delay.size() - 1));
    }
  }
}

VendorError parse(std::string_view body) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS) {
    return {};
  }
  simdjson::dom::array wrapped;
  simdjson::dom::element first;
  if (root.get(wrapped) == simdjson::SUCCESS && wrapped.at(0).get(first) == simdjson::SUCCESS) {
    root = first;
  }
  simdjson::dom::element inner;
  if (root["error"].get(inner) != simdjson::SUCCESS || !inner.is_object()) {
    return {};
  }
  VendorError error{.message = text_of(inner, "message"),
                    .status = text_of(inner, "status"),
                    .reason = {},
                    .retry_delay = {}};
  simdjson::dom::array details;
  if (inner["details"].get(details) == simdjson::SUCCESS) {
    for (const simdjson::dom::element detail : details) {
      read_detail(detail, error);
    }
  }
  return error;
}

bool mentions(const std::string& text, std::string_view words) {
  return text.find(words) != std::string::npos;
}

/// By codes, or by how a message begins: further on it may repeat words of the caller's.
bool is_key_refused(int status, const VendorError& vendor) {
  return status == 401 || vendor.status == "UNAUTHENTICATED" ||
         vendor.reason.starts_with("API_KEY_") || vendor.message.starts_with("API key not valid") ||
         vendor.message.starts_with("API key expired");
}

bool is_forbidden(int status, const VendorError& vendor) {
  return status == 403 || vendor.status == "PERMISSION_DENIED";
}

bool is_too_long(const VendorError& vendor) {
  return mentions(vendor.message, "input context too long") ||
         mentions(vendor.message, "input context is too long") ||
         (mentions(vendor.message, "token count") &&
          mentions(vendor.message, "exceeds the maximum number of tokens"));
}

/// The caller must change the request.
Error callers_fault(ErrorKind kind, std::string message, std::string code) {
  Error error;
  error.kind = kind;
  error.origin = Origin::Upstream;
  error.message =
      message.empty() ? "The model server refused the request as invalid." : std::move(message);
  error.code = std::move(code);
  return error;
}

Error permanent_failure(std::string message) {
  Error error = upstream_failed(std::move(message));
  error.permanent = true;
  return error;
}

Error classify(int status, std::string_view header, const VendorError& vendor) {
  if (is_key_refused(status, vendor)) {
    Error error = permanent_failure("The model server refused the gateway's credentials.");
    error.code = status == 401 ? "" : kAccountRefused;
    return error;
  }
  if (is_forbidden(status, vendor)) {
    return permanent_failure("The model server does not allow the request.");
  }
  if (status == 400 && vendor.status == "FAILED_PRECONDITION") {
    return permanent_failure("The account of the gateway at the model server may not do this.");
  }
  if (is_too_long(vendor)) {
    return callers_fault(ErrorKind::InvalidRequest, vendor.message, "context_length_exceeded");
  }
  const auto told_wait = vendor.retry_delay ? vendor.retry_delay : parse_retry_after(header);
  switch (status) {
    case 402:
      return permanent_failure("The account of the gateway at the model server is used up.");
    case 404: {
      Error error = callers_fault(ErrorKind::NotFound, "The model server does not know the model.",
                                  "model_not_found");
      error.permanent = true;
      return error;
    }
    case 408:
    case 499:
      return upstream_failed("The model server failed to answer.");
    case 413:
      return callers_fault(ErrorKind::TooLarge, "The request is too large for the model server.",
                           {});
    case 429: {
      Error error =
          callers_fault(ErrorKind::RateLimited,
                        "The model server limits the rate of requests; please try again later.",
                        "upstream_rate_limited");
      error.retry_after = told_wait;
      return error;
    }
    case 503: {
      Error error =
          callers_fault(ErrorKind::Overloaded,
                        "The model server is overloaded or starting; please try again later.",
                        "upstream_overloaded");
      error.retry_after = told_wait.value_or(std::chrono::seconds(1));
      return error;
    }
    case 504:
      return timed_out("The model server took too long to answer.");
    default:
      break;
  }
  if (status >= 400 && status < 500) {
    return callers_fault(ErrorKind::InvalidRequest, vendor.message, {});
  }
  return upstream_failed("The model server failed to answer.");
}

}  // namespace

Error decode_gemini_error(int status, std::string_view retry_after, std::string_view body) {
  const VendorError vendor = parse(body);
  Error error = classify(status, retry_after, vendor);
  error.detail = "status " + std::to_string(status);
  for (const std::string& word : {vendor.status, vendor.reason}) {
    error.detail.append(word.empty() ? "" : " ").append(word);
  }
  // About a refused key the message names the key.
  if (!is_key_refused(status, vendor) && !is_forbidden(status, vendor) && !vendor.message.empty()) {
    error.detail.append(": ").append(vendor.message);
  }
  return error;
}

}  // namespace headgate::providers
