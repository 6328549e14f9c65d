#pragma once

#include <csignal>
#include <cstdint>
#include <memory>
#include <optional>
#include <queue>
#include <span>
#include <string>
#include <vector>

#include <sys/epoll.h>

#include "sim/connection.h"
#include "sim/options.h"
#include "sim/transport.h"

namespace headgate::sim {

/// The event loop: one thread, one epoll set, one heap of timers.
class Server {
 public:
  /// `options` outlives the server. `tls` may be null.
  Server(const Options& options, TlsContext tls);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  /// Binds 127.0.0.1. The error, if any.
  std::optional<std::string> listen();
  std::uint16_t port() const { return port_; }
  /// Serves until `stop` is not zero, which a signal handler sets, or --exit-after is over.
  void run(const volatile std::sig_atomic_t& stop);

 private:
  /// A connection and what epoll and the timers know of it; its place in clients_ is its socket.
  struct Client {
    std::unique_ptr<Connection> connection;
    std::uint32_t generation = 0;  // events and timers of an earlier owner of the socket are stale
    std::uint32_t interest = 0;
    std::optional<SteadyTime> wake_at;
  };
  struct Timer {
    SteadyTime when;
    int socket;
    std::uint32_t generation;
    bool operator>(const Timer& other) const { return when > other.when; }
  };

  void accept_clients();
  void settle(int socket);
  void fire_timers();
  int wait(std::span<epoll_event> events);

  const Options& options_;
  TlsContext tls_;
  Shared shared_;
  int listener_ = -1;
  int epoll_ = -1;
  std::uint16_t port_ = 0;
  bool accept_paused_ = false;  // out of descriptors: until a connection closes
  std::vector<Client> clients_;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  SteadyTime end_at_ = SteadyTime::max();
};

}  // namespace headgate::sim
