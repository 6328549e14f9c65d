#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/container/small_vector.hpp>

#include "base/clock.h"
#include "base/result.h"
#include "routing/catalog.h"
#include "routing/health.h"
#include "routing/needs.h"
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
};

/// Why a target is not tried.
enum class LeftOutFor : std::uint8_t {
  Unable,       ///< cannot meet a need
  Rule,         ///< a rule wants others
  Open,         ///< its breaker is open
  ProbeRuns,    ///< its breaker waits for a probe
  KeysRest,     ///< all keys of its provider rest
  RateReached,  ///< its provider's declared rate is used up
};
std::string_view name_of(LeftOutFor reason);

/// A target of one of the plan's models.
struct Candidate {
  std::uint16_t model = 0;   ///< index in Plan::models
  std::uint16_t target = 0;  ///< index in Model::targets
};

struct LeftOut {
  Candidate candidate;
  LeftOutFor reason = LeftOutFor::Unable;
  std::optional<Need> need;  ///< of Unable
  SteadyTime until{};        ///< when it may be tried again, if that is known
};

/// Where to try a request, best first: the targets of its model, then those of the models that may
/// answer in its place.
struct Plan {
  boost::container::small_vector<std::shared_ptr<const Model>, 2> models;  // kept over a reload
  boost::container::small_vector<Candidate, 6> candidates;
  boost::container::small_vector<LeftOut, 2> left_out;
  double min_confidence = 0;  ///< below it the next candidate is asked too; 0: no cascade

  const Model& model_of(Candidate candidate) const { return *models[candidate.model]; }
  const Target& target_of(Candidate candidate) const {
    return models[candidate.model]->targets[candidate.target];
  }
  /// When the first of those left out may be tried again; nothing if none ever will.
  std::optional<SteadyTime> retry_at() const;
  /// Why there is no candidate: InvalidRequest if no target is able, RateLimited if only keys or
  /// rates stand in the way, else Overloaded; with `retry_after` and, in details, each target and
  /// its reason.
  Error refusal(SteadyTime now) const;
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
  bool is_probe() const { return admission_ == TargetHealth::Admission::GrantedAsProbe; }

 private:
  friend class Router;
  void release();

  std::shared_ptr<const Model> model_;  // the call may outlive its catalog
  std::size_t target_ = 0;
  std::size_t key_ = 0;
  TargetHealth::Admission admission_ = TargetHealth::Admission::Refused;
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
  void answered(const Lease& lease, std::chrono::nanoseconds first_token, SteadyTime now);
  void ended(Lease lease, const Outcome& outcome, SteadyTime now);

  /// Whether begin() would grant a lease, and another key than `but` at that.
  bool usable(const Target& target, SteadyTime now) const;
  bool other_key(const Target& target, std::size_t but, SteadyTime now) const;
  /// What follows a failed attempt at a target of `model`, within that model's budget.
  NextStep after(const Model& model, const FailedAttempt& failed, SteadyTime now);
  /// When a second attempt may be started beside a first that is still silent; unset: never. Such
  /// an attempt takes one from the budget with may_hedge().
  std::optional<std::chrono::nanoseconds> hedge_after(const Model& model,
                                                      const Target& target) const;
  bool may_hedge(const Model& model, SteadyTime now);

  /// An active health check of a target succeeded.
  void seen_alive(std::string_view provider, std::string_view target, SteadyTime now);
  std::vector<TargetView> view(SteadyTime now) const;
  /// Opens the breaker until it is closed by hand. False: no such target.
  bool hold_open(std::string_view provider, std::string_view target, SteadyTime now);
  /// Closes the breaker and wakes the keys that rest.
  bool close(std::string_view provider, std::string_view target, SteadyTime now);

 private:
  Health& health_;
  Random random_;
};

}  // namespace headgate::routing
