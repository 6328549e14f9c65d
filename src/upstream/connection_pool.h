#pragma once

// The connections of one event loop. Internal to upstream/.

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/buffer_pool.h"
#include "base/count.h"
#include "base/event_loop.h"
#include "upstream/client.h"
#include "upstream/connection.h"

namespace headgate::upstream {

using ConnectionPtr = std::shared_ptr<Connection>;

struct OriginHash {
  std::size_t operator()(const Origin& origin) const {
    return std::hash<std::string>{}(origin.host) * 31 + std::size_t{origin.port} * 2 +
           (origin.scheme == Scheme::Https ? 1U : 0U);
  }
};

/// Whom to reach, and how.
struct Destination {
  const Origin& origin;
  const std::optional<IpAddress>& pinned;  ///< the only address to dial
};

/// Opens connections and keeps those that came to a clean end, newest first.
///
/// An idle connection is not watched: a pending receive would cost each request a system call. A
/// server that closes one is found out by a look before reuse if it has rested, by a sweep every
/// few seconds, or by the retry of the request that meets it.
class ConnectionPool final : private Deadline {
 public:
  ConnectionPool(EventLoop& loop, Resolver& resolver, ClientSettings settings);

  /// An idle connection that is fit for use, or null.
  ConnectionPtr take_idle(const Origin& origin);
  /// A new connection, TLS included. It is held by `cancel` (if given) from the first moment.
  Task<Result<ConnectionPtr>> connect(Destination destination, SteadyTime until,
                                      CancelSource* cancel);
  /// The proxy to which the request itself is addressed (absolute-form), or null.
  const Proxy* forwarding_proxy(const Destination& destination) const;
  /// Keeps the connection for the next exchange, or closes it if it is not fit for one.
  void give_back(const Origin& origin, ConnectionPtr connection);
  void close_idle();
  void trim() { buffers_->trim(); }

  /// As ClientStats.
  struct Stats {
    Count opened;
    Count reused;
    Count retried;
    Count dirty;
    Count surplus_bytes;
    Count idle;
  };
  Stats stats;

 private:
  Task<Result<void>> open(Connection& connection, Destination destination, SteadyTime until,
                          CancelSource* cancel);
  Task<Result<void>> tunnel(Connection& connection, Destination destination, const Proxy& proxy,
                            SteadyTime until);
  void on_deadline() override;

  EventLoop& loop_;
  Resolver& resolver_;
  ClientSettings settings_;
  std::shared_ptr<BufferPool> buffers_ = std::make_shared<BufferPool>();  // see Connection
  asio::ssl::context tls_{asio::ssl::context::tls_client};
  std::unordered_map<Origin, std::vector<ConnectionPtr>, OriginHash> idle_;
};

}  // namespace headgate::upstream
