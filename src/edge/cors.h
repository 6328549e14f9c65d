#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/settings.h"
#include "edge/handler.h"

namespace headgate::edge {

/// The answer to a CORS preflight request from an allowed origin (Fetch standard), else nullopt.
std::optional<Response> cors_preflight(const Request& request,
                                       const config::ServerSettings& settings);

/// Whether server.cors.allow_origins lists `origin`, or any.
bool is_allowed_origin(std::string_view origin, const config::ServerSettings& settings);

/// Header lines that let an allowed origin read the answer; empty for other requests.
std::string cors_fields(const Request& request, const config::ServerSettings& settings);

}  // namespace headgate::edge
