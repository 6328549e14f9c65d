#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "config/settings.h"
#include "edge/head_parser.h"

namespace headgate::edge {

/// Why a request cannot become a WebSocket.
struct UpgradeRefusal {
  Error error;
  int status = 400;    ///< instead of the error's own
  std::string fields;  ///< header lines that say what would be taken
};

/// Sec-WebSocket-Accept for a key (RFC 6455 §4.2.2).
std::string websocket_accept(std::string_view key);

/// Checks that a request is a WebSocket handshake (RFC 6455 §4.2.1) from an origin that is let in:
/// none, the request's own host, or one of server.cors.allow_origins (a browser does not apply CORS
/// to WebSockets). Returns the value of Sec-WebSocket-Accept.
std::expected<std::string, UpgradeRefusal> check_upgrade(const Head& head,
                                                         const config::ServerSettings& settings);

}  // namespace headgate::edge
