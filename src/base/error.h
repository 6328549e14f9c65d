#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace headgate {

/// What went wrong, as the caller sees it: a closed list. The table in error.cc gives each kind its
/// HTTP status, wire type, default code and log level; nothing else decides those.
enum class ErrorKind : std::uint8_t {
  InvalidRequest,      ///< the client must change the request
  Unauthenticated,     ///< no or bad credentials
  BudgetSpent,         ///< the key's budget is used up
  Forbidden,           ///< scope, allow-list or policy
  NotFound,            ///< unknown route, model or job
  MethodNotAllowed,    ///< the route exists, not with this method
  RequestTimeout,      ///< the client sent its head or body too slowly
  Conflict,            ///< an idempotent request is still running, or a name is taken
  LengthRequired,      ///< a body without a length where one is needed
  TooLarge,            ///< body, file, page or pixel limit
  UriTooLong,          ///< request line over its limit
  Unsupported,         ///< content type or coding we do not take
  ExpectationFailed,   ///< an Expect other than 100-continue
  Unprocessable,       ///< well formed but impossible
  RateLimited,         ///< our limit or the vendor's
  HeaderTooLarge,      ///< header section over its limits
  ClientLeft,          ///< logs only: the client closed first
  Internal,            ///< our bug, or a store is down
  NotImplemented,      ///< a transfer coding we do not know
  UpstreamFailed,      ///< the vendor answered, but not usefully
  Overloaded,          ///< queue full, draining, model stopped
  Timeout,             ///< the time budget is spent
  VersionUnsupported,  ///< not HTTP/1.0 or HTTP/1.1
};

enum class Origin : std::uint8_t { Client, Gateway, Upstream };

/// An expected failure. `message` is for the caller, `detail` for the log.
struct Error {
  ErrorKind kind = ErrorKind::Internal;
  Origin origin = Origin::Gateway;
  std::string message;       ///< shown to the client: no secrets, no vendor bodies
  std::string detail;        ///< log only
  std::string code;          ///< wire code; empty: the kind's default
  std::string param;         ///< the field at fault, or empty
  std::string details_json;  ///< a JSON object for `error.details`, or empty
  std::optional<std::chrono::milliseconds> retry_after;  ///< unset: do not retry
  bool permanent = false;  ///< fails the same way until somebody changes the configuration
};

/// Wire codes that say more of an upstream failure: the vendor refuses the gateway's account with a
/// status that blames the request; the server is well, but what the model made cannot be used.
inline constexpr const char* kAccountRefused = "upstream_account_refused";
inline constexpr const char* kUnusableAnswer = "upstream_unusable_answer";

/// HTTP status of a kind (499 for ClientLeft, which is never sent).
int http_status(ErrorKind kind);
/// `error.type` on the wire, e.g. "invalid_request_error".
std::string_view wire_type(ErrorKind kind);
/// `error.code` on the wire when the error names none, e.g. "invalid_api_key".
std::string_view default_code(ErrorKind kind);
/// The error's own code or its kind's default.
std::string_view wire_code(const Error& error);

Error invalid_request(std::string message, std::string param = {});
Error unauthenticated(std::string message);
Error forbidden(std::string message);
Error not_found(std::string message, std::string code = {});
Error too_large(std::string message);
Error overloaded(std::string message, std::chrono::milliseconds retry_after);
Error timed_out(std::string message);
Error upstream_failed(std::string message, std::string detail = {});
Error internal_error(std::string detail);
Error client_left();

}  // namespace headgate
