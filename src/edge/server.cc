#include "edge/server.h"

#include <algorithm>
#include <condition_variable>
#include <list>
#include <mutex>
#include <utility>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <sys/stat.h>

#include "base/signal.h"
#include "edge/connection.h"
#include "edge/connection_answer.h"
#include "edge/connection_body.h"
#include "edge/tls_context.h"
#include "observe/log.h"

namespace headgate::edge {
namespace {

using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
using V6Only = asio::detail::socket_option::boolean<IPPROTO_IPV6, IPV6_V6ONLY>;
using TlsContext = std::shared_ptr<asio::ssl::context>;

/// Pause of an accept loop that found no file descriptor or memory for a connection.
constexpr std::chrono::milliseconds kAcceptPause{100};

/// What a connection above server.max_connections hears before it is closed.
const std::string& too_many_connections() {
  static const std::string answer = [] {
    const std::string_view body =
        R"({"error":{"message":"The gateway has reached its connection limit.",)"
        R"("type":"overloaded_error","param":null,"code":"connection_limit"}})";
    return "HTTP/1.1 503 Service Unavailable\r\nContent-Type: "
           "application/json\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\nRetry-After: 1\r\nConnection: close\r\n\r\n" +
           std::string(body);
  }();
  return answer;
}

Result<asio::ip::tcp::endpoint> parse_address(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  const auto bad = [&](std::string_view why) {
    return fail(
        invalid_request("server.listen: " + text + ": " + std::string(why), "server.listen"));
  };
  if (colon == std::string::npos) {
    return bad("expected host:port");
  }
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  if (host == "localhost") {
    host = "127.0.0.1";
  } else if (host.empty() || host == "*") {
    host = "0.0.0.0";
  }
  boost::system::error_code ec;
  const auto address = asio::ip::make_address(host, ec);
  if (ec) {
    return bad("the host must be an IP address or localhost");
  }
  const std::string port = text.substr(colon + 1);
  if (port.empty() || port.size() > 5 ||
      port.find_first_not_of("0123456789") != std::string::npos || std::stoul(port) > 65535) {
    return bad("the port must be 0 to 65535");
  }
  return asio::ip::tcp::endpoint(address, static_cast<unsigned short>(std::stoul(port)));
}

std::string to_text(const asio::ip::tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + host + "]" : host) + ":" +
         std::to_string(endpoint.port());
}

std::string certificate_stamp(const config::TlsSettings& tls) {
  std::string stamp;
  for (const std::string& file : {tls.cert, tls.key, tls.client_ca}) {
    struct stat status{};
    if (!file.empty() && ::stat(file.c_str(), &status) == 0) {
      stamp += std::to_string(status.st_mtim.tv_sec) + "." +
               std::to_string(status.st_mtim.tv_nsec) + "/" + std::to_string(status.st_ino) + ";";
    }
  }
  return stamp;
}

/// Ranges that are no ranges have been refused before.
std::shared_ptr<const LiveSettings> live_settings(const config::ServerSettings& server) {
  auto proxies = config::CidrSet::parse(server.trusted_proxies);
  return std::make_shared<const LiveSettings>(
      LiveSettings{.server = server, .trusted_proxies = proxies ? *proxies : config::CidrSet()});
}

/// One event loop's part of the server.
struct LoopServer {
  LoopServer(EventLoop& loop, const Handler& handler, const Server& whole)
      : state(loop, handler), server(whole) {}

  LoopState state;
  const Server& server;
  TlsContext tls;
  std::list<Acceptor> acceptors;
  std::size_t running = 0;     // accept loops and connections
  std::function<void()> idle;  // set while draining

  void ended() {
    if (--running == 0 && idle) {
      std::exchange(idle, nullptr)();
    }
  }
  /// Takes a connection off the books, however it ends.
  struct Leaving {
    LoopServer& loop;
    explicit Leaving(LoopServer& left) : loop(left) {}
    Leaving(const Leaving&) = delete;
    Leaving& operator=(const Leaving&) = delete;
    ~Leaving() {
      loop.state.stats.open_connections.subtract(1);
      loop.ended();
    }
  };

  Task<void> accept(Acceptor& acceptor, bool admin);
  Task<void> serve_plain(Socket socket, std::string remote, bool admin);
  Task<void> serve_tls(Socket socket, TlsContext context, std::string remote, bool admin);
  bool admit(Socket& socket);
};

bool LoopServer::admit(Socket& socket) {
  if (server.stats().open_connections < state.settings->server.max_connections) {
    return true;
  }
  state.stats.refused.add(1);
  if (!tls) {
    const std::string& answer = too_many_connections();
    [[maybe_unused]] const auto sent =
        ::send(socket.native_handle(), answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  return false;
}

Task<void> LoopServer::accept(Acceptor& acceptor, bool admin) {
  while (!state.draining) {
    asio::ip::tcp::endpoint peer;
    Socket socket(state.loop.executor());
    auto [ec] = co_await acceptor.async_accept(socket, peer, kAwait);
    if (ec == asio::error::operation_aborted || state.draining) {
      break;
    }
    if (ec) {
      // Out of descriptors or memory: waiting lets connections end, spinning would not.
      co_await sleep_for(kAcceptPause);
      continue;
    }
    state.stats.accepted.add(1);
    if (!admit(socket)) {
      continue;
    }
    boost::system::error_code ignored;
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    socket.non_blocking(true, ignored);
    state.stats.open_connections.add(1);
    const std::uint64_t open = state.stats.open_connections.get();
    state.stats.peak_connections.set(std::max(state.stats.peak_connections.get(), open));
    ++running;
    std::string remote = peer.address().to_string();
    state.loop.spawn(tls ? serve_tls(std::move(socket), tls, std::move(remote), admin)
                         : serve_plain(std::move(socket), std::move(remote), admin));
  }
  ended();
}

Task<void> LoopServer::serve_plain(Socket socket, std::string remote, bool admin) {
  const Leaving leaving(*this);
  Connection<Socket> connection(std::move(socket), state, std::move(remote), admin);
  co_await connection.serve();
}

Task<void> LoopServer::serve_tls(Socket socket, TlsContext context, std::string remote,
                                 bool admin) {
  const Leaving leaving(*this);
  Connection<TlsStream> connection(TlsStream(std::move(socket), *context), state, std::move(remote),
                                   admin);
  co_await connection.serve();
}

}  // namespace

struct Server::Impl {
  std::list<LoopServer> loops;
  std::vector<std::string> addresses;

  std::mutex mutex;  // guards the three fields below
  config::ServerSettings settings;
  TlsContext tls;
  std::string tls_stamp;

  Result<void> bind_all(const std::string& text, bool admin);
  /// Hands settings and certificates to every loop. Needs the mutex.
  void publish();
};

Result<void> Server::Impl::bind_all(const std::string& text, bool admin) {
  auto endpoint = parse_address(text);
  if (!endpoint) {
    return fail(endpoint.error());
  }
  const auto open = [&](Acceptor& acceptor, bool shared) {
    boost::system::error_code ec;
    acceptor.open(endpoint->protocol(), ec);
    if (!ec) {
      acceptor.set_option(asio::socket_base::reuse_address(true), ec);
    }
    if (!ec && endpoint->address().is_v6()) {
      acceptor.set_option(V6Only(true), ec);
    }
    if (!ec && shared) {
      acceptor.set_option(ReusePort(true), ec);
    }
    if (!ec) {
      acceptor.bind(*endpoint, ec);
    }
    if (!ec && shared) {
      acceptor.listen(asio::socket_base::max_listen_connections, ec);
    }
    return ec;
  };
  const auto refused = [&](const boost::system::error_code& ec) {
    return fail(invalid_request("Cannot listen on " + text + ": " + ec.message(), "server.listen"));
  };
  {
    // With SO_REUSEPORT alone, a second gateway would share the port unnoticed.
    Acceptor probe(loops.front().state.loop.executor());
    if (const auto ec = open(probe, false)) {
      return refused(ec);
    }
  }
  for (LoopServer& loop : loops) {
    Acceptor acceptor(loop.state.loop.executor());
    if (const auto ec = open(acceptor, true)) {
      return refused(ec);
    }
    endpoint->port(acceptor.local_endpoint().port());
    loop.acceptors.push_back(std::move(acceptor));
    ++loop.running;
    loop.state.loop.spawn(loop.accept(loop.acceptors.back(), admin));
  }
  addresses.push_back(to_text(*endpoint));
  return {};
}

void Server::Impl::publish() {
  const auto shared = live_settings(settings);
  for (LoopServer& loop : loops) {
    loop.state.loop.post([&loop, shared, context = tls] {
      loop.state.settings = shared;
      loop.tls = context;
    });
  }
}

Server::Server(const Handler& handler, std::span<EventLoop* const> loops)
    : impl_(std::make_unique<Impl>()) {
  for (EventLoop* loop : loops) {
    impl_->loops.emplace_back(*loop, handler, *this);
  }
}

Server::~Server() = default;

Result<void> Server::listen(const config::ServerSettings& settings) {
  const std::lock_guard lock(impl_->mutex);
  impl_->settings = settings;
  if (settings.tls.enabled()) {
    auto context = load_tls_context(settings.tls);
    if (!context) {
      return fail(context.error());
    }
    impl_->tls = *context;
    impl_->tls_stamp = certificate_stamp(settings.tls);
  }
  auto proxies = config::CidrSet::parse(settings.trusted_proxies);
  if (!proxies) {
    return fail(proxies.error());
  }
  const auto shared = live_settings(settings);
  for (LoopServer& loop : impl_->loops) {
    loop.state.settings = shared;
    loop.tls = impl_->tls;
  }
  for (const std::string& address : settings.listen) {
    auto bound = impl_->bind_all(address, false);
    if (!bound) {
      return bound;
    }
  }
  if (!settings.admin_listen.empty()) {
    return impl_->bind_all(settings.admin_listen, true);
  }
  return {};
}

const std::vector<std::string>& Server::addresses() const { return impl_->addresses; }

Result<void> Server::apply(const config::ServerSettings& settings) {
  const std::lock_guard lock(impl_->mutex);
  auto proxies = config::CidrSet::parse(settings.trusted_proxies);
  if (!proxies) {
    return fail(proxies.error());
  }
  TlsContext context;
  if (settings.tls.enabled() && impl_->tls) {
    auto loaded = load_tls_context(settings.tls);
    if (!loaded) {
      return fail(loaded.error());
    }
    context = *loaded;
  }
  impl_->settings = settings;
  impl_->tls = context;
  impl_->tls_stamp = certificate_stamp(settings.tls);
  impl_->publish();
  return {};
}

Result<void> Server::reload_certificates_if_changed() {
  const std::lock_guard lock(impl_->mutex);
  if (!impl_->tls || certificate_stamp(impl_->settings.tls) == impl_->tls_stamp) {
    return {};
  }
  auto loaded = load_tls_context(impl_->settings.tls);
  if (!loaded) {
    return fail(loaded.error());
  }
  impl_->tls = *loaded;
  impl_->tls_stamp = certificate_stamp(impl_->settings.tls);
  impl_->publish();
  return {};
}

namespace {

/// Loops that have connections. Shared with the loops: one may end after the drain has given up.
struct Busy {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t loops = 0;  // guarded by mutex
};

}  // namespace

Drained Server::drain(std::chrono::milliseconds grace, std::chrono::milliseconds cut_time) {
  const auto busy = std::make_shared<Busy>();
  busy->loops = impl_->loops.size();
  for (LoopServer& loop : impl_->loops) {
    loop.state.loop.post([&loop, busy] {
      loop.state.draining = true;
      loop.idle = [busy] {
        const std::lock_guard lock(busy->mutex);
        --busy->loops;
        busy->changed.notify_all();
      };
      ++loop.running;  // keeps `idle` from running in the middle of this
      for (Acceptor& acceptor : loop.acceptors) {
        boost::system::error_code ignored;
        acceptor.close(ignored);
      }
      for (ConnectionBase* at = loop.state.connections; at != nullptr;) {
        ConnectionBase* const next = at->next;
        at->drain();
        at = next;
      }
      loop.ended();
    });
  }
  std::unique_lock lock(busy->mutex);
  const auto none_busy = [&busy] { return busy->loops == 0; };
  if (busy->changed.wait_for(lock, grace, none_busy)) {
    return Drained::Clean;
  }
  for (LoopServer& loop : impl_->loops) {
    loop.state.loop.post([&loop] {
      for (ConnectionBase* at = loop.state.connections; at != nullptr;) {
        ConnectionBase* const next = at->next;
        at->abort();
        at = next;
      }
    });
  }
  if (busy->changed.wait_for(lock, cut_time, none_busy)) {
    return Drained::Cut;
  }
  const ServerStats left = stats();
  observe::log::error("connections did not end after they were cut",
                      {{"event_loops", busy->loops},
                       {"connections", left.open_connections},
                       {"requests", left.in_flight}});
  return Drained::Left;
}

void Server::trim() {
  for (LoopServer& loop : impl_->loops) {
    loop.state.loop.post([&loop] {
      loop.state.buffers.trim();
      trim_recycled();
      loop.state.stats.peak_connections.set(loop.state.stats.open_connections.get());
    });
  }
}

ServerStats Server::stats() const {
  ServerStats sum;
  for (const LoopServer& loop : impl_->loops) {
    const LoopStats& stats = loop.state.stats;
    sum.open_connections += stats.open_connections.get();
    sum.peak_connections += stats.peak_connections.get();
    sum.accepted += stats.accepted.get();
    sum.refused += stats.refused.get();
    sum.in_flight += stats.in_flight.get();
  }
  return sum;
}

}  // namespace headgate::edge
