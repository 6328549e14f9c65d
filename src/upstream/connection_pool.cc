#include "upstream/connection_pool.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

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
    --stats.idle;
    const auto rested = now - connection->idle_since;
    const auto check = rested > kTrusted ? Connection::Check::Thorough : Connection::Check::Cheap;
    if (rested < settings_.max_idle_time && connection->reusable(check)) {
      ++stats.reused;
      return connection;
    }
    connection->close();
  }
  return nullptr;
}

void ConnectionPool::give_back(const Origin& origin, ConnectionPtr connection) {
  connection->let_go();
  if (!connection->unread().empty()) {
    stats.surplus_bytes += connection->unread().size();
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
  connection->idle_since = std::chrono::steady_clock::now();
  stack.push_back(std::move(connection));
  ++stats.idle;
}

Task<Result<ConnectionPtr>> ConnectionPool::connect(const Origin& origin, SteadyTime until,
                                                    CancelSource* cancel) {
  auto addresses = co_await resolver_.resolve(origin.host);
  if (!addresses) {
    co_return fail(addresses.error());
  }
  auto connection = std::make_shared<Connection>(loop_, buffers_);
  if (cancel != nullptr) {
    connection->hold(*cancel);
  }
  auto connected = co_await connection->connect(*addresses, origin.port, until);
  if (connected && origin.scheme == Scheme::Https) {
    connected = co_await connection->start_tls(tls_, origin.host, until);
  }
  if (!connected) {
    connection->close();
    connection->let_go();
    co_return fail(connected.error());
  }
  ++stats.opened;
  co_return connection;
}

void ConnectionPool::close_idle() {
  for (auto& [origin, stack] : idle_) {
    for (const ConnectionPtr& connection : stack) {
      connection->close();
    }
  }
  idle_.clear();
  stats.idle = 0;
}

}  // namespace headgate::upstream
