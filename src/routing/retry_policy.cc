#include "routing/retry_policy.h"

#include <algorithm>
#include <cmath>

#include "upstream/failure.h"

namespace headgate::routing {
namespace {

using std::chrono::milliseconds;

constexpr int kUnauthorized = 401;
constexpr int kPaymentRequired = 402;
constexpr int kTooManyRequests = 429;

bool is_about_length(const Error& error) {
  return error.code == "context_length_exceeded" || error.code == "string_above_max_length";
}

bool is_about_content(const Error& error) {
  return error.code == "content_policy_violation" || error.code == "content_filter";
}

std::optional<Trouble> trouble_of_connection(const Error& error) {
  const auto phase = upstream::failure_phase(error);
  if (!phase) {
    return std::nullopt;
  }
  switch (*phase) {
    case upstream::FailurePhase::Dns:
    case upstream::FailurePhase::Connect:
    case upstream::FailurePhase::ConnectTimeout:
    case upstream::FailurePhase::Tls:
      return Trouble::Unreachable;
    case upstream::FailurePhase::FirstByteTimeout:
    case upstream::FailurePhase::IdleTimeout:
      return Trouble::Silent;
    case upstream::FailurePhase::TotalTimeout:
      return Trouble::DeadlineOver;
    case upstream::FailurePhase::Reset:
    case upstream::FailurePhase::Protocol:
    case upstream::FailurePhase::Truncated:
      return Trouble::Broken;
  }
  return Trouble::Broken;
}

/// A refusal that lasts until somebody changes the configuration or the account. 403 may be about
/// what the caller asked for, so the key does not suffer.
Trouble trouble_of_refusal(const Error& error, int status) {
  const bool key =
      status == kUnauthorized || status == kPaymentRequired || error.code == kAccountRefused;
  return key ? Trouble::Key : Trouble::Misfit;
}

Trouble trouble_of_kind(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::RateLimited:
      return Trouble::RateLimit;
    case ErrorKind::Timeout:
      return Trouble::Silent;
    case ErrorKind::RequestTimeout:
    case ErrorKind::UpstreamFailed:
    case ErrorKind::Overloaded:
    case ErrorKind::Internal:
      return Trouble::Broken;
    case ErrorKind::Unauthenticated:
    case ErrorKind::BudgetSpent:
      return Trouble::Key;
    case ErrorKind::Forbidden:
    case ErrorKind::NotFound:
    case ErrorKind::MethodNotAllowed:
    case ErrorKind::NotImplemented:
    case ErrorKind::VersionUnsupported:
      return Trouble::Misfit;
    default:
      return Trouble::CallersFault;
  }
}

NextStep give_up() { return {}; }

milliseconds jittered(const config::RetrySettings& retry, unsigned attempts, Random& random) {
  const double longest = std::min(
      static_cast<double>(retry.max.count()),
      static_cast<double>(retry.initial.count()) *
          std::pow(std::max(retry.factor, 1.0), static_cast<double>(std::max(attempts, 1U) - 1)));
  return milliseconds(static_cast<std::int64_t>(longest * random.unit()));
}

milliseconds until(SteadyTime then, SteadyTime now) {
  return then <= now ? milliseconds(0) : std::chrono::ceil<milliseconds>(then - now);
}

class Decision {
 public:
  Decision(const config::RetrySettings& retry, const FailedAttempt& failed, RetryBudget& budget,
           Random& random, SteadyTime now)
      : retry_(retry), failed_(failed), budget_(budget), random_(random), now_(now) {}

  NextStep make() {
    if (failed_.delivered == Delivered::Fixed || failed_.deadline <= now_) {
      return give_up();
    }
    switch (failed_.trouble) {
      case Trouble::CallersFault:
      case Trouble::ContentPolicy:
      case Trouble::DeadlineOver:
      case Trouble::Ours:
        return give_up();
      case Trouble::ContextLength:
        return failed_.larger_target ? NextStep{.kind = NextStep::Kind::LargerTarget} : give_up();
      case Trouble::Inexpressible:
      case Trouble::Silent:
      case Trouble::Misfit:
        return next_target();
      case Trouble::Key:
        return failed_.other_key ? same_after(milliseconds(0)) : next_target();
      case Trouble::RateLimit:
        return failed_.other_key ? same_after(milliseconds(0)) : rather_another();
      case Trouble::Unreachable:
        return rather_another();
      case Trouble::Broken:
      case Trouble::ModelsFault:
        return failed_.retry_after || failed_.usable_at > now_ ? rather_another() : same_soon();
    }
    return give_up();
  }

 private:
  NextStep next_target() const {
    return failed_.other_target ? NextStep{.kind = NextStep::Kind::NextTarget} : give_up();
  }

  NextStep rather_another() { return failed_.other_target ? next_target() : same_later(); }

  /// After the wait the target asks for, or that its breaker or keys ask for.
  NextStep same_later() {
    const milliseconds asked =
        std::max(failed_.retry_after.value_or(milliseconds(0)), until(failed_.usable_at, now_));
    if (asked > retry_.max * kLongestWaits) {
      return give_up();
    }
    return asked > milliseconds(0) || failed_.retry_after ? same_after(asked) : same_soon();
  }

  NextStep same_soon() { return same_after(jittered(retry_, failed_.attempts_on_target, random_)); }

  NextStep same_after(milliseconds delay) {
    const bool in_time = failed_.deadline == SteadyTime::max() || delay < failed_.deadline - now_;
    if (failed_.attempts_on_target >= retry_.max_attempts || !in_time) {
      return next_target();
    }
    if (!budget_.take(retry_.budget, retry_.budget_per_second, now_)) {
      NextStep step = next_target();
      step.budget_spent = step.kind == NextStep::Kind::GiveUp;
      return step;
    }
    return {.kind = NextStep::Kind::RetrySame, .delay = delay};
  }

  const config::RetrySettings& retry_;
  const FailedAttempt& failed_;
  RetryBudget& budget_;
  Random& random_;
  const SteadyTime now_;
};

}  // namespace

Trouble trouble_of(const Error& error, int status) {
  if (error.kind == ErrorKind::ClientLeft || error.origin == Origin::Gateway) {
    return Trouble::Ours;
  }
  if (is_about_length(error)) {
    return Trouble::ContextLength;
  }
  if (is_about_content(error)) {
    return Trouble::ContentPolicy;
  }
  if (error.code == kUnusableAnswer) {
    return Trouble::ModelsFault;
  }
  if (const auto trouble = trouble_of_connection(error)) {
    return *trouble;
  }
  if (status == kTooManyRequests && error.kind == ErrorKind::UpstreamFailed) {
    return Trouble::Key;  // its account is used up
  }
  if (error.permanent) {
    return trouble_of_refusal(error, status);
  }
  if (error.origin == Origin::Client && status == 0) {
    return Trouble::Inexpressible;
  }
  return trouble_of_kind(error.kind);
}

CallResult result_of(Trouble trouble) {
  switch (trouble) {
    case Trouble::CallersFault:
    case Trouble::ContextLength:
    case Trouble::ContentPolicy:
    case Trouble::ModelsFault:
    case Trouble::Misfit:  // whoever names what this target does not have must not close it to
                           // others
      return CallResult::CallerFault;
    case Trouble::Key:
      return CallResult::BadKey;
    case Trouble::RateLimit:
      return CallResult::RateLimited;
    case Trouble::Silent:
    case Trouble::Unreachable:
    case Trouble::Broken:
      return CallResult::ProviderFault;
    case Trouble::Inexpressible:
    case Trouble::DeadlineOver:
    case Trouble::Ours:
      return CallResult::Cancelled;
  }
  return CallResult::Cancelled;
}

NextStep next_step(const config::RetrySettings& retry, const FailedAttempt& failed,
                   RetryBudget& budget, Random& random, SteadyTime now) {
  return Decision(retry, failed, budget, random, now).make();
}

}  // namespace headgate::routing
