#include "sim/server.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace headgate::sim {
namespace {

constexpr int kEventsAtOnce = 256;
constexpr int kBacklog = 4096;
/// The loop looks at `stop` at least this often.
constexpr std::chrono::milliseconds kMaxWait{500};

std::uint64_t tag_of(int socket, std::uint32_t generation) {
  return (static_cast<std::uint64_t>(generation) << 32) | static_cast<std::uint32_t>(socket);
}

}  // namespace

Server::Server(const Options& options, TlsContext tls)
    : options_(options), tls_(std::move(tls)), shared_(options) {}

Server::~Server() {
  clients_.clear();
  for (int descriptor : {listener_, epoll_}) {
    if (descriptor >= 0) {
      ::close(descriptor);
    }
  }
}

std::optional<std::string> Server::listen() {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int on = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options_.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  epoll_event event{.events = EPOLLIN, .data = {.u64 = tag_of(listener_, 0)}};
  if (epoll_ < 0 || listener_ < 0 || ::bind(listener_, plain, size) != 0 ||
      ::listen(listener_, kBacklog) != 0 || ::getsockname(listener_, plain, &size) != 0 ||
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event) != 0) {
    return "cannot listen on 127.0.0.1:" + std::to_string(options_.port) + ": " +
           std::strerror(errno);
  }
  port_ = ntohs(address.sin_port);
  return std::nullopt;
}

void Server::run(const volatile std::sig_atomic_t& stop) {
  std::array<epoll_event, kEventsAtOnce> events{};
  shared_.now = std::chrono::steady_clock::now();
  if (options_.exit_after.count() > 0) {
    end_at_ = shared_.now + options_.exit_after;
  }
  while (stop == 0 && shared_.now < end_at_) {
    int count = wait(events);
    shared_.now = std::chrono::steady_clock::now();
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      auto socket = static_cast<int>(event.data.u64 & 0xffffffffU);
      if (socket == listener_) {
        accept_clients();
        continue;
      }
      Client& client = clients_[static_cast<std::size_t>(socket)];
      if (client.connection && client.generation == event.data.u64 >> 32) {
        client.connection->on_events(event.events);
        settle(socket);
      }
    }
    fire_timers();
  }
}

int Server::wait(std::span<epoll_event> events) {
  std::chrono::nanoseconds limit = kMaxWait;
  if (!timers_.empty()) {
    std::chrono::nanoseconds left = timers_.top().when - std::chrono::steady_clock::now();
    limit = std::clamp(left, std::chrono::nanoseconds(0), limit);
  }
  int count = static_cast<int>(events.size());
  timespec time{.tv_sec = 0, .tv_nsec = limit.count()};
  int ready = ::epoll_pwait2(epoll_, events.data(), count, &time, nullptr);
  if (ready < 0 && errno == ENOSYS) {
    auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
    ready = ::epoll_wait(epoll_, events.data(), count, static_cast<int>(milliseconds));
  }
  return ready;
}

void Server::accept_clients() {
  for (;;) {
    int socket = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) {
      if (errno == EMFILE || errno == ENFILE) {
        ::epoll_ctl(epoll_, EPOLL_CTL_DEL, listener_, nullptr);
        accept_paused_ = true;
      }
      return;
    }
    int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (static_cast<std::size_t>(socket) >= clients_.size()) {
      clients_.resize(static_cast<std::size_t>(socket) * 2);
    }
    ++shared_.stats.open_connections;
    std::uint64_t number = ++shared_.stats.accepted_connections;
    Client& client = clients_[static_cast<std::size_t>(socket)];
    client.connection = std::make_unique<Connection>(socket, tls_.get(), number, shared_);
    client.wake_at.reset();
    client.interest = client.connection->interest();
    epoll_event event{.events = client.interest,
                      .data = {.u64 = tag_of(socket, ++client.generation)}};
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event);
  }
}

/// Brings epoll and the timers up to what the connection wants now.
void Server::settle(int socket) {
  Client& client = clients_[static_cast<std::size_t>(socket)];
  if (client.connection->finished()) {
    client.connection.reset();
    --shared_.stats.open_connections;
    if (accept_paused_) {
      epoll_event event{.events = EPOLLIN, .data = {.u64 = tag_of(listener_, 0)}};
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event);
      accept_paused_ = false;
    }
    return;
  }
  if (std::uint32_t interest = client.connection->interest(); interest != client.interest) {
    client.interest = interest;
    epoll_event event{.events = interest, .data = {.u64 = tag_of(socket, client.generation)}};
    ::epoll_ctl(epoll_, EPOLL_CTL_MOD, socket, &event);
  }
  if (client.wake_at != client.connection->wake_at()) {
    client.wake_at = client.connection->wake_at();
    if (client.wake_at) {
      timers_.push({.when = *client.wake_at, .socket = socket, .generation = client.generation});
    }
  }
}

/// One pass: what becomes due meanwhile waits for the next turn, after the sockets had theirs.
void Server::fire_timers() {
  if (timers_.empty()) {
    return;
  }
  std::vector<Timer> due;
  while (!timers_.empty() && timers_.top().when <= shared_.now) {
    due.push_back(timers_.top());
    timers_.pop();
  }
  for (const Timer& timer : due) {
    Client& client = clients_[static_cast<std::size_t>(timer.socket)];
    bool current = client.connection && client.generation == timer.generation &&
                   client.connection->wake_at() == timer.when;
    if (current) {
      client.wake_at.reset();
      client.connection->on_timer();
      settle(timer.socket);
    }
  }
}

}  // namespace headgate::sim
