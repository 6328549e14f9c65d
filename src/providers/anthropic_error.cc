#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <utility>

#include "base/encoding.h"
#include "providers/anthropic_wire.h"
#include "providers/openai_error.h"

namespace headgate::providers {
namespace {

constexpr std::size_t kMaxMessage = 1000;

struct TypeRow {
  std::string_view type;
  int status;
};

constexpr std::array kTypes = {TypeRow{"invalid_request_error", 400},
                               TypeRow{"authentication_error", 401},
                               TypeRow{"billing_error", 402},
                               TypeRow{"permission_error", 403},
                               TypeRow{"not_found_error", 404},
                               TypeRow{"conflict_error", 409},
                               TypeRow{"request_too_large", 413},
                               TypeRow{"rate_limit_error", 429},
                               TypeRow{"api_error", 500},
                               TypeRow{"timeout_error", 504},
                               TypeRow{"overloaded_error", 529}};

/// How the vendor says, in small letters, that a request does not fit the model's window. There is
/// no code for it.
constexpr std::array<std::string_view, 4> kTooLong = {"prompt is too long", "exceed context limit",
                                                      "exceeds the context", "context window"};
constexpr std::array<std::string_view, 3> kUnwanted = {"content filtering policy", "usage policy",
                                                       "usage policies"};
/// How a message begins that says that the account is used up, with a status that blames the
/// request. Further on it may repeat words of the caller's.
constexpr std::array<std::string_view, 3> kUsedUp = {
    "your credit balance", "you have reached your specified", "your organization has reached"};

struct VendorError {
  std::string type;
  std::string code;
  std::string message;
  std::string request_id;
};

std::string text_of(const JsonView& value) {
  std::string text = value.text().value_or("");
  text.resize(std::min(text.size(), kMaxMessage));
  std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return text;
}

/// `body` may be cut, or no JSON at all.
VendorError parse(std::string_view body) {
  const JsonView root(body);
  const JsonView error = root["error"];
  return {.type = text_of(error["type"]),
          .code = text_of(error["details"]["error_code"]),
          .message = text_of(error["message"]),
          .request_id = text_of(root["request_id"])};
}

template <class Words>
bool says(const Words& words, const VendorError& vendor) {
  const std::string told = ascii_lower(vendor.message);
  return std::ranges::any_of(
      words, [&](std::string_view word) { return told.find(word) != std::string::npos; });
}

bool is_used_up(const VendorError& vendor) {
  const std::string told = ascii_lower(vendor.message);
  return vendor.code.find("spend_limit") != std::string::npos ||
         std::ranges::any_of(kUsedUp,
                             [&](std::string_view word) { return told.starts_with(word); });
}

void blame_caller(Error& error, VendorError vendor, int status) {
  constexpr int kTooLarge = 413;
  error.kind = status == kTooLarge ? ErrorKind::TooLarge : ErrorKind::InvalidRequest;
  if (says(kTooLong, vendor)) {
    error.code = "context_length_exceeded";
  } else if (says(kUnwanted, vendor)) {
    error.code = "content_policy_violation";
  }
  error.message = vendor.message.empty() ? "The model server refused the request as invalid."
                                         : std::move(vendor.message);
}

void blame_account(Error& error) {
  error.kind = ErrorKind::UpstreamFailed;
  error.permanent = true;
  error.message = "The account of the gateway at the model server is used up.";
}

void limit_rate(Error& error, const VendorError& vendor, std::string_view retry_after) {
  error.kind = ErrorKind::RateLimited;
  error.code = "upstream_rate_limited";
  error.message = "The model server limits the rate of requests; please try again later.";
  // This one is not over by waiting, whatever the header says.
  if (vendor.code != "ramp_limit_exceeded") {
    error.retry_after = parse_retry_after(retry_after);
  }
}

}  // namespace

Error decode_anthropic_error(int status, std::string_view retry_after, std::string_view body) {
  VendorError vendor = parse(body);
  Error error;
  error.origin = Origin::Upstream;
  error.kind = ErrorKind::UpstreamFailed;
  error.message = "The model server failed to answer.";
  error.detail = "status " + std::to_string(status);
  for (const std::string* part : {&vendor.type, &vendor.code, &vendor.message}) {
    error.detail.append(part->empty() ? "" : ": ").append(*part);
  }
  error.detail.append(vendor.request_id.empty() ? "" : " (" + vendor.request_id + ")");
  switch (status) {
    case 401:
      error.permanent = true;
      error.message = "The model server refused the gateway's credentials.";
      break;
    case 403:
      error.permanent = true;
      error.message = "The model server does not allow the request.";
      break;
    case 402:
      blame_account(error);
      break;
    case 404:
      error.permanent = true;
      error.message = "The model server does not know the configured model.";
      break;
    case 408:
    case 409:
      break;
    case 429:
      if (is_used_up(vendor)) {
        blame_account(error);
      } else {
        limit_rate(error, vendor, retry_after);
      }
      break;
    case 503:
    case 529:
      error.kind = ErrorKind::Overloaded;
      error.code = "upstream_overloaded";
      error.message = "The model server is overloaded; please try again later.";
      error.retry_after = parse_retry_after(retry_after).value_or(std::chrono::seconds(1));
      break;
    case 504:
      error.kind = ErrorKind::Timeout;
      error.message = "The model server took too long to answer.";
      break;
    default:
      if (status >= 400 && status < 500 && is_used_up(vendor)) {
        blame_account(error);
        error.code = kAccountRefused;
      } else if (status >= 400 && status < 500) {
        blame_caller(error, std::move(vendor), status);
      }
  }
  return error;
}

Error decode_anthropic_error_event(std::string_view data) {
  const VendorError vendor = parse(data);
  const auto* const row = std::ranges::find(kTypes, vendor.type, &TypeRow::type);
  constexpr int kUnknown = 500;
  return decode_anthropic_error(row == kTypes.end() ? kUnknown : row->status, "", data);
}

}  // namespace headgate::providers
