#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "config/settings.h"
#include "limits/budgets.h"
#include "limits/limit_status.h"
#include "model/principal.h"

namespace headgate::limits {

/// The right to run now. Gives its concurrency slots back once, when it dies; any thread, before
/// the Limiter dies. What it took from the rates stays taken.
class Permit final {
 public:
  Permit() = default;
  Permit(Permit&& other) noexcept
      : running_(std::exchange(other.running_, {})), status_(other.status_) {}
  Permit& operator=(Permit&& other) noexcept {
    std::swap(running_, other.running_);
    std::swap(status_, other.status_);
    return *this;
  }
  ~Permit() {
    // The account's, which keeps the others in being, goes last.
    for (auto slot = running_.rbegin(); slot != running_.rend(); ++slot) {
      if (*slot != nullptr) {
        (*slot)->fetch_sub(1, std::memory_order_release);
      }
    }
  }

  /// What remained right after this permit was given.
  const LimitStatus& status() const { return status_; }
  /// Whether there is a slot to give back; a permit without one need not be kept.
  bool holds_slot() const { return running_.front() != nullptr; }

 private:
  friend class Limiter;
  /// Of the account, which they keep in being, and slots of the principal, of its client and of the
  /// route; all null, or the first is not.
  using Slots = std::array<std::atomic<std::uint32_t>*, 4>;
  Permit(Slots running, LimitStatus status) : running_(running), status_(status) {}

  Slots running_{};
  LimitStatus status_;
};

/// Who asks for what.
struct Caller {
  const model::Principal& principal;
  std::string_view client{};  ///< the principal's own label; requests without one are one client
  std::string_view route{};   ///< its pattern
  enum class Counts : std::uint8_t {
    Everywhere,  ///< against the limits of the principal, its client and the route
    OnRoute,     ///< against those of the route only
  };
  Counts counts = Counts::Everywhere;
};

/// A permit, and what it holds of tokens and money.
struct Admitted {
  Permit permit;
  Reservation reservation;
};

/// How many a Limiter remembers, about; of more, those with nothing used go first.
struct LimiterBounds {
  std::size_t principals = 100'000;
  std::size_t clients = 200'000;  ///< of all principals; one has at most 1/128 of them
};

/// Requests a minute, an hour and a configured window, and requests at once: of each principal by
/// its tier, of each of its clients by the same tier, and of each principal on a route. Exact under
/// any number of threads: a request takes from all of its limits or from none. Safe from any
/// thread; locks are held for well under a microsecond.
///
/// A client id is only a label: who invents new ones is still held by the principal's own limits.
class Limiter final {
 public:
  using Tiers = std::map<std::string, config::TierSettings>;
  using Routes = std::span<const config::RouteSettings>;

  explicit Limiter(const Tiers& tiers, Routes routes = {}, LimiterBounds bounds = {});
  ~Limiter();
  Limiter(const Limiter&) = delete;
  Limiter& operator=(const Limiter&) = delete;

  /// Puts other limits into force. What has been used stays used.
  void set(const Tiers& tiers, Routes routes = {});

  /// RateLimited, with how long to wait (at most 120 s) and which limit in the details; Overloaded
  /// if everybody remembered is running something. A tier that is not configured counts as
  /// `default`; without that one there is no limit.
  Result<Permit> admit(const Caller& caller, SteadyTime now);
  /// As admit(), and takes `estimate` from the principal's tokens and budgets in the same step: all
  /// of it or nothing. Fails like Budgets::reserve, too.
  Result<Admitted> admit(const Caller& caller, SteadyTime now, Budgets& budgets,
                         const Estimate& estimate);
  /// What `caller` may still do by the tightest of its limits, without taking anything.
  LimitStatus status(const Caller& caller, SteadyTime now) const;

 private:
  /// admit(), if `reserve` (-> Result<void>), which is asked last, succeeds.
  template <class Reserve>
  Result<Permit> admit_with(const Caller& caller, SteadyTime now, Reserve reserve);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headgate::limits
