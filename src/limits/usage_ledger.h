#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "limits/budgets.h"
#include "limits/pricing.h"
#include "stores/usage_store.h"

namespace headgate::limits {

/// What one request used, and of whom.
struct Use {
  std::string_view principal;
  std::string_view model;     ///< public name
  std::string_view provider;  ///< of the target that answered
  std::string_view target;
  TokenUse tokens;         ///< negative: unknown, counted as none
  bool estimated = false;  ///< the tokens are, in part or all
};

/// A reservation of money on its way to the store and back.
struct Charge {
  Reservation reservation;
  stores::OpenReservation written;  ///< its id, and what is charged if the gateway dies
};

/// Writes down what is used.
///
/// For a principal with a budget both steps are on disk before the request goes on: the estimate
/// before an upstream is called, what was used before the answer ends. For all others, requests are
/// counted in memory and written once a second: a crash loses at most about that second of them,
/// which no limit depends on.
class UsageLedger final {
 public:
  /// Borrows all. `loops`: how many event loops count.
  UsageLedger(stores::UsageStore& store, Budgets& budgets, const Clock& clock, std::size_t loops);
  ~UsageLedger();
  UsageLedger(const UsageLedger&) = delete;
  UsageLedger& operator=(const UsageLedger&) = delete;

  /// Puts the prices of a configuration into force. Any thread.
  void set_prices(PriceList prices);
  std::shared_ptr<const PriceList> prices() const;

  /// Counts a request that has no Charge. On an event loop; allocates nothing once warm.
  void count(const Use& use);

  /// What `use` comes to, for one who writes it in a transaction of his own.
  stores::UsageRecord record_of(const Use& use, const PriceList& prices) const;
  /// Counts in the budgets what was written in such a transaction without a Charge.
  void add_spend(const stores::UsageRecord& written);

  /// Puts a reservation on disk. If that fails, no upstream may be called. `charge` lives until
  /// then; so does the UsageLedger.
  Task<Result<void>> open(const Charge& charge);
  /// Puts what was used in the place of the estimate, at once in the budgets and, when the task
  /// ends, on disk. If the disk fails it is tried again by each flush; the estimate stands until
  /// then.
  Task<void> settle(Charge charge, TokenUse tokens, stores::UsageRecord used);
  /// As settle() for those who cannot wait: on disk after the next flush.
  void settle_later(Charge charge, TokenUse tokens, stores::UsageRecord used);

  /// Writes what has been counted and what is still to be settled; call it once a second, and at
  /// the end. Nothing happens while another flush is under way. On an event loop.
  Task<Result<void>> flush();

 private:
  struct Counts;
  stores::UsageBatch collect();
  void put_back(stores::UsageBatch batch);
  void add_pending(stores::Settlement settlement);

  stores::UsageStore& store_;
  Budgets& budgets_;
  const Clock& clock_;
  std::vector<std::unique_ptr<Counts>> counts_;  // by loop
  std::atomic<bool> flushing_{false};
  mutable std::mutex mutex_;                 // guards the fields below
  std::shared_ptr<const PriceList> prices_;  // shared with those who are looking up a price
  stores::UsageBatch pending_;
};

}  // namespace headgate::limits
