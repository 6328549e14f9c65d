#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"

namespace headgate::upstream {

/// Where a call to an upstream failed. Dispatch decides by it whether another try may help.
enum class FailurePhase : std::uint8_t {
  Dns,               ///< the name did not resolve
  Connect,           ///< refused, unreachable, or the proxy said no
  ConnectTimeout,    ///< no connection (TLS included) within the connect limit
  Tls,               ///< handshake or certificate
  Reset,             ///< the connection broke before a complete response head
  Protocol,          ///< the response broke HTTP's framing rules
  Truncated,         ///< the body ended before its declared end
  FirstByteTimeout,  ///< no response head within the first-byte limit
  IdleTimeout,       ///< silence inside a body, or the server stopped taking ours
  TotalTimeout,      ///< the deadline of the whole exchange passed
};

/// An error of this phase. Timeouts are ErrorKind::Timeout, all others UpstreamFailed; `code` names
/// the phase, `message` is fixed per phase and safe to show, `detail` is for the log.
Error failure(FailurePhase phase, std::string detail);

/// The phase of an error made by failure(), or nothing for any other error.
std::optional<FailurePhase> failure_phase(const Error& error);

}  // namespace headgate::upstream
