#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include "api/health.h"
#include "api/health_page.h"
#include "app/overload_watch.h"
#include "base/blocking_pool.h"
#include "dispatch/dispatcher.h"
#include "documents/worker_pool.h"
#include "stores/key_store.h"
#include "stores/sqlite/database.h"

namespace headgate::app {

/// Looks at the store, the document workers and every provider that a model uses. A provider is
/// asked for its list of models, which costs nothing anywhere, and has two seconds to answer.
class ProviderHealth final : public api::HealthSource {
 public:
  struct Parts {
    const std::atomic<api::Readiness>* readiness;
    stores::KeyStore* keys;
    stores::sqlite::Database* database;
    BlockingPool* store_pool;
    const documents::WorkerPool* workers;
    const OverloadWatch* overload;
    dispatch::Clients* clients;
    const dispatch::Catalogs* catalogs;
    std::function<bool()> jobs_settle;  ///< whether what becomes of jobs can be written
  };
  /// Borrows all parts.
  explicit ProviderHealth(Parts parts) : parts_(std::move(parts)) {}
  Task<api::HealthReport> check() const override;

 private:
  Task<api::HealthCheck> check_store() const;
  api::EndpointHealth look_at_workers() const;

  Parts parts_;
};

/// How the embedded document engine is doing.
api::EndpointHealth workers_health(const documents::WorkerPoolCounters& counters);

}  // namespace headgate::app
