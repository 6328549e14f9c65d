#include "api/error_event.h"

#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include <boost/json.hpp>

namespace headgate::api {
namespace {

/// Kinds with a type of their own first: of those that share one, the code decides.
constexpr std::array kKinds = {
    ErrorKind::Unauthenticated, ErrorKind::BudgetSpent,    ErrorKind::Forbidden,
    ErrorKind::NotFound,        ErrorKind::RateLimited,    ErrorKind::UpstreamFailed,
    ErrorKind::Overloaded,      ErrorKind::Timeout,        ErrorKind::RequestTimeout,
    ErrorKind::Conflict,        ErrorKind::TooLarge,       ErrorKind::Unsupported,
    ErrorKind::Unprocessable,   ErrorKind::NotImplemented, ErrorKind::VersionUnsupported,
};

/// Types that model servers use and we do not.
struct ForeignType {
  std::string_view type;
  ErrorKind kind;
};
constexpr std::array kForeign = {
    ForeignType{"BadRequestError", ErrorKind::InvalidRequest},
    ForeignType{"invalid_request", ErrorKind::InvalidRequest},
    ForeignType{"NotFoundError", ErrorKind::NotFound},
    ForeignType{"PermissionDeniedError", ErrorKind::Forbidden},
    ForeignType{"AuthenticationError", ErrorKind::Unauthenticated},
    ForeignType{"UnprocessableEntityError", ErrorKind::Unprocessable},
    ForeignType{"request_too_large", ErrorKind::TooLarge},
};

/// A status that stands where a code is expected.
std::optional<ErrorKind> kind_of_status(std::int64_t status) {
  if (status < 400 || status > 499 || status == http_status(ErrorKind::RequestTimeout)) {
    return std::nullopt;
  }
  for (const ErrorKind kind : kKinds) {
    if (http_status(kind) == status) {
      return kind;
    }
  }
  return ErrorKind::InvalidRequest;
}

ErrorKind kind_of(std::string_view type, std::string_view code) {
  const std::string_view shared = wire_type(ErrorKind::InvalidRequest);
  for (const ErrorKind kind : kKinds) {
    if (type == wire_type(kind) && (type != shared || code == default_code(kind))) {
      return kind;
    }
  }
  if (type == shared) {
    return ErrorKind::InvalidRequest;
  }
  for (const ForeignType& foreign : kForeign) {
    if (type == foreign.type) {
      return foreign.kind;
    }
  }
  return ErrorKind::UpstreamFailed;
}

std::string text_of(const boost::json::object& object, std::string_view name) {
  const boost::json::value* member = object.if_contains(name);
  return member != nullptr && member->is_string() ? std::string(member->get_string())
                                                  : std::string();
}

std::optional<std::int64_t> number_of(const boost::json::object& object, std::string_view name) {
  const boost::json::value* member = object.if_contains(name);
  return member != nullptr && member->is_int64() ? std::optional(member->get_int64())
                                                 : std::nullopt;
}

}  // namespace

std::optional<Error> error_in(std::string_view data) {
  if (data.find("\"error\"") == std::string_view::npos) {
    return std::nullopt;  // cheaper than to read every delta
  }
  boost::system::error_code ec;
  const boost::json::value parsed = boost::json::parse(data, ec);
  if (ec || !parsed.is_object()) {
    return data.starts_with("{\"error\"")
               ? std::optional(upstream_failed("The model server's answer broke off."))
               : std::nullopt;
  }
  const boost::json::value* told = parsed.get_object().if_contains("error");
  if (told == nullptr || told->is_null()) {
    return std::nullopt;
  }
  Error error = upstream_failed("The model server's answer broke off.");
  if (!told->is_object()) {
    return error;
  }
  const boost::json::object& inner = told->get_object();
  if (std::string message = text_of(inner, "message"); !message.empty()) {
    error.message = std::move(message);
  }
  error.code = text_of(inner, "code");
  error.param = text_of(inner, "param");
  error.kind = kind_of(text_of(inner, "type"), error.code);
  if (const auto status = number_of(inner, "code")) {
    error.kind = kind_of_status(*status).value_or(error.kind);
  }
  return error;
}

}  // namespace headgate::api
