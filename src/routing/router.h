#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "routing/catalog.h"
#include "routing/health.h"
#include "routing/needs.h"
#include "routing/plan.h"
#include "routing/random.h"
#include "routing/retry_policy.h"

namespace headgate::routing {

/// What a request tells the router.
struct Ask {
  std::shared_ptr<const Model> model;  ///< shared with the plan, which may outlive its catalog
  Needs needs;
  std::string_view client;                  ///< X-Client-ID, or empty
  std::string_view principal;               ///< Principal::name
  std::string_view user;                    ///< the body's `user`, or empty
  std::span<const std::uint64_t> prefixes;  ///< of PrefixHasher; only the strategy prefix reads it
  WallTime time{};                          ///< for rules on the time of day
  bool again = false;  ///< planned before: not counted for the retry budget once more
};

/// The right to make one call of a target. If it dies without Router::ended, the call counts as
/// cancelled.
class Lease final {
 public:
  Lease() = default;
  Lease(Lease&& other) noexcept { *this = std::move(other); }
  Lease& operator=(Lease&& other) noexcept;
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() { release(); }

  explicit operator bool() const { return model_ != nullptr; }
  const Target& target() const { return model_->targets[target_]; }
  const Model& model() const { return *model_; }
  /// Index in Target::credentials; that may be empty.
  std::size_t key() const { return key_; }
  /// The header lines of the key, or empty.
  std::string_view credential() const;
  /// Whether a breaker's way back depends on this call.
  bool is_probe() const { return admission_.kind == TargetHealth::Admission::Kind::Probe; }

 private:
  friend class Router;
  void release();

  std::shared_ptr<const Model> model_;  // the call may outlive its catalog
  std::size_t target_ = 0;
  std::size_t key_ = 0;
  TargetHealth::Admission admission_;
};

/// Decides where requests go, and learns from how that went.
///
/// Pure but for its generator: one for each event loop, all over one Health.
class Router final {
 public:
  /// Borrows `health`.
  Router(Health& health, std::uint64_t seed) : health_(health), random_(seed) {}

  /// The targets to try. `catalog` finds the models that rules and fallbacks name. Counts the
  /// request for the retry budget.
  Plan plan(const Ask& ask, const Catalog& catalog, SteadyTime now);

  /// Takes the right to call a target: refused (an empty lease) if its breaker opened or its probe
  /// was taken meanwhile, or none of its keys can be used. Then the next candidate's turn has come.
  Lease begin(const Plan& plan, Candidate candidate, SteadyTime now);
  /// The first token of a stream is there.
  void answered(Lease& lease, std::chrono::nanoseconds first_token, SteadyTime now);
  void ended(Lease lease, const Outcome& outcome, SteadyTime now);

  /// When begin() would grant a lease; not later than `now` if it would, max() if that is unknown.
  SteadyTime usable_at(const Target& target, SteadyTime now) const;
  /// Whether another key of the target than `but` can be used.
  bool other_key(const Target& target, std::size_t but, SteadyTime now) const;
  /// What follows a failed attempt at a candidate of the plan.
  NextStep after(const Plan& plan, Candidate candidate, const FailedAttempt& failed,
                 SteadyTime now);
  /// When a second attempt may be started beside a first that is still silent; unset: never. It
  /// needs one from the budget.
  std::optional<std::chrono::nanoseconds> hedge_after(const Model& model, const Target& target,
                                                      model::Delivery delivery) const;
  bool may_hedge(const Plan& plan, SteadyTime now);
  /// The call is given up for another that answered before it; it is still to be ended.
  void outrun(const Lease& lease, std::chrono::nanoseconds elapsed, model::Delivery delivery,
              SteadyTime now);

  /// An active health check of a target succeeded.
  void seen_alive(std::string_view provider, std::string_view target, SteadyTime now);
  std::vector<TargetView> view(SteadyTime now) const;
  /// Opens the breaker until it is closed by hand. False: no such target.
  bool hold_open(std::string_view provider, std::string_view target, SteadyTime now);
  /// Closes the breaker and wakes the keys that rest.
  bool close(std::string_view provider, std::string_view target, SteadyTime now);

 private:
  void add_targets(Plan& plan, const Rule* rule, const OrderBy& by, SteadyTime now);
  void judge(const Model& model, const Target& target, SteadyTime now);

  Health& health_;
  Random random_;
};

}  // namespace headgate::routing
