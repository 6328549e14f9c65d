#pragma once

// The connections of one event loop. Internal to upstream/.

#include <memory>
#include <unordered_map>
#include <vector>

#include "base/buffer_pool.h"
#include "base/event_loop.h"
#include "upstream/client.h"
#include "upstream/connection.h"

namespace headgate::upstream {

using ConnectionPtr = std::shared_ptr<Connection>;

struct OriginHash {
  std::size_t operator()(const Origin& origin) const {
    return std::hash<std::string>{}(origin.host) * 31 + origin.port * 2U +
           (origin.scheme == Scheme::Https ? 1U : 0U);
  }
};

/// Opens connections and keeps those that came to a clean end, newest first.
class ConnectionPool final {
 public:
  ConnectionPool(EventLoop& loop, Resolver& resolver, ClientSettings settings);

  /// An idle connection that is fit for use, or null.
  ConnectionPtr take_idle(const Origin& origin);
  /// A new connection, TLS included. It is held by `cancel` (if given) from the first moment.
  Task<Result<ConnectionPtr>> connect(const Origin& origin, SteadyTime until, CancelSource* cancel);
  /// Keeps the connection for the next exchange, or closes it if it is not fit for one.
  void give_back(const Origin& origin, ConnectionPtr connection);
  void close_idle();

  ClientStats stats;

 private:
  EventLoop& loop_;
  Resolver& resolver_;
  ClientSettings settings_;
  BufferPool buffers_;
  asio::ssl::context tls_{asio::ssl::context::tls_client};
  std::unordered_map<Origin, std::vector<ConnectionPtr>, OriginHash> idle_;
};

}  // namespace headgate::upstream
