#include "upstream/client.h"

#include <utility>

#include "upstream/connection_pool.h"
#include "upstream/exchange.h"

namespace headgate::upstream {

struct Client::Impl {
  ConnectionPool pool;
};

Client::Client(EventLoop& loop, Resolver& resolver, ClientSettings settings)
    : impl_(new Impl{ConnectionPool(loop, resolver, std::move(settings))}) {}

Client::~Client() { impl_->pool.close_idle(); }

std::unique_ptr<Exchange> Client::start(const OutgoingRequest& request) {
  return make_exchange(impl_->pool, request);
}

void Client::trim() { impl_->pool.trim(); }
void Client::close_idle() { impl_->pool.close_idle(); }

ClientStats Client::stats() const {
  const auto& stats = impl_->pool.stats;
  return {.opened = stats.opened.get(),
          .reused = stats.reused.get(),
          .retried = stats.retried.get(),
          .dirty = stats.dirty.get(),
          .surplus_bytes = stats.surplus_bytes.get(),
          .idle = stats.idle.get()};
}

}  // namespace headgate::upstream
