#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/config_endpoints.h"
#include "base/result.h"
#include "config/load.h"
#include "config/settings.h"

namespace headgate::app {

/// The whole program behind `headgate serve`: builds every part, passes references down, runs the
/// event loops. The only place that names concrete classes.
class Gateway final {
 public:
  /// Reads the configuration again, for a reload. Any thread; may block.
  using ConfigSource = std::function<Result<config::LoadedConfig>()>;

  Gateway(config::Settings settings, ConfigSource source);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  /// Opens the stores, binds the addresses and starts the loops. Fails with the option at fault.
  Result<void> start();
  /// "host:port" of every listener.
  const std::vector<std::string>& addresses() const;
  /// Has the configuration read again and put into force as far as that is possible while running;
  /// the log says what came of it. Does not wait for that, which the disk may hold up.
  void reload();
  /// Looks after what changes outside: certificates, keys made by the command line. Call each
  /// second.
  void refresh();
  enum class Stopped : std::uint8_t {
    Clean,  ///< every request has ended
    Cut,    ///< the rest was cut after server.shutdown_grace
    Stuck,  ///< something did not end even so: the process must, without destroying the Gateway
  };
  /// Says not ready, stops accepting, lets requests end within server.shutdown_grace, stops all
  /// parts. Takes at most that and half a minute.
  Stopped stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headgate::app
