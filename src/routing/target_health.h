#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "config/settings.h"
#include "model/inference_request.h"

namespace headgate::routing {

/// Of a target's breaker.
///
/// | state    | calls                          | leaves it                                        |
/// |----------|--------------------------------|--------------------------------------------------|
/// | Closed   | all                            | enough failures in a row, an outlier, by hand    |
/// | Open     | none                           | its time is over, a health check, by hand        |
/// | HalfOpen | exactly one, the probe         | with the probe: ok closes, a fault opens         |
enum class BreakerState : std::uint8_t { Closed, Open, HalfOpen };

/// Why a breaker is not closed.
enum class OpenCause : std::uint8_t { None, Failures, Outlier, ByHand };

std::string_view name_of(BreakerState state);
std::string_view name_of(OpenCause cause);

/// How a call ended.
enum class CallResult : std::uint8_t {
  Ok,
  ProviderFault,  ///< 5xx, connection, timeout, truncated or malformed answer
  CallerFault,    ///< the request is at fault; the target is well
  Cancelled,      ///< says nothing of the target
  RateLimited,    ///< the key rests
  BadKey,         ///< the key rests for long
};

struct Outcome {
  CallResult result = CallResult::Ok;
  std::chrono::nanoseconds latency{0};                     ///< of the whole call
  std::optional<std::chrono::nanoseconds> first_token{};   ///< of a stream, if not told before
  std::optional<std::chrono::milliseconds> retry_after{};  ///< of RateLimited
  bool silent = false;  ///< of ProviderFault: nothing came in time
};

/// How long something took, counted for ever.
struct Timings {
  /// Seconds.
  static constexpr std::array kBounds = {0.05, 0.1,  0.25, 0.5,   1.0,   2.5,  5.0,
                                         10.0, 30.0, 60.0, 120.0, 300.0, 600.0};
  std::array<std::uint64_t, kBounds.size() + 1> counts{};  ///< within each bound, then beyond
  double seconds = 0;                                      ///< all together
  void note(std::chrono::nanoseconds time);
};

/// What an operator sees of a target.
struct TargetView {
  std::string provider;
  std::string target;  ///< the provider's name of the model
  BreakerState state = BreakerState::Closed;
  OpenCause cause = OpenCause::None;
  SteadyTime since{};       ///< in this state
  SteadyTime open_until{};  ///< of Open: when a probe is let through; max(): closed by hand only
  std::uint32_t in_flight = 0;
  std::uint32_t failures_in_row = 0;
  std::chrono::nanoseconds latency{0};      ///< peak EWMA; 0: not known
  std::chrono::nanoseconds first_token{0};  ///< peak EWMA; 0: not known
  std::chrono::nanoseconds p95{0};          ///< of the latency, within an eighth; 0: not known
  std::uint64_t calls = 0;
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;        ///< provider faults
  std::uint64_t rate_limited = 0;  ///< by the provider
  std::uint64_t opened = 0;        ///< times the breaker opened
  Timings first_tokens;
  Timings remote_waits;  ///< of jobs in the provider's own queue, cold starts included
  // Of its provider.
  std::uint32_t keys = 0;
  std::uint32_t keys_resting = 0;
  std::uint64_t calls_last_minute = 0;
  std::uint64_t calls_per_minute = 0;  ///< declared for all keys together; 0: none
};

/// The health of one target, shared by all event loops and kept over reloads.
///
/// Thread safe; a call takes one short lock, the readers used to order targets take none.
class TargetHealth final {
 public:
  /// The answer to begin().
  struct Admission {
    enum class Kind : std::uint8_t { Refused, Granted, Probe };
    Kind kind = Kind::Refused;
    std::uint64_t period = 0;  ///< in which of the breaker's periods
    bool answered = false;     ///< the first token is there
  };
  enum class Standing : std::uint8_t { Closed, ProbeDue, ProbeRuns, Open };

  TargetHealth(std::string provider, std::string target);
  TargetHealth(const TargetHealth&) = delete;
  TargetHealth& operator=(const TargetHealth&) = delete;
  ~TargetHealth() = default;

  const std::string& provider() const { return provider_; }
  const std::string& target() const { return target_; }
  /// The same for the same provider and target in every run.
  std::uint64_t id() const { return id_; }

  /// Takes a place for one call. Granted calls must be ended.
  Admission begin(SteadyTime now);
  /// The first token of a call is there: a probe has succeeded, but the call goes on.
  void answered(Admission& admission, std::chrono::nanoseconds first_token, SteadyTime now);
  /// The call that `admission` granted has ended. What was begun before the breaker last changed
  /// decides nothing any more: the last timeouts of an outage must not begin a second one.
  void end(Admission admission, const Outcome& outcome, const config::BreakerSettings& breaker,
           SteadyTime now);
  /// A call is given up because another target answered before it: its answer, or of a stream its
  /// first token, would have come `elapsed` after its start at the earliest. Without this only
  /// quick answers would be known of a target that is often outrun. The call is still to be ended.
  void outrun(std::chrono::nanoseconds elapsed, model::Delivery delivery, SteadyTime now);
  /// So long a job waited in the provider's queue for a worker.
  void note_remote_wait(std::chrono::nanoseconds wait);
  /// A granted call was not made.
  void abandon(Admission admission);

  /// An active health check succeeded: an open breaker lets a probe through early, though the more
  /// rarely the more probes failed.
  void seen_alive(SteadyTime now);
  /// Opens a closed breaker because of a share of errors far above that of its peers.
  bool eject(std::chrono::milliseconds open_for, SteadyTime now);
  /// Open until close().
  void hold_open(SteadyTime now);
  void close(SteadyTime now);

  Standing standing(SteadyTime now) const;
  /// When a probe is due; of Open only.
  SteadyTime open_until() const;
  std::uint32_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }
  /// Whether several calls wait and nothing was heard for far longer than usual: a server that is
  /// gone without a word. Its breaker hears of that only when the first call has waited its time.
  bool silent(SteadyTime now) const;
  /// Peak EWMA of the latency as of `now`, which fades while nothing is heard; 30 ms at first.
  std::chrono::nanoseconds latency(SteadyTime now) const;
  /// The same of the first token; the latency's where no streams were seen.
  std::chrono::nanoseconds first_token(SteadyTime now) const;
  /// The 95th percentile of recent latencies, or nothing before 20 of them.
  std::optional<std::chrono::nanoseconds> p95() const;
  /// The same of the first token of streams.
  std::optional<std::chrono::nanoseconds> p95_first_token() const;

  /// Faults and calls of the last 30 s.
  struct Recent {
    std::uint32_t calls = 0;
    std::uint32_t faults = 0;
  };
  Recent recent(SteadyTime now) const;
  TargetView view(SteadyTime now) const;

 private:
  /// A peak EWMA: rises at once to a slower sample, sinks with a half life.
  struct Ewma {
    std::atomic<std::int64_t> value{0};  ///< nanoseconds; 0: no sample yet
    std::atomic<std::int64_t> at{0};     ///< steady nanoseconds of the last sample
    void add(std::chrono::nanoseconds sample, SteadyTime now);
    std::chrono::nanoseconds at_time(SteadyTime now) const;
  };
  /// Counts by slices of 5 s.
  struct Slice {
    std::int64_t number = -1;
    std::uint32_t calls = 0;
    std::uint32_t faults = 0;
  };
  /// Latencies in quarters of octaves; the counts are halved when full, so that old ones fade.
  class Latencies {
   public:
    void note(std::chrono::nanoseconds latency);
    /// 0 before there are enough of them.
    std::chrono::nanoseconds percentile_95() const;

   private:
    static constexpr std::size_t kBins = 96;
    std::array<std::uint16_t, kBins> counts_{};
    std::uint32_t kept_ = 0;
  };

  void note(bool fault, SteadyTime now);
  void note_first_token(std::chrono::nanoseconds first_token, SteadyTime now);
  void change(BreakerState state, OpenCause cause);
  void open(OpenCause cause, SteadyTime until, SteadyTime now);
  void shut(SteadyTime now);
  void fault(Admission admission, const config::BreakerSettings& breaker, SteadyTime now);
  void withdraw(Admission admission);
  void leave(const Admission& admission);

  const std::string provider_;
  const std::string target_;
  const std::uint64_t id_;

  // Written under the lock, read without it to order targets.
  std::atomic<BreakerState> state_{BreakerState::Closed};
  std::atomic<std::int64_t> open_until_{0};  ///< steady nanoseconds
  std::atomic<std::uint32_t> in_flight_{0};
  std::atomic<std::uint32_t> waiting_{0};  ///< of these, without a first token
  std::atomic<std::int64_t> heard_at_{0};  ///< steady nanoseconds; or when the first began to wait
  Ewma latency_;
  Ewma first_token_;

  mutable std::mutex mutex_;  // guards what follows, and every change of the state
  OpenCause cause_ = OpenCause::None;
  SteadyTime since_{};
  std::uint32_t failures_in_row_ = 0;
  std::uint32_t failed_probes_ = 0;  ///< since it was last closed
  SteadyTime opened_at_{};
  std::uint64_t period_ = 0;  ///< counts the changes of the state
  std::array<Slice, 6> slices_{};
  Latencies latencies_;
  Latencies first_tokens_;
  Timings all_first_tokens_;
  Timings remote_waits_;
  std::uint64_t calls_ = 0;
  std::uint64_t succeeded_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t rate_limited_ = 0;
  std::uint64_t opened_ = 0;
};

}  // namespace headgate::routing
