#include "limits/limiter.h"

#include <algorithm>
#include <mutex>
#include <optional>

#include "base/text_map.h"
#include "limits/request_limits.h"

namespace headgate::limits {
namespace {

constexpr std::chrono::milliseconds kFullWait{1'000};
constexpr std::size_t kShards = 64;
constexpr std::size_t kEvictionProbes = 64;

struct Tier {
  RequestLimits principal;
  RequestLimits client;
};

/// All limits in force: an immutable snapshot.
struct LimitTable {
  std::map<std::string, Tier, std::less<>> tiers;
  std::map<std::string, RequestLimits, std::less<>> routes;  // those with limits

  const Tier* tier(std::string_view name) const {
    auto found = tiers.find(name);
    if (found == tiers.end()) {
      found = tiers.find(std::string_view("default"));
    }
    return found == tiers.end() ? nullptr : &found->second;
  }
};

std::shared_ptr<const LimitTable> make_table(const Limiter::Tiers& tiers, Limiter::Routes routes) {
  auto table = std::make_shared<LimitTable>();
  for (const auto& [name, tier] : tiers) {
    table->tiers.emplace(name, Tier{.principal = RequestLimits::of_tier(name, tier),
                                    .client = RequestLimits::of_client(name, tier.client)});
  }
  for (const config::RouteSettings& route : routes) {
    RequestLimits limits = RequestLimits::of_route(route.name, route.requests);
    if (!limits.none()) {
      table->routes.emplace(route.name, std::move(limits));
    }
  }
  return table;
}

/// The limits that hold for one request; null where there are none.
struct InForce {
  const RequestLimits* principal = nullptr;
  const RequestLimits* client = nullptr;
  const RequestLimits* route = nullptr;

  bool none() const { return principal == nullptr && client == nullptr && route == nullptr; }

  static InForce of(const LimitTable& table, const Caller& caller) {
    InForce found;
    if (const Tier* tier = table.tier(caller.principal.tier)) {
      found.principal = tier->principal.none() ? nullptr : &tier->principal;
      found.client = tier->client.none() ? nullptr : &tier->client;
    }
    if (const auto route = table.routes.find(caller.route); route != table.routes.end()) {
      found.route = &route->second;
    }
    return found;
  }
};

using Uses = TextMap<RequestUse>;

/// What one principal has used.
struct Account {
  RequestUse own;
  std::atomic<std::uint32_t> permits{0};  // of it, its clients and routes: while any, it stays
  Uses clients;
  Uses routes;  // by pattern: a few dozen at most
  std::size_t next_probe = 0;
  std::int64_t all_back = 0;  // steady ns at which the last of all this has come back

  bool runs() const { return permits.load(std::memory_order_acquire) != 0; }
  std::int64_t latest() const { return all_back; }
  /// Clients that certainly run nothing.
  std::size_t idle_clients() const {
    const std::size_t running = permits.load(std::memory_order_acquire);
    return clients.size() - std::min(running, clients.size());
  }
};

using Accounts = TextMap<Account>;

/// All but `running` of a RequestUse and `permits` of an Account is guarded by the mutex; permits
/// lower that without it.
struct alignas(64) Shard {
  std::mutex mutex;
  std::shared_ptr<const LimitTable> table;  // the same in every shard
  Accounts accounts;                        // addresses are stable, as those inside
  std::size_t clients = 0;                  // of all accounts
  std::size_t next_probe = 0;               // the bucket that is looked at next
};

/// One of `map` that has nothing used, else the one nearest to that among those looked at; never
/// one that runs something. end() if all do.
template <class Map>
Map::iterator idlest(Map& map, std::size_t& next_probe, std::int64_t now) {
  auto victim = map.end();
  std::int64_t victim_latest = INT64_MAX;
  std::size_t looked_at = 0;
  for (std::size_t buckets = map.bucket_count();
       buckets > 0 && (looked_at < kEvictionProbes || victim == map.end()); --buckets) {
    const std::size_t bucket = next_probe++ % map.bucket_count();
    for (auto entry = map.begin(bucket); entry != map.end(bucket); ++entry) {
      ++looked_at;
      if (!entry->second.runs() && entry->second.latest() < victim_latest) {
        victim = map.find(entry->first);
        victim_latest = entry->second.latest();
      }
    }
    if (victim != map.end() && victim_latest <= now) {
      break;
    }
  }
  return victim;
}

/// The account with the most idle clients among those looked at, `own` among them.
Account& richest(Shard& shard, Account& own) {
  Account* found = &own;
  std::size_t most = own.idle_clients();
  std::size_t looked_at = 0;
  for (std::size_t buckets = shard.accounts.bucket_count();
       buckets > 0 && (looked_at < kEvictionProbes || most == 0); --buckets) {
    const std::size_t bucket = shard.next_probe++ % shard.accounts.bucket_count();
    for (auto entry = shard.accounts.begin(bucket); entry != shard.accounts.end(bucket); ++entry) {
      ++looked_at;
      if (const std::size_t idle = entry->second.idle_clients(); idle > most) {
        found = &entry->second;
        most = idle;
      }
    }
  }
  return *found;
}

/// Of a known client or route, what it has used.
const RequestUse* find_use(const Uses& uses, std::string_view name) {
  const auto found = uses.find(name);
  return found == uses.end() ? nullptr : &found->second;
}

Error too_many_remembered() { return overloaded("Too many clients at once.", kFullWait); }

}  // namespace

struct Limiter::Impl {
  explicit Impl(LimiterBounds bounds)
      : most_accounts(per_shard(bounds.principals)),
        most_clients(per_shard(bounds.clients)),
        most_clients_of_one(std::max<std::size_t>(most_clients / 2, 1)) {}

  static std::size_t per_shard(std::size_t all) {
    return std::max<std::size_t>((all + kShards - 1) / kShards, 1);
  }

  Shard& shard_of(std::string_view id) { return shards[TextHash{}(id) / 7 % kShards]; }

  /// Null if there is no room.
  Account* account_of(Shard& shard, const std::string& id, std::int64_t now) const {
    const auto found = shard.accounts.find(std::string_view(id));
    if (found != shard.accounts.end()) {
      return &found->second;
    }
    if (shard.accounts.size() >= most_accounts) {
      const auto victim = idlest(shard.accounts, shard.next_probe, now);
      if (victim == shard.accounts.end()) {
        return nullptr;
      }
      shard.clients -= victim->second.clients.size();
      shard.accounts.erase(victim);
    }
    return &shard.accounts.try_emplace(id).first->second;
  }

  /// Null if there is no room.
  RequestUse* client_of(Shard& shard, Account& account, std::string_view client,
                        std::int64_t now) const {
    const auto found = account.clients.find(client);
    if (found != account.clients.end()) {
      return &found->second;
    }
    const bool too_many = account.clients.size() >= most_clients_of_one;
    if (too_many || shard.clients >= most_clients) {
      Account& from = too_many ? account : richest(shard, account);
      const auto victim = idlest(from.clients, from.next_probe, now);
      if (victim == from.clients.end()) {
        return nullptr;
      }
      from.clients.erase(victim);
      --shard.clients;
    }
    ++shard.clients;
    return &account.clients.try_emplace(std::string(client)).first->second;
  }

  /// What is left by all limits of `caller`. Under the shard's mutex.
  static LimitStatus look_at(const Shard& shard, const Caller& caller, SteadyTime now) {
    LimitStatus status;
    const InForce limits = InForce::of(*shard.table, caller);
    const auto found = shard.accounts.find(std::string_view(caller.principal.id));
    const Account* account = found == shard.accounts.end() ? nullptr : &found->second;
    if (limits.principal != nullptr) {
      look(*limits.principal, account == nullptr ? nullptr : &account->own, now, status);
    }
    if (limits.client != nullptr) {
      look(*limits.client, account == nullptr ? nullptr : find_use(account->clients, caller.client),
           now, status);
    }
    if (limits.route != nullptr) {
      look(*limits.route, account == nullptr ? nullptr : find_use(account->routes, caller.route),
           now, status);
    }
    return status;
  }

  std::array<Shard, kShards> shards;
  const std::size_t most_accounts;  // these are of each shard
  const std::size_t most_clients;
  const std::size_t most_clients_of_one;
};

Limiter::Limiter(const Tiers& tiers, Routes routes, LimiterBounds bounds)
    : impl_(std::make_unique<Impl>(bounds)) {
  set(tiers, routes);
}

Limiter::~Limiter() = default;

void Limiter::set(const Tiers& tiers, Routes routes) {
  const auto table = make_table(tiers, routes);
  for (Shard& shard : impl_->shards) {
    const std::lock_guard lock(shard.mutex);
    shard.table = table;
  }
}

Result<Permit> Limiter::admit(const Caller& caller, SteadyTime now) {
  return admit_with(caller, now, [] { return Result<void>(); });
}

Result<Admitted> Limiter::admit(const Caller& caller, SteadyTime now, Budgets& budgets,
                                const Estimate& estimate) {
  Admitted admitted;
  // Under the shard's lock, which Budgets never asks for.
  auto permit = admit_with(caller, now, [&]() -> Result<void> {
    auto reservation = budgets.reserve(caller.principal, estimate);
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
Result<Permit> Limiter::admit_with(const Caller& caller, SteadyTime now, Reserve reserve) {
  Shard& shard = impl_->shard_of(caller.principal.id);
  const std::lock_guard lock(shard.mutex);
  InForce limits = InForce::of(*shard.table, caller);
  if (caller.counts == Caller::Counts::OnRoute) {
    limits.principal = limits.client = nullptr;
  }
  std::array<RequestClaim, 3> claims;  // of the principal, its client and the route
  Account* account = nullptr;
  if (!limits.none()) {
    const std::int64_t at = std::chrono::nanoseconds(now.time_since_epoch()).count();
    account = impl_->account_of(shard, caller.principal.id, at);
    if (account == nullptr) {
      return fail(too_many_remembered());
    }
    claims[0] = {.limits = limits.principal, .use = &account->own};
    if (limits.client != nullptr) {
      claims[1] = {.limits = limits.client,
                   .use = impl_->client_of(shard, *account, caller.client, at)};
      if (claims[1].use == nullptr) {
        return fail(too_many_remembered());
      }
    }
    if (limits.route != nullptr) {
      auto route = account->routes.find(caller.route);
      if (route == account->routes.end()) {
        route = account->routes.try_emplace(std::string(caller.route)).first;
      }
      claims[2] = {.limits = limits.route, .use = &route->second};
    }
  }

  Refusal refusal;
  for (RequestClaim& claim : claims) {
    if (claim.limits != nullptr) {
      claim.decide(now, refusal);
    }
  }
  if (refusal.limits != nullptr) {
    return fail(refusal.error());
  }
  Result<void> reserved = reserve();
  if (!reserved) {
    return fail(std::move(reserved.error()));
  }

  LimitStatus status;
  Permit::Slots slots{};
  for (std::size_t i = 0; i < claims.size(); ++i) {
    const RequestClaim& claim = claims[i];
    if (claim.limits == nullptr) {
      continue;
    }
    claim.take(status);
    account->all_back = std::max(account->all_back, claim.use->latest());
    if (claim.limits->concurrent != 0) {
      slots[0] = &account->permits;
      slots[i + 1] = &claim.use->running;
    }
  }
  for (std::atomic<std::uint32_t>* slot : slots) {
    if (slot != nullptr) {
      slot->fetch_add(1, std::memory_order_relaxed);
    }
  }
  if (caller.counts == Caller::Counts::OnRoute) {
    status = Impl::look_at(shard, caller, now);
  }
  return Permit(slots, status);
}

LimitStatus Limiter::status(const Caller& caller, SteadyTime now) const {
  Shard& shard = impl_->shard_of(caller.principal.id);
  const std::lock_guard lock(shard.mutex);
  return Impl::look_at(shard, caller, now);
}

}  // namespace headgate::limits
