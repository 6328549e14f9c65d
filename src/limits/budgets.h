#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/calendar.h"
#include "base/clock.h"
#include "base/result.h"
#include "config/settings.h"
#include "limits/limit_status.h"
#include "model/principal.h"
#include "stores/usage_store.h"

namespace headgate::limits {

/// What one request may take, as far as one can tell before it is sent.
struct Estimate {
  std::int64_t tokens = 0;
  std::int64_t micro_usd = 0;
};

class Budgets;

/// Tokens and money that one request holds. Settled at most once; if it dies before that, nothing
/// was called and all of it is given back, or after keep() it stays taken as it was estimated. Any
/// thread, before the Budgets die.
class Reservation final {
 public:
  Reservation() = default;
  Reservation(Reservation&& other) noexcept { swap(other); }
  Reservation& operator=(Reservation&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Reservation();

  /// Puts what was really used in the place of the estimate. A second call changes nothing.
  void settle(std::int64_t tokens, std::int64_t micro_usd);
  /// An upstream is being called: what it costs is owed from now on, even if nobody learns it.
  void keep() { kept_ = true; }

  const Estimate& estimate() const { return estimate_; }
  /// The day whose budgets it counts against, however late it is settled.
  UtcDay day() const { return day_; }

 private:
  friend class Budgets;
  void swap(Reservation& other) noexcept;

  Budgets* budgets_ = nullptr;
  void* shard_ = nullptr;  // where the account is, with its mutex
  void* account_ = nullptr;
  Estimate estimate_;
  UtcDay day_ = 0;
  std::int64_t tokens_end_ = 0;  // steady ns at which the last of its tokens has come back
  std::int64_t interval_ = 0;    // ns for each token; 0: tokens were not limited
  bool kept_ = false;
};

/// Tokens a minute, and money a day and a month, of each principal: by its own budgets, else by its
/// tier. Exact under any number of threads: what is let in never estimates to more than a limit,
/// and a request takes from all of its limits or from none. Safe from any thread; locks are held
/// for well under a microsecond.
///
/// Only bookkeeping: what must survive a crash, the UsageStore keeps. A clock that goes back does
/// not open a past day again. Every principal that ever spent is remembered, so that a budget given
/// later counts what was spent before: a hundred bytes for each key.
class Budgets final {
 public:
  using Tiers = std::map<std::string, config::TierSettings>;

  /// Borrows `clock`.
  Budgets(const Tiers& tiers, const Clock& clock);
  ~Budgets();
  Budgets(const Budgets&) = delete;
  Budgets& operator=(const Budgets&) = delete;

  /// Puts other tiers into force. What has been used stays used.
  void set_tiers(const Tiers& tiers);

  /// Whether reserve() would look at anything: if not, there is no need to estimate. Costs a few
  /// comparisons for principals without budgets if no tier has any of these limits.
  bool limit(const model::Principal& principal) const;
  /// Whether money is limited: then what is reserved must be on disk before an upstream is called.
  bool limit_money(const model::Principal& principal) const;

  /// RateLimited (`tokens_per_minute`) with how long to wait (at most 120 s; unset if the request
  /// alone is more than a minute's), or BudgetSpent with what is spent and when it begins anew.
  /// What costs nothing is let in whatever has been spent.
  Result<Reservation> reserve(const model::Principal& principal, const Estimate& estimate);

  /// Counts money that was spent without a reservation.
  void add_spend(std::string_view principal, UtcDay day, std::int64_t micro_usd);
  /// At start-up: what the store knows to be spent on `today` and in its month.
  void load(std::span<const stores::PrincipalSpend> spent, UtcDay today);

  /// What a principal may still take of its tokens, for the x-ratelimit-* headers.
  LimitStatus token_status(const model::Principal& principal) const;
  /// What a principal has spent or reserved today and this month.
  stores::PrincipalSpend spent(const std::string& principal) const;

 private:
  friend class Reservation;
  void settle(const Reservation& reservation, std::int64_t tokens, std::int64_t micro_usd);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headgate::limits
