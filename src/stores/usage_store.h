#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/calendar.h"
#include "base/result.h"
#include "base/task.h"
#include "model/usage.h"

namespace headgate::stores {

using model::Settlement;
using model::UsageBatch;
using model::UsageRecord;

/// Spend that is taken before an upstream is called and whose true size is not known yet.
struct OpenReservation {
  std::string id;        ///< of the call; never used twice
  UsageRecord estimate;  ///< what is charged if the gateway dies before the reservation is settled
};

/// What a principal has spent of its budgets.
struct PrincipalSpend {
  std::string principal{};
  std::int64_t day_micro_usd = 0;
  std::int64_t month_micro_usd = 0;
};

/// What makes up a row of a report.
enum class UsageGroup : std::uint8_t { All, Day, Model, Principal };

struct UsageQuery {
  std::string principal{};  ///< empty: of all
  std::string model{};
  std::optional<UtcDay> from{};  ///< first day
  std::optional<UtcDay> to{};    ///< last day
  UsageGroup group = UsageGroup::All;
  std::optional<UsageRecord> after{};  ///< the last row of the page before; its key counts
  std::size_t limit = 100;
};

/// Rows by day, principal and model; what the group does not name is 0 or empty in them.
struct UsagePage {
  std::vector<UsageRecord> rows;
  bool has_more = false;
  UsageRecord totals;  ///< of all that was asked for, not only of this page
};

/// What was used, by day, principal and model, and what is reserved of budgets.
///
/// A change is on disk when its task completes, and did not happen if the task fails; those that
/// wait at the same time share one commit. Safe from any event loop. Every call fails with
/// Overloaded (`store_unavailable`) while the disk is full or broken. Implementations must pass
/// testing/usage_store_contract.h.
class UsageStore {
 public:
  virtual ~UsageStore() = default;

  /// Conflict if the id is taken.
  virtual Task<Result<void>> open_reservation(OpenReservation reservation) = 0;
  /// Removes a reservation and adds what was used, in one step. One that is gone already was
  /// settled before: then nothing changes.
  virtual Task<Result<void>> settle(Settlement settlement) = 0;
  /// All of `batch` or nothing.
  virtual Task<Result<void>> write(UsageBatch batch) = 0;
  virtual Task<Result<UsagePage>> query(UsageQuery query) = 0;

  /// At start-up: charges each reservation that a crash left open with its estimate and removes it;
  /// returns how many there were. Blocks.
  virtual Result<std::uint64_t> recover() = 0;
  /// What everyone has spent on `today` and in its month, open reservations included. Blocks.
  virtual Result<std::vector<PrincipalSpend>> spent(UtcDay today) = 0;
};

}  // namespace headgate::stores
