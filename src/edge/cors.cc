#include "edge/cors.h"

#include <algorithm>

namespace headgate::edge {
namespace {

/// The request's Origin if the configuration allows it.
std::optional<std::string_view> allowed_origin(const Request& request,
                                               const config::ServerSettings& settings) {
  if (settings.cors_allow_origins.empty()) {
    return std::nullopt;
  }
  const auto origin = request.field("origin");
  return origin && is_allowed_origin(*origin, settings) ? origin : std::nullopt;
}

}  // namespace

bool is_allowed_origin(std::string_view origin, const config::ServerSettings& settings) {
  return std::ranges::any_of(settings.cors_allow_origins, [&](const std::string& entry) {
    return entry == "*" || entry == origin;
  });
}

std::string cors_fields(const Request& request, const config::ServerSettings& settings) {
  const auto origin = allowed_origin(request, settings);
  if (!origin) {
    return {};
  }
  std::string fields = "Access-Control-Allow-Origin: ";
  fields.append(*origin).append("\r\nVary: Origin\r\n");
  if (settings.cors_allow_credentials) {
    fields.append("Access-Control-Allow-Credentials: true\r\n");
  }
  // Spelled out, because a browser takes no "*" here when credentials are allowed.
  fields.append(
      "Access-Control-Expose-Headers: x-request-id, server-timing, retry-after, retry-after-ms, "
      "location, x-headgate-model, x-headgate-provider, x-headgate-attempts, x-headgate-cache, "
      "x-headgate-cost, x-ratelimit-limit-requests, x-ratelimit-remaining-requests, "
      "x-ratelimit-reset-requests\r\n");
  return fields;
}

std::optional<Response> cors_preflight(const Request& request,
                                       const config::ServerSettings& settings) {
  if (request.method != Method::Options || !request.field("access-control-request-method") ||
      !allowed_origin(request, settings)) {
    return std::nullopt;
  }
  Response response;
  response.status = 204;
  response.add_field("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE");
  response.add_field("Access-Control-Allow-Headers",
                     request.field("access-control-request-headers").value_or("*"));
  response.add_field("Access-Control-Max-Age", "600");
  return response;
}

}  // namespace headgate::edge
