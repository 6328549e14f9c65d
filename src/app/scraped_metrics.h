#pragma once

#include "dispatch/dispatcher.h"
#include "dispatch/response_cache.h"
#include "documents/worker_pool.h"
#include "edge/server.h"
#include "observe/metrics.h"

namespace headgate::app {

/// Registers what the client side, the upstream pools and the document workers count by themselves.
/// All are borrowed until the last scrape.
void add_scraped_metrics(observe::Metrics& metrics, const edge::Server& server,
                         dispatch::Clients& clients, const documents::WorkerPool& workers);

/// The same for what is kept of answers.
void add_cache_metrics(observe::Metrics& metrics, const dispatch::ResponseCache& cache);

}  // namespace headgate::app
