#include "limits/budgets.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "base/encoding.h"
#include "limits/pricing.h"

// Tokens are kept as the time at which all that was taken has come back, at the tier's rate: the
// generic cell rate algorithm with a token as its cell and a minute's tokens as its burst. A
// reservation takes the stretch [tokens_end - its tokens, tokens_end] of that time; settled for
// less, it gives back the end of the stretch, but only what lies in the future: the past has come
// back by itself.

namespace headgate::limits {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kShards = 64;
constexpr std::int64_t kMinute = 60'000'000'000;
// SDKs do not retry at all when asked to wait longer (openai-python: MAX_RETRY_AFTER_DELAY).
constexpr std::chrono::milliseconds kLongestWait{120'000};
/// A request that took far more than it was let in for delays the next ones by no more than this.
constexpr std::int64_t kLongestDebt = 60 * kMinute;

/// Limits of one principal after its own and its tier's are weighed.
struct Limits {
  std::int64_t tokens_per_minute = 0;  ///< 0: none
  std::optional<std::int64_t> day;     ///< micro-USD
  std::optional<std::int64_t> month;

  bool any() const { return tokens_per_minute != 0 || day || month; }
  /// Nanoseconds in which one token comes back, rounded up.
  std::int64_t interval() const { return (kMinute + tokens_per_minute - 1) / tokens_per_minute; }
};

using TierLimits = std::map<std::string, Limits, std::less<>>;

TierLimits limits_of(const Budgets::Tiers& tiers) {
  const auto money = [](double usd) {
    return usd > 0 ? std::optional(micro_usd_of(usd)) : std::nullopt;
  };
  TierLimits limits;
  for (const auto& [name, tier] : tiers) {
    limits[name] = {.tokens_per_minute = static_cast<std::int64_t>(std::min<std::uint64_t>(
                        tier.tokens_per_minute, static_cast<std::uint64_t>(kMostTokens))),
                    .day = money(tier.budget_day),
                    .month = money(tier.budget_month)};
  }
  return limits;
}

/// What one principal has taken. Money includes what is reserved.
struct Account {
  std::int64_t tokens_back_at = 0;  // steady ns
  UtcDay day = 0;
  std::int64_t day_spent = 0;
  std::int64_t month_spent = 0;

  /// Begins a new day, and a new month with it; never an old one.
  void advance(UtcDay today) {
    if (today <= day) {
      return;
    }
    if (month_of(today) != month_of(day)) {
      month_spent = 0;
    }
    day_spent = 0;
    day = today;
  }
  void spend(UtcDay on, std::int64_t micro_usd) {
    if (on == day) {
      day_spent += micro_usd;
    }
    if (month_of(on) == month_of(day)) {
      month_spent += micro_usd;
    }
  }
};

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};

struct alignas(64) Shard {
  std::mutex mutex;
  std::shared_ptr<const TierLimits> tiers;  // guarded by mutex; the same in every shard
  std::unordered_map<std::string, Account, TextHash, std::equal_to<>>
      accounts;  // guarded by mutex; addresses are stable

  Limits limits(const model::Principal& principal) const {
    Limits limits;
    auto tier = tiers->find(principal.tier);
    if (tier == tiers->end()) {
      tier = tiers->find(std::string_view("default"));
    }
    if (tier != tiers->end()) {
      limits = tier->second;
    }
    limits.day = principal.budget_day ? principal.budget_day : limits.day;
    limits.month = principal.budget_month ? principal.budget_month : limits.month;
    return limits;
  }
  Account& account(std::string_view principal, UtcDay today) {
    auto found = accounts.find(principal);
    if (found == accounts.end()) {
      found = accounts.try_emplace(std::string(principal)).first;
    }
    found->second.advance(today);
    return found->second;
  }
};

std::int64_t nanoseconds_of(SteadyTime time) {
  return std::chrono::nanoseconds(time.time_since_epoch()).count();
}

/// How much of the minute's tokens is taken, as a time.
std::int64_t ahead_of(const Account* account, std::int64_t now) {
  return account == nullptr ? 0 : std::max<std::int64_t>(account->tokens_back_at - now, 0);
}

Error too_many_tokens(const Limits& limits, const model::Principal& principal, std::int64_t tokens,
                      std::int64_t wait) {
  Error error;
  error.kind = ErrorKind::RateLimited;
  error.origin = Origin::Client;
  error.details_json = R"({"limit":"tokens_per_minute","value":)" +
                       std::to_string(limits.tokens_per_minute) + R"(,"requested":)" +
                       std::to_string(tokens) + R"(,"tier":)" + json_quote(principal.tier) + "}";
  error.message = "The tier " + principal.tier + " allows " +
                  std::to_string(limits.tokens_per_minute) + " tokens a minute and this request " +
                  "may take " + std::to_string(tokens);
  if (tokens > limits.tokens_per_minute) {
    error.message += ": ask for less, for instance with max_tokens.";
    return error;
  }
  error.message += "; try again in " + go_duration(std::chrono::nanoseconds(wait)) + ".";
  error.retry_after = std::min(
      std::chrono::ceil<std::chrono::milliseconds>(std::chrono::nanoseconds(wait)), kLongestWait);
  return error;
}

/// One of a principal's two budgets, as it is seen when a request comes.
struct BudgetView {
  std::string_view name;    ///< for error.details.limit
  std::string_view period;  ///< "a day"
  std::int64_t budget = 0;
  std::int64_t spent = 0;
  UtcDay resets = 0;
};

Error budget_spent(const BudgetView& view, std::int64_t asked) {
  const std::string resets = day_text(view.resets) + "T00:00:00Z";
  Error error;
  error.kind = ErrorKind::BudgetSpent;
  error.origin = Origin::Client;
  error.message = "The budget of " + usd_text(view.budget) + " USD " + std::string(view.period) +
                  " does not allow this: " + usd_text(view.spent) +
                  " USD are spent or reserved and the request may cost " + usd_text(asked) +
                  " USD. It begins anew at " + resets + ".";
  error.details_json = R"({"limit":)" + json_quote(view.name) + R"(,"budget_usd":)" +
                       usd_text(view.budget) + R"(,"spent_usd":)" + usd_text(view.spent) +
                       R"(,"request_usd":)" + usd_text(asked) + R"(,"resets_at":)" +
                       json_quote(resets) + "}";
  return error;
}

/// The budget that does not allow `asked` more, if one does not.
std::optional<BudgetView> exceeded(const Limits& limits, const Account& account,
                                   std::int64_t asked) {
  const auto over = [asked](const std::optional<std::int64_t>& budget, std::int64_t spent) {
    return budget && asked > 0 && spent > *budget - asked;
  };
  // The month first: a caller who waits for the next day would wait in vain.
  if (over(limits.month, account.month_spent)) {
    return BudgetView{"budget_month", "a month", *limits.month, account.month_spent,
                      next_month(account.day)};
  }
  if (over(limits.day, account.day_spent)) {
    return BudgetView{"budget_day", "a day", *limits.day, account.day_spent, account.day + 1};
  }
  return std::nullopt;
}

}  // namespace

struct Budgets::Impl {
  explicit Impl(const Clock& given) : clock(given) {}

  Shard& shard_of(std::string_view id) { return shards[TextHash{}(id) / 7 % kShards]; }
  Limits limits_of(const model::Principal& principal) {
    Shard& shard = shard_of(principal.id);
    const std::lock_guard lock(shard.mutex);
    return shard.limits(principal);
  }
  std::int64_t now() const { return nanoseconds_of(clock.steady()); }
  UtcDay today() const { return utc_day(clock.wall()); }

  const Clock& clock;
  std::array<Shard, kShards> shards;
  std::atomic<bool> any_tier{false};  // whether some tier has one of these limits
};

Reservation::~Reservation() {
  if (budgets_ != nullptr && !kept_) {
    settle(0, 0);
  }
}

void Reservation::settle(std::int64_t tokens, std::int64_t micro_usd) {
  if (Budgets* budgets = std::exchange(budgets_, nullptr); budgets != nullptr) {
    budgets->settle(*this, tokens, micro_usd);
  }
}

void Reservation::swap(Reservation& other) noexcept {
  std::swap(budgets_, other.budgets_);
  std::swap(shard_, other.shard_);
  std::swap(account_, other.account_);
  std::swap(estimate_, other.estimate_);
  std::swap(day_, other.day_);
  std::swap(tokens_end_, other.tokens_end_);
  std::swap(interval_, other.interval_);
  std::swap(kept_, other.kept_);
}

Budgets::Budgets(const Tiers& tiers, const Clock& clock) : impl_(std::make_unique<Impl>(clock)) {
  set_tiers(tiers);
}

Budgets::~Budgets() = default;

void Budgets::set_tiers(const Tiers& tiers) {
  const auto limits = std::make_shared<const TierLimits>(limits_of(tiers));
  const bool any = std::ranges::any_of(*limits, [](const auto& tier) { return tier.second.any(); });
  if (any) {
    impl_->any_tier = true;  // before a shard has it, so that nobody is let past
  }
  for (Shard& shard : impl_->shards) {
    const std::lock_guard lock(shard.mutex);
    shard.tiers = limits;
  }
  impl_->any_tier = any;
}

bool Budgets::limit(const model::Principal& principal) const {
  if (principal.budget_day || principal.budget_month) {
    return true;
  }
  return impl_->any_tier.load(std::memory_order_relaxed) && impl_->limits_of(principal).any();
}

bool Budgets::limit_money(const model::Principal& principal) const {
  if (principal.budget_day || principal.budget_month) {
    return true;
  }
  if (!impl_->any_tier.load(std::memory_order_relaxed)) {
    return false;
  }
  const Limits limits = impl_->limits_of(principal);
  return limits.day || limits.month;
}

Result<Reservation> Budgets::reserve(const model::Principal& principal, const Estimate& estimate) {
  const Estimate asked{.tokens = std::clamp<std::int64_t>(estimate.tokens, 0, 2 * kMostTokens),
                       .micro_usd = std::clamp<std::int64_t>(estimate.micro_usd, 0, kMostMicroUsd)};
  const std::int64_t now = impl_->now();
  const UtcDay today = impl_->today();
  Shard& shard = impl_->shard_of(principal.id);
  const std::lock_guard lock(shard.mutex);
  const Limits limits = shard.limits(principal);
  Account& account = shard.account(principal.id, today);
  Reservation reservation;
  if (limits.tokens_per_minute != 0) {
    const std::int64_t interval = limits.interval();
    const std::int64_t all = interval * limits.tokens_per_minute;
    const std::int64_t ahead = ahead_of(&account, now);
    // A minute's tokens always take a minute, so this overflows for none that fits.
    const std::int64_t wanted = interval * std::min(asked.tokens, limits.tokens_per_minute + 1);
    if (ahead + wanted > all) {
      return fail(too_many_tokens(limits, principal, asked.tokens, ahead + wanted - all));
    }
    reservation.tokens_end_ = now + ahead + wanted;
    reservation.interval_ = interval;
  }
  if (const auto over = exceeded(limits, account, asked.micro_usd)) {
    return fail(budget_spent(*over, asked.micro_usd));
  }
  if (reservation.interval_ != 0) {
    account.tokens_back_at = reservation.tokens_end_;
  }
  account.spend(account.day, asked.micro_usd);
  reservation.budgets_ = this;
  reservation.account_ = &account;
  reservation.shard_ = &shard;
  reservation.estimate_ = asked;
  reservation.day_ = account.day;
  return reservation;
}

void Budgets::settle(const Reservation& reservation, std::int64_t tokens, std::int64_t micro_usd) {
  const std::int64_t used = std::clamp<std::int64_t>(tokens, 0, 2 * kMostTokens);
  const std::int64_t spent = std::clamp<std::int64_t>(micro_usd, 0, kMostMicroUsd);
  const std::int64_t now = impl_->now();
  auto& shard = *static_cast<Shard*>(reservation.shard_);
  auto& account = *static_cast<Account*>(reservation.account_);
  const std::lock_guard lock(shard.mutex);
  account.spend(reservation.day_, spent - reservation.estimate_.micro_usd);
  if (reservation.interval_ == 0) {
    return;
  }
  if (const std::int64_t more = used - reservation.estimate_.tokens; more >= 0) {
    account.tokens_back_at =
        std::max(account.tokens_back_at, now) +
        reservation.interval_ * std::min(more, kLongestDebt / reservation.interval_);
    return;
  }
  const std::int64_t less = (reservation.estimate_.tokens - used) * reservation.interval_;
  const std::int64_t kept_until = std::max(reservation.tokens_end_ - less, now);
  account.tokens_back_at -= std::max<std::int64_t>(reservation.tokens_end_ - kept_until, 0);
}

void Budgets::add_spend(std::string_view principal, UtcDay day, std::int64_t micro_usd) {
  if (micro_usd == 0) {
    return;
  }
  Shard& shard = impl_->shard_of(principal);
  const std::lock_guard lock(shard.mutex);
  shard.account(principal, std::max(day, impl_->today())).spend(day, micro_usd);
}

void Budgets::load(std::span<const stores::PrincipalSpend> spent, UtcDay today) {
  for (const stores::PrincipalSpend& each : spent) {
    Shard& shard = impl_->shard_of(each.principal);
    const std::lock_guard lock(shard.mutex);
    Account& account = shard.account(each.principal, today);
    account.day_spent = each.day_micro_usd;
    account.month_spent = each.month_micro_usd;
  }
}

LimitStatus Budgets::token_status(const model::Principal& principal) const {
  if (!impl_->any_tier.load(std::memory_order_relaxed)) {
    return {};
  }
  const std::int64_t now = impl_->now();
  Shard& shard = impl_->shard_of(principal.id);
  const std::lock_guard lock(shard.mutex);
  const Limits limits = shard.limits(principal);
  if (limits.tokens_per_minute == 0) {
    return {};
  }
  const std::int64_t interval = limits.interval();
  const std::int64_t all = interval * limits.tokens_per_minute;
  const auto found = shard.accounts.find(std::string_view(principal.id));
  const std::int64_t ahead =
      ahead_of(found == shard.accounts.end() ? nullptr : &found->second, now);
  return {
      .limit = static_cast<std::uint64_t>(limits.tokens_per_minute),
      .remaining = static_cast<std::uint64_t>(std::max<std::int64_t>(all - ahead, 0) / interval),
      .reset = std::chrono::nanoseconds(ahead)};
}

stores::PrincipalSpend Budgets::spent(const std::string& principal) const {
  const UtcDay today = impl_->today();
  Shard& shard = impl_->shard_of(principal);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.accounts.find(principal);
  if (found == shard.accounts.end()) {
    return {.principal = principal};
  }
  found->second.advance(today);
  return {.principal = principal,
          .day_micro_usd = found->second.day_spent,
          .month_micro_usd = found->second.month_spent};
}

}  // namespace headgate::limits
