#include "providers/openai_error.h"

#include <algorithm>
#include <string>

#include <boost/json.hpp>

namespace headgate::providers {
namespace {

constexpr std::size_t kMaxMessage = 1000;

struct VendorError {
  std::string message;
  std::string code;
  std::string param;
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

/// {"error":{message,code,param}}, or vLLM's older form with the members at the top.
VendorError parse(std::string_view body) {
  boost::system::error_code ec;
  const boost::json::value value = boost::json::parse(body, ec);
  if (ec || !value.is_object()) {
    return {};
  }
  const boost::json::object* object = &value.get_object();
  if (const auto* inner = object->if_contains("error"); inner != nullptr && inner->is_object()) {
    object = &inner->get_object();
  }
  return {.message = text_of(*object, "message"),
          .code = text_of(*object, "code"),
          .param = text_of(*object, "param")};
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
      error.message = "The account of the gateway at the model server is used up.";
    }
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
  error.message = status == 401 || status == 403
                      ? "The model server refused the gateway's credentials."
                  : model_unknown ? "The model server does not know the configured model."
                                  : "The model server failed to answer.";
  return error;
}

}  // namespace headgate::providers
