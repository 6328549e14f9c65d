#pragma once

#include <string>

#include "api/health_page.h"
#include "base/task.h"
#include "providers/provider.h"
#include "routing/catalog.h"
#include "upstream/client.h"

namespace headgate::app {

/// A question to a provider that costs nothing: how it is, or its list of models. Holds copies, for
/// a reload may drop the target meanwhile.
struct ProviderProbe {
  upstream::Origin origin;
  std::string base_path;
  const providers::Provider* protocol = nullptr;
  providers::WireRequest wire;
  std::string credential;
  api::EndpointHealth
      health;  ///< what came of it; its name is the provider's, with the endpoint if it has several
};

ProviderProbe probe_of(const routing::Target& target);
/// Asks, for two seconds at most.
Task<void> ask(upstream::Client& client, ProviderProbe& probe);

}  // namespace headgate::app
