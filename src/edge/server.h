#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"
#include "config/settings.h"
#include "edge/handler.h"

namespace headgate::edge {

/// Figures of all event loops together.
struct ServerStats {
  std::uint64_t open_connections = 0;
  std::uint64_t peak_connections = 0;  ///< most that were open at once since the last trim()
  std::uint64_t accepted = 0;          ///< since the start
  std::uint64_t refused = 0;           ///< of those, over the connection limit
  std::uint64_t in_flight = 0;         ///< requests being answered
};

/// How a drain ended.
enum class Drained : std::uint8_t {
  Clean,  ///< every request has ended
  Cut,    ///< the rest was cut
  Left,   ///< some did not end even then: they still use the server, which must not be destroyed
};

/// The HTTP/1.1 server: one listener per event loop and address (SO_REUSEPORT), connections stay on
/// the loop that accepted them. The loops are run by the owner and outlive the server.
class Server final {
 public:
  Server(const Handler& handler, std::span<EventLoop* const> loops);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Binds all addresses of `settings` and loads its certificates, then accepts as soon as the
  /// loops run. Before the loops run, once. Fails with the address and the reason.
  Result<void> listen(const config::ServerSettings& settings);
  /// "host:port" of every bound address, with the port the system chose for port 0.
  const std::vector<std::string>& addresses() const;

  /// Replaces limits, timeouts, CORS, proxies and certificates for connections and requests from
  /// now on. Listen addresses stay. Any thread; fails (and changes nothing) if a certificate cannot
  /// be loaded.
  Result<void> apply(const config::ServerSettings& settings);
  /// Loads the certificates again if their files changed. Any thread.
  Result<void> reload_certificates_if_changed();

  /// How long connections that are cut may take to end.
  static constexpr std::chrono::seconds kCutTime{5};
  /// Stops accepting, closes idle connections and lets requests end. Those that have not after
  /// `grace` are cut, and given up after `cut_time`, which is logged. Blocks; call from a thread
  /// that runs no loop, once.
  Drained drain(std::chrono::milliseconds grace, std::chrono::milliseconds cut_time = kCutTime);

  /// Frees receive buffers and recycled memory that are not in use, soon. Any thread.
  void trim();

  /// Any thread.
  ServerStats stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headgate::edge
