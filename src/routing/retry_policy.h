#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/error.h"
#include "config/settings.h"
#include "routing/random.h"
#include "routing/retry_budget.h"
#include "routing/target_health.h"

namespace headgate::routing {

/// What an attempt's failure is about; everything else follows from it.
enum class Trouble : std::uint8_t {
  CallersFault,   ///< the request must change
  ContextLength,  ///< too long for this target; another may have a larger window
  ContentPolicy,  ///< refused for what it says: given back as it is
  Inexpressible,  ///< nothing was sent: this vendor has no words for it, another may
  Key,            ///< the provider refuses this key
  RateLimit,      ///< too many calls with this key
  Silent,         ///< connected, but nothing came: first byte, first token, idle
  Unreachable,    ///< no connection
  Broken,         ///< 5xx, reset, truncated, malformed: may be well the next moment
  ModelsFault,    ///< the server is well, but what the model made cannot be used: may do better
  Misfit,         ///< fails here until somebody changes something, e.g. the model is unknown there
  DeadlineOver,   ///< the time of the whole request is spent
  Ours,           ///< the gateway's own trouble, or the client left
};

/// `status` is the HTTP status of the target's answer, 0 if there was none.
Trouble trouble_of(const Error& error, int status);
/// What to tell the target's health of such a failure.
CallResult result_of(Trouble trouble);

/// How much of the answer the client has already.
enum class Delivered : std::uint8_t {
  Nothing,
  Resumable,  ///< some, and another attempt can go on from there
  Fixed,      ///< some, and nothing but its end may follow
};

struct FailedAttempt {
  Trouble trouble = Trouble::Broken;
  std::optional<std::chrono::milliseconds> retry_after{};  ///< named by the target
  unsigned attempts_on_target = 1;                         ///< this one included
  Delivered delivered = Delivered::Nothing;
  bool other_target = false;   ///< one that is not yet used up can be called now
  bool larger_target = false;  ///< ... and has a larger window, or one that is not known
  bool other_key = false;      ///< of the same target is ready
  SteadyTime usable_at{};      ///< when the same target lets calls through again; max(): unknown
  SteadyTime deadline = SteadyTime::max();  ///< of the whole request
};

inline constexpr int kLongestWaits = 4;

struct NextStep {
  enum class Kind : std::uint8_t {
    RetrySame,     ///< the same target after `delay`
    NextTarget,    ///< another target at once
    LargerTarget,  ///< another target with a larger window at once
    GiveUp,        ///< the error goes to the caller, with its retry_after
  };
  Kind kind = Kind::GiveUp;
  std::chrono::milliseconds delay{0};
  /// Of GiveUp: it would have gone on, but for the budget.
  bool budget_spent = false;
};

/// Decides what follows a failed attempt.
///
/// - Waits are full jitter: rand(0, min(max, initial * factor^n)).
/// - A Retry-After is waited exactly, if it ends before the deadline and is not longer than
///   kLongestWaits times retry.max; a target that can be called at once is preferred to it.
/// - A silent target is never asked again by the same request.
/// - A retry of the same target takes one from the budget; where none is left, another target is
///   asked. Another target's first attempt is no retry: what it may be burdened with is bounded by
///   its own breaker, and that a caller sees no error while one target is well comes first.
NextStep next_step(const config::RetrySettings& retry, const FailedAttempt& failed,
                   RetryBudget& budget, Random& random, SteadyTime now);

}  // namespace headgate::routing
