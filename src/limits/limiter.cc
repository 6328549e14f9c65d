#include "limits/limiter.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/encoding.h"
#include "base/text_map.h"
#include "limits/gcra.h"

namespace headgate::limits {
namespace {

using namespace std::chrono_literals;

// SDKs do not retry at all when asked to wait longer (openai-python: MAX_RETRY_AFTER_DELAY).
constexpr std::chrono::milliseconds kLongestWait{120'000};
// A slot comes free when some request ends; nobody knows when.
constexpr std::chrono::milliseconds kSlotWait{1'000};
constexpr std::size_t kShards = 64;
constexpr std::size_t kEvictionProbes = 64;

/// The rates of a tier, always in this order; a principal keeps one state for each.
constexpr std::size_t kRates = 3;
struct Rate {
  std::string_view name;  // for error.details.limit
  std::uint64_t count = 0;
  std::chrono::milliseconds window{0};
  GcraRate gcra;
};

struct Tier {
  std::string name;
  std::array<Rate, kRates> rates;
  std::uint64_t concurrent = 0;
  bool unlimited() const {
    return concurrent == 0 &&
           std::ranges::all_of(rates, [](const Rate& rate) { return rate.count == 0; });
  }
};

/// All tiers in force: an immutable snapshot.
struct TierTable {
  std::map<std::string, Tier, std::less<>> tiers;

  const Tier* find(std::string_view name) const {
    auto found = tiers.find(name);
    if (found == tiers.end()) {
      found = tiers.find(std::string_view("default"));
    }
    return found == tiers.end() || found->second.unlimited() ? nullptr : &found->second;
  }
};

Rate make_rate(std::string_view name, std::uint64_t count, std::chrono::milliseconds window,
               std::uint64_t burst) {
  return {name, count, window, GcraRate::of(count, window, burst)};
}

std::shared_ptr<const TierTable> make_table(const Limiter::Tiers& settings) {
  auto table = std::make_shared<TierTable>();
  for (const auto& [name, tier] : settings) {
    // `burst` belongs to the short rates; an hour's allowance may be used at once otherwise.
    table->tiers.emplace(
        name,
        Tier{.name = name,
             .rates = {make_rate("requests_per_minute", tier.per_minute, 1min, tier.burst),
                       make_rate("requests_per_hour", tier.per_hour, 1h, 0),
                       make_rate("requests_per_window", tier.per_window, tier.window, tier.burst)},
             .concurrent = tier.concurrent});
  }
  return table;
}

/// What one principal has used.
struct Usage {
  std::array<std::int64_t, kRates> states{};  // guarded by the shard's mutex
  /// Raised under the shard's mutex, lowered by permits without it.
  std::atomic<std::uint32_t> running{0};

  bool idle(std::int64_t now) const {
    return running.load(std::memory_order_acquire) == 0 &&
           std::ranges::all_of(states, [now](std::int64_t state) { return state <= now; });
  }
};

using Usages = TextMap<Usage>;

struct alignas(64) Shard {
  std::mutex mutex;
  std::shared_ptr<const TierTable> table;  // guarded by mutex; the same in every shard
  Usages usages;                           // guarded by mutex; addresses are stable
  std::size_t next_probe = 0;              // guarded by mutex: the bucket eviction looks at next
};

/// Forgets a principal of `usages` that has nothing used, else the one nearest to that among those
/// looked at. False if all of them are running something.
bool evict_one(Shard& shard, std::int64_t now) {
  Usages& usages = shard.usages;
  auto victim = usages.end();
  std::int64_t victim_state = INT64_MAX;
  std::size_t looked_at = 0;
  for (std::size_t buckets = usages.bucket_count();
       buckets > 0 && (looked_at < kEvictionProbes || victim == usages.end()); --buckets) {
    const std::size_t bucket = shard.next_probe++ % usages.bucket_count();
    for (auto entry = usages.begin(bucket); entry != usages.end(bucket); ++entry) {
      ++looked_at;
      const std::int64_t state = *std::ranges::max_element(entry->second.states);
      if (entry->second.running.load(std::memory_order_acquire) == 0 && state < victim_state) {
        victim = usages.find(entry->first);
        victim_state = state;
      }
    }
    if (victim != usages.end() && victim->second.idle(now)) {
      break;
    }
  }
  if (victim == usages.end()) {
    return false;
  }
  usages.erase(victim);
  return true;
}

std::string_view period_name(const Rate& rate) {
  if (rate.window == 1min) {
    return "a minute";
  }
  return rate.window == 1h ? "an hour" : std::string_view();
}

Error rate_limited(std::string message, const Tier& tier, std::string_view limit,
                   std::uint64_t value, std::chrono::nanoseconds wait) {
  Error error;
  error.kind = ErrorKind::RateLimited;
  error.origin = Origin::Client;
  error.message = std::move(message);
  error.details_json = R"({"limit":)" + json_quote(limit) + R"(,"value":)" + std::to_string(value) +
                       R"(,"tier":)" + json_quote(tier.name) + "}";
  error.retry_after = std::min(std::chrono::ceil<std::chrono::milliseconds>(wait), kLongestWait);
  return error;
}

Error too_many_at_once(const Tier& tier) {
  return rate_limited("The tier " + tier.name + " allows " + std::to_string(tier.concurrent) +
                          " requests at once; wait until one has ended.",
                      tier, "concurrent_requests", tier.concurrent, kSlotWait);
}

Error too_fast(const Tier& tier, const Rate& rate, std::chrono::nanoseconds wait) {
  std::string period(period_name(rate));
  if (period.empty()) {
    period = "in " + go_duration(rate.window);
  }
  return rate_limited("The tier " + tier.name + " allows " + std::to_string(rate.count) +
                          " requests " + period + "; try again in " + go_duration(wait) + ".",
                      tier, rate.name, rate.count, wait);
}

/// Keeps in `status` the rate with the fewest requests left.
void tighten(LimitStatus& status, const Rate& rate, const GcraVerdict& verdict) {
  if (status.limit == 0 || verdict.remaining < status.remaining) {
    status = {rate.count, verdict.remaining, verdict.reset_after};
  }
}

}  // namespace

struct Limiter::Impl {
  Shard& shard_of(std::string_view id) { return shards[TextHash{}(id) / 7 % kShards]; }

  /// Decides on all limits of `tier`, then asks `reserve`, and only then takes from them.
  template <class Reserve>
  static Result<LimitStatus> take(const Tier& tier, Usage& usage, SteadyTime now,
                                  Reserve& reserve) {
    if (tier.concurrent != 0 && usage.running.load(std::memory_order_acquire) >= tier.concurrent) {
      return fail(too_many_at_once(tier));
    }
    std::array<GcraVerdict, kRates> verdicts;
    const Rate* worst = nullptr;
    std::chrono::nanoseconds wait{0};
    for (std::size_t i = 0; i < kRates; ++i) {
      if (tier.rates[i].count == 0) {
        continue;
      }
      verdicts[i] = gcra_decide(tier.rates[i].gcra, usage.states[i], now);
      if (!verdicts[i].allowed && verdicts[i].retry_after > wait) {
        worst = &tier.rates[i];
        wait = verdicts[i].retry_after;
      }
    }
    if (worst != nullptr) {
      return fail(too_fast(tier, *worst, wait));
    }
    Result<void> reserved = reserve();
    if (!reserved) {
      return fail(std::move(reserved.error()));
    }
    LimitStatus status;
    for (std::size_t i = 0; i < kRates; ++i) {
      if (tier.rates[i].count != 0) {
        usage.states[i] = verdicts[i].next;
        tighten(status, tier.rates[i], verdicts[i]);
      }
    }
    return status;
  }

  std::array<Shard, kShards> shards;
  std::size_t max_per_shard = 1;
};

Limiter::Limiter(const Tiers& tiers, std::size_t max_principals) : impl_(std::make_unique<Impl>()) {
  impl_->max_per_shard = std::max<std::size_t>((max_principals + kShards - 1) / kShards, 1);
  set_tiers(tiers);
}

Limiter::~Limiter() = default;

void Limiter::set_tiers(const Tiers& tiers) {
  const auto table = make_table(tiers);
  for (Shard& shard : impl_->shards) {
    const std::lock_guard lock(shard.mutex);
    shard.table = table;
  }
}

Result<Permit> Limiter::admit(const model::Principal& principal, SteadyTime now) {
  return admit_with(principal, now, [] { return Result<void>(); });
}

Result<Admitted> Limiter::admit(const model::Principal& principal, SteadyTime now, Budgets& budgets,
                                const Estimate& estimate) {
  Admitted admitted;
  // Under the shard's lock, which Budgets never asks for.
  auto permit = admit_with(principal, now, [&]() -> Result<void> {
    auto reservation = budgets.reserve(principal, estimate);
    if (!reservation) {
      return fail(std::move(reservation.error()));
    }
    admitted.reservation = std::move(*reservation);
    return {};
  });
  if (!permit) {
    return fail(std::move(permit.error()));
  }
  admitted.permit = std::move(*permit);
  return admitted;
}

template <class Reserve>
Result<Permit> Limiter::admit_with(const model::Principal& principal, SteadyTime now,
                                   Reserve reserve) {
  Shard& shard = impl_->shard_of(principal.id);
  const std::lock_guard lock(shard.mutex);
  const Tier* tier = shard.table->find(principal.tier);
  if (tier == nullptr) {
    Result<void> reserved = reserve();
    return reserved ? Result<Permit>(Permit()) : fail(std::move(reserved.error()));
  }
  auto found = shard.usages.find(std::string_view(principal.id));
  if (found == shard.usages.end()) {
    const std::int64_t at = std::chrono::nanoseconds(now.time_since_epoch()).count();
    if (shard.usages.size() >= impl_->max_per_shard && !evict_one(shard, at)) {
      return fail(overloaded("Too many clients at once.", kSlotWait));
    }
    found = shard.usages.try_emplace(principal.id).first;
  }
  Usage& usage = found->second;
  auto status = Impl::take(*tier, usage, now, reserve);
  if (!status) {
    return fail(std::move(status.error()));
  }
  if (tier->concurrent == 0) {
    return Permit(nullptr, *status);
  }
  usage.running.fetch_add(1, std::memory_order_relaxed);
  return Permit(&usage.running, *status);
}

LimitStatus Limiter::status(const model::Principal& principal, SteadyTime now) const {
  Shard& shard = impl_->shard_of(principal.id);
  const std::lock_guard lock(shard.mutex);
  LimitStatus status;
  const Tier* tier = shard.table->find(principal.tier);
  if (tier == nullptr) {
    return status;
  }
  const auto found = shard.usages.find(std::string_view(principal.id));
  for (std::size_t i = 0; i < kRates; ++i) {
    if (tier->rates[i].count != 0) {
      const std::int64_t state = found == shard.usages.end() ? 0 : found->second.states[i];
      tighten(status, tier->rates[i], gcra_look(tier->rates[i].gcra, state, now));
    }
  }
  return status;
}

}  // namespace headgate::limits
