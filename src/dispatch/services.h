#pragma once

#include <memory>

#include "base/per_loop.h"
#include "routing/catalog.h"
#include "routing/router.h"
#include "upstream/client.h"

namespace headgate::dispatch {

using Catalogs = PerLoop<std::shared_ptr<const routing::Catalog>>;
using Clients = PerLoop<std::unique_ptr<upstream::Client>>;
using Routers = PerLoop<routing::Router>;

/// What calls are made with: each loop has its own of all.
struct Services {
  Catalogs& catalogs;
  Clients& clients;
  Routers& routers;
};

}  // namespace headgate::dispatch
