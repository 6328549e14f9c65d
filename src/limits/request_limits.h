#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "config/settings.h"
#include "limits/gcra.h"
#include "limits/limit_status.h"

namespace headgate::limits {

/// Requests in one window.
struct RequestRate {
  std::string_view name;  ///< for error.details.limit
  std::uint64_t count = 0;
  std::chrono::milliseconds window{0};
  GcraRate gcra;
};

/// The rates of a set of limits, always in the same order; a RequestUse keeps a state for each.
inline constexpr std::size_t kRequestRates = 3;

/// Requests in windows and at once, of a tier's principals, of each of their clients, or of a
/// route.
struct RequestLimits {
  std::string subject;  ///< begins the sentence of a refusal: "The tier free allows"
  std::string details;  ///< members of error.details: "tier":"free"
  std::array<RequestRate, kRequestRates> rates;
  std::uint64_t concurrent = 0;

  bool none() const;
  static RequestLimits of_tier(std::string_view tier, const config::TierSettings& settings);
  static RequestLimits of_client(std::string_view tier, const config::RequestSettings& settings);
  static RequestLimits of_route(std::string_view pattern, const config::RequestSettings& settings);
};

/// What was used of one set of limits.
struct RequestUse {
  std::array<std::int64_t, kRequestRates> states{};
  std::atomic<std::uint32_t> running{0};

  bool runs() const { return running.load(std::memory_order_acquire) != 0; }
  /// Steady nanoseconds at which the last of it has come back.
  std::int64_t latest() const;
};

/// The limit that keeps a request waiting longest.
struct Refusal {
  const RequestLimits* limits = nullptr;  ///< null: none does
  const RequestRate* rate = nullptr;      ///< null: no slot is free
  std::chrono::nanoseconds wait{0};

  /// RateLimited; at most 120 s to wait.
  Error error() const;
};

/// One request before one set of limits: first decided, then taken, or not at all.
struct RequestClaim {
  const RequestLimits* limits = nullptr;
  RequestUse* use = nullptr;
  std::array<GcraVerdict, kRequestRates> verdicts{};

  /// Worsens `refusal` if the request may not pass.
  void decide(SteadyTime now, Refusal& refusal);
  /// Takes what was decided, but no slot, and says in `status` what remains if that is less.
  void take(LimitStatus& status) const;
};

/// Says in `status` what remains of `limits` if that is less; `use` null: nothing was used.
void look(const RequestLimits& limits, const RequestUse* use, SteadyTime now, LimitStatus& status);

}  // namespace headgate::limits
