#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "config/settings.h"
#include "limits/budgets.h"
#include "limits/limit_status.h"
#include "model/principal.h"

namespace headgate::limits {

/// The right to run now. Gives its concurrency slot back once, when it dies; any thread, before the
/// Limiter dies. What it took from the rates stays taken.
class Permit final {
 public:
  Permit() = default;
  Permit(Permit&& other) noexcept
      : running_(std::exchange(other.running_, nullptr)), status_(other.status_) {}
  Permit& operator=(Permit&& other) noexcept {
    std::swap(running_, other.running_);
    std::swap(status_, other.status_);
    return *this;
  }
  ~Permit() {
    if (running_ != nullptr) {
      running_->fetch_sub(1, std::memory_order_release);
    }
  }

  /// What remained right after this permit was given.
  const LimitStatus& status() const { return status_; }
  /// Whether there is a slot to give back; a permit without one need not be kept.
  bool holds_slot() const { return running_ != nullptr; }

 private:
  friend class Limiter;
  Permit(std::atomic<std::uint32_t>* running, LimitStatus status)
      : running_(running), status_(status) {}

  std::atomic<std::uint32_t>* running_ = nullptr;
  LimitStatus status_;
};

/// A permit, and what it holds of tokens and money.
struct Admitted {
  Permit permit;
  Reservation reservation;
};

/// Requests a minute, an hour and a configured window, and requests at once, of each principal by
/// its tier. Exact under any number of threads: a request takes from all of its limits or from
/// none. Safe from any thread; locks are held for well under a microsecond.
class Limiter final {
 public:
  using Tiers = std::map<std::string, config::TierSettings>;

  /// Remembers at most about `max_principals`; of more, those with nothing used go first.
  explicit Limiter(const Tiers& tiers, std::size_t max_principals = 100'000);
  ~Limiter();
  Limiter(const Limiter&) = delete;
  Limiter& operator=(const Limiter&) = delete;

  /// Puts other tiers into force. What has been used stays used.
  void set_tiers(const Tiers& tiers);

  /// RateLimited, with how long to wait (at most 120 s) and which limit in the details; Overloaded
  /// if every principal remembered is running something. A tier that is not configured counts as
  /// `default`; without that one there is no limit.
  Result<Permit> admit(const model::Principal& principal, SteadyTime now);
  /// As admit(), and takes `estimate` from the principal's tokens and budgets in the same step: all
  /// of it or nothing. Fails like Budgets::reserve, too.
  Result<Admitted> admit(const model::Principal& principal, SteadyTime now, Budgets& budgets,
                         const Estimate& estimate);
  /// What `principal` may still do, without taking anything.
  LimitStatus status(const model::Principal& principal, SteadyTime now) const;

 private:
  /// admit(), if `reserve` (-> Result<void>), which is asked last, succeeds.
  template <class Reserve>
  Result<Permit> admit_with(const model::Principal& principal, SteadyTime now, Reserve reserve);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headgate::limits
