#pragma once

#include <memory>

#include "base/buffer_pool.h"
#include "base/count.h"
#include "base/event_loop.h"
#include "config/cidr.h"
#include "config/settings.h"
#include "edge/handler.h"
#include "edge/server.h"

namespace headgate::edge {

/// What the server can ask of a connection. Connections of one loop form a list.
class ConnectionBase {
 public:
  ConnectionBase() = default;
  ConnectionBase(const ConnectionBase&) = delete;
  ConnectionBase& operator=(const ConnectionBase&) = delete;
  virtual ~ConnectionBase() = default;

  /// Closes at once if no request is under way, else after its answer.
  virtual void drain() = 0;
  /// Cancels the request under way and closes.
  virtual void abort() = 0;

  ConnectionBase* next = nullptr;
  ConnectionBase* previous = nullptr;
};

/// Settings as connections use them.
struct LiveSettings {
  config::ServerSettings server;
  config::CidrSet trusted_proxies;
};

/// As ServerStats, of one loop.
struct LoopStats {
  Count open_connections;
  Count peak_connections;
  Count accepted;
  Count refused;
  Count in_flight;
};

/// What the connections of one event loop share; used on that loop only.
struct LoopState {
  LoopState(EventLoop& event_loop, const Handler& request_handler)
      : loop(event_loop), handler(request_handler) {}

  EventLoop& loop;
  const Handler& handler;
  LoopStats stats;
  BufferPool buffers;
  /// Shared with the server and the other loops; replaced whole by a reload.
  std::shared_ptr<const LiveSettings> settings;
  ConnectionBase* connections = nullptr;
  bool draining = false;

  void add(ConnectionBase& connection) {
    connection.next = connections;
    if (connections != nullptr) {
      connections->previous = &connection;
    }
    connections = &connection;
  }
  void remove(ConnectionBase& connection) {
    (connection.previous != nullptr ? connection.previous->next : connections) = connection.next;
    if (connection.next != nullptr) {
      connection.next->previous = connection.previous;
    }
  }
};

}  // namespace headgate::edge
