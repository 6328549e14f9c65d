#pragma once

#include <memory>

#include "upstream/client.h"
#include "upstream/connection_pool.h"

namespace headgate::upstream {

/// An exchange over a connection of `pool`, which outlives it. Internal to upstream/.
std::unique_ptr<Exchange> make_exchange(ConnectionPool& pool, const OutgoingRequest& request);

}  // namespace headgate::upstream
