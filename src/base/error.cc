#include "base/error.h"

#include <array>
#include <utility>

namespace headgate {
namespace {

struct Row {
  ErrorKind kind;
  int status;
  std::string_view type;
  std::string_view code;
};

constexpr std::string_view kInvalid = "invalid_request_error";

constexpr std::array kTable = {
    Row{ErrorKind::InvalidRequest, 400, kInvalid, "invalid_request"},
    Row{ErrorKind::Unauthenticated, 401, "authentication_error", "invalid_api_key"},
    Row{ErrorKind::BudgetSpent, 402, "insufficient_quota", "insufficient_quota"},
    Row{ErrorKind::Forbidden, 403, "permission_error", "permission_denied"},
    Row{ErrorKind::NotFound, 404, "not_found_error", "not_found"},
    Row{ErrorKind::MethodNotAllowed, 405, kInvalid, "method_not_allowed"},
    Row{ErrorKind::RequestTimeout, 408, kInvalid, "request_timeout"},
    Row{ErrorKind::Conflict, 409, kInvalid, "conflict"},
    Row{ErrorKind::LengthRequired, 411, kInvalid, "length_required"},
    Row{ErrorKind::TooLarge, 413, kInvalid, "request_too_large"},
    Row{ErrorKind::UriTooLong, 414, kInvalid, "uri_too_long"},
    Row{ErrorKind::Unsupported, 415, kInvalid, "unsupported_content_type"},
    Row{ErrorKind::ExpectationFailed, 417, kInvalid, "expectation_failed"},
    Row{ErrorKind::Unprocessable, 422, kInvalid, "unprocessable"},
    Row{ErrorKind::RateLimited, 429, "rate_limit_error", "rate_limit_exceeded"},
    Row{ErrorKind::HeaderTooLarge, 431, kInvalid, "header_too_large"},
    Row{ErrorKind::ClientLeft, 499, kInvalid, "client_closed_request"},
    Row{ErrorKind::Internal, 500, "server_error", "internal_error"},
    Row{ErrorKind::NotImplemented, 501, kInvalid, "not_implemented"},
    Row{ErrorKind::UpstreamFailed, 502, "upstream_error", "upstream_error"},
    Row{ErrorKind::Overloaded, 503, "overloaded_error", "queue_full"},
    Row{ErrorKind::Timeout, 504, "timeout_error", "timeout"},
    Row{ErrorKind::VersionUnsupported, 505, kInvalid, "http_version_not_supported"},
};

constexpr bool rows_are_in_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].kind) != i) {
      return false;
    }
  }
  return true;
}
static_assert(rows_are_in_order(), "the table is indexed by ErrorKind");

const Row& row(ErrorKind kind) { return kTable[static_cast<std::size_t>(kind)]; }

Error make(ErrorKind kind, Origin origin, std::string message) {
  Error error;
  error.kind = kind;
  error.origin = origin;
  error.message = std::move(message);
  return error;
}

}  // namespace

int http_status(ErrorKind kind) { return row(kind).status; }
std::string_view wire_type(ErrorKind kind) { return row(kind).type; }
std::string_view default_code(ErrorKind kind) { return row(kind).code; }

std::string_view wire_code(const Error& error) {
  return error.code.empty() ? default_code(error.kind) : std::string_view(error.code);
}

Error invalid_request(std::string message, std::string param) {
  Error error = make(ErrorKind::InvalidRequest, Origin::Client, std::move(message));
  error.param = std::move(param);
  return error;
}

Error unauthenticated(std::string message) {
  return make(ErrorKind::Unauthenticated, Origin::Client, std::move(message));
}

Error forbidden(std::string message) {
  return make(ErrorKind::Forbidden, Origin::Client, std::move(message));
}

Error not_found(std::string message, std::string code) {
  Error error = make(ErrorKind::NotFound, Origin::Client, std::move(message));
  error.code = std::move(code);
  return error;
}

Error too_large(std::string message) {
  return make(ErrorKind::TooLarge, Origin::Client, std::move(message));
}

Error overloaded(std::string message, std::chrono::milliseconds retry_after) {
  Error error = make(ErrorKind::Overloaded, Origin::Gateway, std::move(message));
  error.retry_after = retry_after;
  return error;
}

Error timed_out(std::string message) {
  return make(ErrorKind::Timeout, Origin::Upstream, std::move(message));
}

Error upstream_failed(std::string message, std::string detail) {
  Error error = make(ErrorKind::UpstreamFailed, Origin::Upstream, std::move(message));
  error.detail = std::move(detail);
  return error;
}

Error internal_error(std::string detail) {
  Error error = make(ErrorKind::Internal, Origin::Gateway,
                     "The gateway failed to handle this request; the log has the cause.");
  error.detail = std::move(detail);
  return error;
}

Error client_left() {
  return make(ErrorKind::ClientLeft, Origin::Client, "The client closed the connection.");
}

}  // namespace headgate
