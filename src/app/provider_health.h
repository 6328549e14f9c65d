#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <utility>

#include "api/health.h"
#include "api/health_page.h"
#include "app/overload_watch.h"
#include "base/blocking_pool.h"
#include "base/event_loop.h"
#include "base/signal.h"
#include "dispatch/dispatcher.h"
#include "documents/worker_pool.h"
#include "routing/target_health.h"
#include "stores/key_store.h"
#include "stores/sqlite/database.h"

namespace headgate::app {

/// Asks whether the store works, and does not wait for a disk that hangs. Any loop.
class StoreCheck final {
 public:
  /// `look` blocks; it runs on `pool`, one at a time, and may come back after this has ended. The
  /// loops that ask outlive the pool.
  StoreCheck(BlockingPool& pool, std::function<Result<void>()> look,
             std::chrono::milliseconds patience)
      : pool_(pool), state_(std::make_shared<State>(std::move(look))), patience_(patience) {}
  /// Failed too if there is no answer in time, or none yet to the look before.
  Task<api::HealthCheck::Outcome> ask();

 private:
  struct Look {
    Signal done;
    bool good = false;
  };
  struct State {
    explicit State(std::function<Result<void>()> given) : look(std::move(given)) {}
    const std::function<Result<void>()> look;
    std::atomic<bool> under_way{false};
  };
  BlockingPool& pool_;
  const std::shared_ptr<State> state_;  // shared with a look that nobody waits for any more
  const std::chrono::milliseconds patience_;
};

/// Looks at the store, the document workers and every provider that a model uses. A provider is
/// asked how it is or for its list of models, which costs nothing, and has two seconds to answer.
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
  explicit ProviderHealth(Parts parts);
  Task<api::HealthReport> check() const override;

 private:
  api::EndpointHealth look_at_workers() const;

  Parts parts_;
  mutable StoreCheck store_;
};

/// Adds what calls of a provider's targets have shown to what it says of itself: one whose targets
/// are all left alone because they failed is unhealthy whatever it says.
void add_breakers(api::EndpointHealth& health, std::span<const routing::TargetView> targets);

/// How the embedded document engine is doing.
api::EndpointHealth workers_health(const documents::WorkerPoolCounters& counters);

}  // namespace headgate::app
