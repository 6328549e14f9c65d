#include "routing/target_health.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <utility>

#include "routing/random.h"

namespace headgate::routing {
namespace {

using std::chrono::nanoseconds;

/// A target nobody has called yet is taken to be as fast as this.
constexpr nanoseconds kUnknownLatency = std::chrono::milliseconds(30);
/// In which a latency fades to 1/e.
constexpr double kFadeNanoseconds = 10e9;
/// Below it the fading is not worth computing.
constexpr std::int64_t kFresh = 20'000'000;
/// The first wait after a failed probe before a health check is believed again; doubled each time.
constexpr std::chrono::seconds kFirstDoubt{1};
constexpr std::uint32_t kMostDoubts = 10;
constexpr std::int64_t kSliceSeconds = 5;
/// The finest latency told apart is 2^kFinest nanoseconds: 16 us.
constexpr unsigned kFinest = 14;
constexpr std::uint32_t kLatenciesKept = 512;
constexpr std::uint32_t kLatenciesNeeded = 20;
/// So many calls wait at a target that is thought silent, for so long.
constexpr std::uint32_t kWaitingAtSilent = 5;
constexpr std::int64_t kUsualTimes = 4;
constexpr nanoseconds kLeastSilence = std::chrono::seconds(1);
constexpr nanoseconds kSilenceOfUnknown = std::chrono::seconds(10);

std::int64_t ticks(SteadyTime time) {
  return std::chrono::duration_cast<nanoseconds>(time.time_since_epoch()).count();
}

std::uint64_t hash_of(std::string_view provider, std::string_view target) {
  std::uint64_t hash = 0;
  for (const char c : provider) {
    hash = mixed(hash ^ static_cast<unsigned char>(c));
  }
  hash = mixed(hash ^ 0x100U);  // no byte: ends the provider
  for (const char c : target) {
    hash = mixed(hash ^ static_cast<unsigned char>(c));
  }
  return hash;
}

/// The bin of a latency: its octave and the quarter in it.
std::size_t bin_of(nanoseconds latency, std::size_t bins) {
  const auto units =
      static_cast<std::uint64_t>(std::max<std::int64_t>(latency.count(), 0)) >> kFinest;
  if (units < 4) {
    return 0;
  }
  const auto octave = static_cast<unsigned>(std::bit_width(units)) - 3;
  return std::min<std::size_t>(octave * 4ULL + ((units >> octave) & 3U), bins - 1);
}

std::optional<nanoseconds> if_known(nanoseconds time) {
  return time == nanoseconds(0) ? std::nullopt : std::optional(time);
}

nanoseconds middle_of(std::size_t bin) {
  const std::size_t octave = bin / 4;
  const std::uint64_t low = (4 + bin % 4) << octave;
  const std::uint64_t high = (5 + bin % 4) << octave;
  return nanoseconds(static_cast<std::int64_t>(((low + high) << kFinest) / 2));
}

}  // namespace

std::string_view name_of(BreakerState state) {
  switch (state) {
    case BreakerState::Closed:
      return "closed";
    case BreakerState::Open:
      return "open";
    case BreakerState::HalfOpen:
      return "half_open";
  }
  return "closed";
}

std::string_view name_of(OpenCause cause) {
  switch (cause) {
    case OpenCause::None:
      return "none";
    case OpenCause::Failures:
      return "failures";
    case OpenCause::Outlier:
      return "outlier";
    case OpenCause::ByHand:
      return "by_hand";
  }
  return "none";
}

void Timings::note(nanoseconds time) {
  const double length = std::chrono::duration<double>(time).count();
  const auto* const bound = std::ranges::lower_bound(kBounds, length);
  ++counts[static_cast<std::size_t>(bound - kBounds.begin())];
  seconds += length;
}

TargetHealth::TargetHealth(std::string provider, std::string target)
    : provider_(std::move(provider)),
      target_(std::move(target)),
      id_(hash_of(provider_, target_)) {}

void TargetHealth::Ewma::add(nanoseconds sample, SteadyTime now) {
  const std::int64_t before = value.load(std::memory_order_relaxed);
  const double age = static_cast<double>(ticks(now) - at.load(std::memory_order_relaxed));
  const std::int64_t measured = std::max<std::int64_t>(sample.count(), 1);
  std::int64_t next = measured;
  if (before > measured) {
    const double weight = std::exp(-std::max(age, 0.0) / kFadeNanoseconds);
    next = static_cast<std::int64_t>(static_cast<double>(before) * weight +
                                     static_cast<double>(measured) * (1 - weight));
  }
  value.store(next, std::memory_order_relaxed);
  at.store(ticks(now), std::memory_order_relaxed);
}

nanoseconds TargetHealth::Ewma::at_time(SteadyTime now) const {
  const std::int64_t last = value.load(std::memory_order_relaxed);
  const std::int64_t age = ticks(now) - at.load(std::memory_order_relaxed);
  if (age < kFresh || last == 0) {
    return nanoseconds(last);
  }
  return nanoseconds(static_cast<std::int64_t>(
      static_cast<double>(last) * std::exp(-static_cast<double>(age) / kFadeNanoseconds)));
}

TargetHealth::Admission TargetHealth::begin(SteadyTime now) {
  const std::lock_guard lock(mutex_);
  const BreakerState state = state_.load(std::memory_order_relaxed);
  if (state == BreakerState::HalfOpen ||
      (state == BreakerState::Open && ticks(now) < open_until_.load(std::memory_order_relaxed))) {
    return {};
  }
  in_flight_.fetch_add(1, std::memory_order_relaxed);
  if (waiting_.fetch_add(1, std::memory_order_relaxed) == 0) {
    heard_at_.store(ticks(now), std::memory_order_relaxed);
  }
  if (state == BreakerState::Closed) {
    return {.kind = Admission::Kind::Granted, .period = period_};
  }
  change(BreakerState::HalfOpen, cause_);
  since_ = now;
  return {.kind = Admission::Kind::Probe, .period = period_};
}

void TargetHealth::answered(Admission& admission, nanoseconds first_token, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  heard_at_.store(ticks(now), std::memory_order_relaxed);
  if (!std::exchange(admission.answered, true)) {
    waiting_.fetch_sub(1, std::memory_order_relaxed);
  }
  note_first_token(first_token, now);
  if (admission.kind == Admission::Kind::Probe && admission.period == period_) {
    shut(now);
  }
}

void TargetHealth::end(Admission admission, const Outcome& outcome,
                       const config::BreakerSettings& breaker, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  leave(admission);
  if (outcome.result != CallResult::ProviderFault && outcome.result != CallResult::Cancelled) {
    heard_at_.store(ticks(now), std::memory_order_relaxed);
  }
  ++calls_;
  switch (outcome.result) {
    case CallResult::Ok:
      ++succeeded_;
      note(false, now);
      latency_.add(outcome.latency, now);
      latencies_.note(outcome.latency);
      if (outcome.first_token) {
        note_first_token(*outcome.first_token, now);
      }
      if (admission.period == period_) {
        failures_in_row_ = 0;
        if (admission.kind == Admission::Kind::Probe) {
          shut(now);
        }
      }
      return;
    case CallResult::ProviderFault:
      ++failed_;
      if (outcome.silent &&
          heard_at_.load(std::memory_order_relaxed) > ticks(now - outcome.latency)) {
        withdraw(admission);  // it answers others: what was asked here takes long
        return;
      }
      if (outcome.latency > latency_.at_time(now)) {
        latency_.add(outcome.latency, now);  // slow to fail is slow; quick to fail is not quick
      }
      fault(admission, breaker, now);
      return;
    case CallResult::RateLimited:
      ++rate_limited_;
      withdraw(admission);
      return;
    case CallResult::CallerFault:
    case CallResult::Cancelled:
    case CallResult::BadKey:
      withdraw(admission);
      return;
  }
}

void TargetHealth::outrun(nanoseconds elapsed, model::Delivery delivery, SteadyTime now) {
  const bool stream = delivery == model::Delivery::Stream;
  const std::lock_guard lock(mutex_);
  Ewma& known = stream ? first_token_ : latency_;
  if (elapsed > known.at_time(now)) {
    known.add(elapsed, now);
  }
  (stream ? first_tokens_ : latencies_).note(elapsed);
}

void TargetHealth::note_remote_wait(nanoseconds wait) {
  const std::lock_guard lock(mutex_);
  remote_waits_.note(wait);
}

void TargetHealth::abandon(Admission admission) {
  const std::lock_guard lock(mutex_);
  leave(admission);
  withdraw(admission);
}

void TargetHealth::leave(const Admission& admission) {
  in_flight_.fetch_sub(1, std::memory_order_relaxed);
  if (!admission.answered) {
    waiting_.fetch_sub(1, std::memory_order_relaxed);
  }
}

bool TargetHealth::silent(SteadyTime now) const {
  if (waiting_.load(std::memory_order_relaxed) < kWaitingAtSilent) {
    return false;
  }
  const std::int64_t usual = latency_.value.load(std::memory_order_relaxed);
  const nanoseconds patience =
      usual == 0 ? kSilenceOfUnknown : std::max(kLeastSilence, nanoseconds(kUsualTimes * usual));
  return ticks(now) - heard_at_.load(std::memory_order_relaxed) > patience.count();
}

void TargetHealth::fault(Admission admission, const config::BreakerSettings& breaker,
                         SteadyTime now) {
  if (admission.period != period_) {
    return;
  }
  note(true, now);
  ++failures_in_row_;
  if (admission.kind == Admission::Kind::Probe) {
    failed_probes_ = std::min(failed_probes_ + 1, kMostDoubts);
    open(cause_, now + breaker.open_for, now);
  } else if (breaker.failures != 0 && failures_in_row_ >= breaker.failures) {
    ++opened_;
    open(OpenCause::Failures, now + breaker.open_for, now);
  }
}

/// A probe that proved nothing makes room for the next.
void TargetHealth::withdraw(Admission admission) {
  if (admission.kind == Admission::Kind::Probe && admission.period == period_) {
    change(BreakerState::Open, cause_);
  }
}

void TargetHealth::seen_alive(SteadyTime now) {
  const std::lock_guard lock(mutex_);
  if (state_.load(std::memory_order_relaxed) != BreakerState::Open || cause_ == OpenCause::ByHand) {
    return;
  }
  if (now >= opened_at_ + kFirstDoubt * (1LL << failed_probes_) / 2) {
    open_until_.store(std::min(open_until_.load(std::memory_order_relaxed), ticks(now)),
                      std::memory_order_relaxed);
  }
}

bool TargetHealth::eject(std::chrono::milliseconds open_for, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  if (state_.load(std::memory_order_relaxed) != BreakerState::Closed) {
    return false;
  }
  ++opened_;
  open(OpenCause::Outlier, now + open_for, now);
  return true;
}

void TargetHealth::hold_open(SteadyTime now) {
  const std::lock_guard lock(mutex_);
  if (state_.load(std::memory_order_relaxed) == BreakerState::Closed) {
    ++opened_;
  }
  open(OpenCause::ByHand, SteadyTime::max(), now);
}

void TargetHealth::close(SteadyTime now) {
  const std::lock_guard lock(mutex_);
  shut(now);
}

void TargetHealth::change(BreakerState state, OpenCause cause) {
  ++period_;
  cause_ = cause;
  state_.store(state, std::memory_order_relaxed);
}

void TargetHealth::open(OpenCause cause, SteadyTime until, SteadyTime now) {
  open_until_.store(ticks(until), std::memory_order_relaxed);
  opened_at_ = since_ = now;
  change(BreakerState::Open, cause);
}

void TargetHealth::shut(SteadyTime now) {
  failures_in_row_ = 0;
  failed_probes_ = 0;
  slices_ = {};
  since_ = now;
  change(BreakerState::Closed, OpenCause::None);
}

TargetHealth::Standing TargetHealth::standing(SteadyTime now) const {
  switch (state_.load(std::memory_order_relaxed)) {
    case BreakerState::Closed:
      return Standing::Closed;
    case BreakerState::HalfOpen:
      return Standing::ProbeRuns;
    case BreakerState::Open:
      return ticks(now) < open_until_.load(std::memory_order_relaxed) ? Standing::Open
                                                                      : Standing::ProbeDue;
  }
  return Standing::Closed;
}

SteadyTime TargetHealth::open_until() const {
  return SteadyTime(nanoseconds(open_until_.load(std::memory_order_relaxed)));
}

nanoseconds TargetHealth::latency(SteadyTime now) const {
  const nanoseconds known = latency_.at_time(now);
  return known == nanoseconds(0) ? kUnknownLatency : known;
}

nanoseconds TargetHealth::first_token(SteadyTime now) const {
  const nanoseconds known = first_token_.at_time(now);
  return known == nanoseconds(0) ? latency(now) : known;
}

void TargetHealth::note(bool fault, SteadyTime now) {
  const std::int64_t number = ticks(now) / 1'000'000'000 / kSliceSeconds;
  Slice& slice = slices_[static_cast<std::size_t>(number) % slices_.size()];
  if (slice.number != number) {
    slice = {.number = number};
  }
  ++slice.calls;
  slice.faults += fault ? 1 : 0;
}

TargetHealth::Recent TargetHealth::recent(SteadyTime now) const {
  const std::lock_guard lock(mutex_);
  const std::int64_t number = ticks(now) / 1'000'000'000 / kSliceSeconds;
  Recent sum;
  for (const Slice& slice : slices_) {
    if (slice.number > number - static_cast<std::int64_t>(slices_.size())) {
      sum.calls += slice.calls;
      sum.faults += slice.faults;
    }
  }
  return sum;
}

void TargetHealth::note_first_token(nanoseconds first_token, SteadyTime now) {
  first_token_.add(first_token, now);
  first_tokens_.note(first_token);
  all_first_tokens_.note(first_token);
}

void TargetHealth::Latencies::note(nanoseconds latency) {
  ++counts_[bin_of(latency, kBins)];
  if (++kept_ < kLatenciesKept) {
    return;
  }
  kept_ = 0;
  for (std::uint16_t& count : counts_) {
    count = static_cast<std::uint16_t>(count / 2);
    kept_ += count;
  }
}

nanoseconds TargetHealth::Latencies::percentile_95() const {
  if (kept_ < kLatenciesNeeded) {
    return nanoseconds(0);
  }
  std::uint32_t above = kept_ / 20;
  std::size_t bin = kBins - 1;
  while (bin > 0 && counts_[bin] <= above) {
    above -= counts_[bin--];
  }
  return middle_of(bin);
}

std::optional<nanoseconds> TargetHealth::p95() const {
  const std::lock_guard lock(mutex_);
  return if_known(latencies_.percentile_95());
}

std::optional<nanoseconds> TargetHealth::p95_first_token() const {
  const std::lock_guard lock(mutex_);
  return if_known(first_tokens_.percentile_95());
}

TargetView TargetHealth::view(SteadyTime now) const {
  const std::lock_guard lock(mutex_);
  TargetView view;
  view.provider = provider_;
  view.target = target_;
  view.state = state_.load(std::memory_order_relaxed);
  view.cause = cause_;
  view.since = since_;
  view.open_until = view.state == BreakerState::Open ? open_until() : SteadyTime();
  view.in_flight = in_flight();
  view.failures_in_row = failures_in_row_;
  view.latency = latency_.at_time(now);
  view.first_token = first_token_.at_time(now);
  view.p95 = latencies_.percentile_95();
  view.calls = calls_;
  view.succeeded = succeeded_;
  view.failed = failed_;
  view.rate_limited = rate_limited_;
  view.opened = opened_;
  view.first_tokens = all_first_tokens_;
  view.remote_waits = remote_waits_;
  return view;
}

}  // namespace headgate::routing
