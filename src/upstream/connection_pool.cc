#include "upstream/connection_pool.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "upstream/failure.h"

namespace headgate::upstream {
namespace {

constexpr std::size_t kMaxOrigins = 256;
/// A connection idle for longer is asked whether the server has closed it before it is used again.
constexpr std::chrono::seconds kTrusted{1};

}  // namespace

ConnectionPool::ConnectionPool(EventLoop& loop, Resolver& resolver, ClientSettings settings)
    : loop_(loop), resolver_(resolver), settings_(std::move(settings)) {
  tls_.set_default_verify_paths();
  tls_.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
  if (!settings_.extra_ca_file.empty()) {
    boost::system::error_code ec;
    tls_.load_verify_file(settings_.extra_ca_file, ec);
    if (ec) {
      throw std::runtime_error(settings_.extra_ca_file + ": " + ec.message());
    }
  }
}

ConnectionPtr ConnectionPool::take_idle(const Origin& origin) {
  const auto found = idle_.find(origin);
  if (found == idle_.end()) {
    return nullptr;
  }
  const SteadyTime now = std::chrono::steady_clock::now();
  auto& stack = found->second;
  while (!stack.empty()) {
    ConnectionPtr connection = std::move(stack.back());
    stack.pop_back();
    stats.idle.subtract(1);
    const auto rested = now - connection->idle_since;
    const auto check = rested > kTrusted ? Connection::Check::Thorough : Connection::Check::Cheap;
    if (rested < settings_.max_idle_time && connection->reusable(check)) {
      stats.reused.add(1);
      return connection;
    }
    connection->close();
  }
  return nullptr;
}

void ConnectionPool::give_back(const Origin& origin, ConnectionPtr connection) {
  connection->let_go();
  if (!connection->unread().empty()) {
    stats.surplus_bytes.add(connection->unread().size());
    connection->close();
    return;
  }
  if (!connection->reusable(Connection::Check::Cheap)) {
    connection->close();
    return;
  }
  if (idle_.size() >= kMaxOrigins && !idle_.contains(origin)) {
    std::erase_if(idle_, [](const auto& entry) { return entry.second.empty(); });
  }
  auto& stack = idle_[origin];
  if (stack.size() >= settings_.max_idle_per_origin || idle_.size() > kMaxOrigins) {
    connection->close();
    return;
  }
  connection->rest();
  connection->idle_since = std::chrono::steady_clock::now();
  stack.push_back(std::move(connection));
  stats.idle.add(1);
  if (!armed()) {
    loop_.arm(*this, stack.back()->idle_since + settings_.sweep_every);
  }
}

void ConnectionPool::on_deadline() {
  const SteadyTime now = std::chrono::steady_clock::now();
  for (auto& [origin, stack] : idle_) {
    const std::size_t dropped = std::erase_if(stack, [&](const ConnectionPtr& connection) {
      const bool keep = now - connection->idle_since < settings_.max_idle_time &&
                        connection->reusable(Connection::Check::Thorough);
      if (!keep) {
        connection->close();
      }
      return !keep;
    });
    stats.idle.subtract(dropped);
  }
  std::erase_if(idle_, [](const auto& entry) { return entry.second.empty(); });
  if (!idle_.empty()) {
    loop_.arm(*this, now + settings_.sweep_every);
  }
}

const Proxy* ConnectionPool::forwarding_proxy(const Destination& destination) const {
  const bool forwarded = destination.origin.scheme == Scheme::Http && !destination.pinned;
  return forwarded ? settings_.proxy.proxy_for(destination.origin) : nullptr;
}

Task<Result<ConnectionPtr>> ConnectionPool::connect(Destination destination, SteadyTime until,
                                                    CancelSource* cancel) {
  auto connection = std::make_shared<Connection>(loop_, buffers_);
  if (cancel != nullptr) {
    connection->hold(*cancel);
  }
  auto opened = co_await open(*connection, destination, until, cancel);
  if (!opened) {
    connection->close();
    connection->let_go();
    Error error = std::move(opened.error());
    error.detail = destination.origin.host_and_port() + ": " + error.detail;
    co_return fail(std::move(error));
  }
  stats.opened.add(1);
  co_return connection;
}

Task<Result<void>> ConnectionPool::open(Connection& connection, Destination destination,
                                        SteadyTime until, CancelSource* cancel) {
  const Origin& origin = destination.origin;
  const Proxy* const proxy = settings_.proxy.proxy_for(origin);
  std::vector<IpAddress> addresses;
  if (proxy == nullptr && destination.pinned) {
    addresses.push_back(*destination.pinned);
  } else {
    auto found =
        co_await resolver_.resolve(proxy != nullptr ? proxy->host : origin.host, until, cancel);
    if (!found) {
      co_return fail(std::move(found.error()));
    }
    addresses = std::move(*found);
  }
  const std::uint16_t port = proxy != nullptr ? proxy->port : origin.port;
  auto done = co_await connection.connect(addresses, port, until);
  if (done && proxy != nullptr && forwarding_proxy(destination) == nullptr) {
    done = co_await tunnel(connection, destination, *proxy, until);
  }
  if (done && origin.scheme == Scheme::Https) {
    done = co_await connection.start_tls(tls_, origin.host, until);
  }
  co_return done;
}

Task<Result<void>> ConnectionPool::tunnel(Connection& connection, Destination destination,
                                          const Proxy& proxy, SteadyTime until) {
  const Origin target{
      .scheme = destination.origin.scheme,
      .host = destination.pinned ? destination.pinned->text() : destination.origin.host,
      .port = destination.origin.port};
  const std::string authority = target.host_and_port();
  std::string request = "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n";
  if (!proxy.authorization.empty()) {
    request += "Proxy-Authorization: " + proxy.authorization + "\r\n";
  }
  request += "\r\n";
  const std::string_view piece = request;
  const auto timed_out = [&] {
    return fail(failure(FailurePhase::ConnectTimeout, "the proxy does not answer"));
  };
  const auto sent = co_await connection.send(std::span(&piece, 1), std::chrono::hours(1), until);
  if (sent == Connection::Sent::TimedOut) {
    co_return timed_out();
  }
  HeadSearch search;
  while (true) {
    auto end = find_head_end(connection.unread(), search);
    if (!end) {
      co_return fail(failure(FailurePhase::Connect, "proxy: " + end.error().detail));
    }
    if (*end) {
      ResponseHead& head = connection.head;
      auto parsed =
          parse_response_head(connection.unread().substr(0, **end), RequestMethod::Connect, head);
      if (!parsed || head.status < 200 || head.status > 299) {
        co_return fail(failure(FailurePhase::Connect,
                               parsed ? "the proxy answered " + std::to_string(head.status)
                                      : "proxy: " + parsed.error().detail));
      }
      connection.consume(**end);
      if (!connection.unread().empty()) {
        co_return fail(failure(FailurePhase::Connect, "the proxy sent more than its answer"));
      }
      connection.rest();
      co_return Result<void>{};
    }
    const auto woken = co_await connection.receive(SteadyTime::max(), until);
    if (woken == Connection::Woken::Bytes) {
      continue;
    }
    if (connection.cancelled()) {
      co_return fail(client_left());
    }
    if (woken == Connection::Woken::TimedOut) {
      co_return timed_out();
    }
    co_return fail(failure(FailurePhase::Connect, "the proxy closed the connection"));
  }
}

void ConnectionPool::close_idle() {
  for (auto& [origin, stack] : idle_) {
    for (const ConnectionPtr& connection : stack) {
      connection->close();
    }
  }
  idle_.clear();
  stats.idle.set(0);
}

}  // namespace headgate::upstream
