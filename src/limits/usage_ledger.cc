#include "limits/usage_ledger.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/event_loop.h"
#include "observe/log.h"

namespace headgate::limits {
namespace {

namespace log = observe::log;

/// Different (principal, model, target) that one loop counts between two flushes; names of models
/// beyond that, which clients may invent where a provider takes any, become kOtherModel.
constexpr std::size_t kMostCounted = 10'000;
/// Records that wait for a disk that fails; beyond that the oldest are lost, settlements never.
constexpr std::size_t kMostPending = 100'000;
constexpr std::string_view kOtherModel = "_other";

struct KeyView {
  UtcDay day;
  std::string_view principal;
  std::string_view model;
  std::string_view provider;
  std::string_view target;
  friend bool operator==(const KeyView&, const KeyView&) = default;
};

struct Key {
  UtcDay day;
  std::string principal;
  std::string model;
  std::string provider;
  std::string target;
  explicit Key(const KeyView& view)
      : day(view.day),
        principal(view.principal),
        model(view.model),
        provider(view.provider),
        target(view.target) {}
  KeyView view() const { return {day, principal, model, provider, target}; }
};

struct KeyHash {
  using is_transparent = void;
  std::size_t operator()(const KeyView& key) const {
    constexpr std::size_t kOdd = 0x9E3779B97F4A7C15;
    const std::hash<std::string_view> hash;
    std::size_t sum = static_cast<std::size_t>(key.day);
    for (const std::string_view part : {key.principal, key.model, key.provider, key.target}) {
      sum = (sum ^ hash(part)) * kOdd;
    }
    return sum;
  }
  std::size_t operator()(const Key& key) const { return (*this)(key.view()); }
};
struct KeyEqual {
  using is_transparent = void;
  static KeyView view(const KeyView& key) { return key; }
  static KeyView view(const Key& key) { return key.view(); }
  bool operator()(const auto& a, const auto& b) const { return view(a) == view(b); }
};

struct Sums {
  std::int64_t requests = 0;
  std::int64_t estimated = 0;
  TokenUse tokens;
};

std::int64_t believable(std::int64_t tokens) {
  return std::clamp<std::int64_t>(tokens, 0, kMostTokens);
}

TokenUse believable(const TokenUse& use) {
  return {.input = believable(use.input),
          .output = believable(use.output),
          .images = believable(use.images),
          .characters = believable(use.characters),
          .audio_ms = believable(use.audio_ms)};
}

void add(TokenUse& sum, const TokenUse& use) {
  sum.input += use.input;
  sum.output += use.output;
  sum.images += use.images;
  sum.characters += use.characters;
  sum.audio_ms += use.audio_ms;
}

/// Adds records of one day, principal and model into one.
class Merged {
 public:
  void add(stores::UsageRecord record) {
    auto key = std::tuple(record.day, record.principal, record.model);
    const auto [found, fresh] = records_.try_emplace(std::move(key), std::move(record));
    if (fresh) {
      return;
    }
    found->second.requests += record.requests;  // only strings are moved from, and only if fresh
    found->second.input_tokens += record.input_tokens;
    found->second.output_tokens += record.output_tokens;
    found->second.micro_usd += record.micro_usd;
    found->second.estimated += record.estimated;
  }
  std::vector<stores::UsageRecord> take() {
    std::vector<stores::UsageRecord> records;
    records.reserve(records_.size());
    for (auto& [key, record] : records_) {
      records.push_back(std::move(record));
    }
    return records;
  }

 private:
  std::map<std::tuple<UtcDay, std::string, std::string>, stores::UsageRecord> records_;
};

}  // namespace

/// What one loop has counted. The lock is the loop's own but for one moment each second.
struct UsageLedger::Counts {
  std::mutex mutex;
  std::unordered_map<Key, Sums, KeyHash, KeyEqual> sums;  // guarded by mutex
};

UsageLedger::UsageLedger(stores::UsageStore& store, Budgets& budgets, const Clock& clock,
                         std::size_t loops)
    : store_(store),
      budgets_(budgets),
      clock_(clock),
      prices_(std::make_shared<const PriceList>()) {
  for (std::size_t i = 0; i < loops; ++i) {
    counts_.push_back(std::make_unique<Counts>());
  }
}

UsageLedger::~UsageLedger() = default;

void UsageLedger::set_prices(PriceList prices) {
  auto next = std::make_shared<const PriceList>(std::move(prices));
  const std::lock_guard lock(mutex_);
  prices_ = std::move(next);
}

std::shared_ptr<const PriceList> UsageLedger::prices() const {
  const std::lock_guard lock(mutex_);
  return prices_;
}

void UsageLedger::count(const Use& use) {
  Counts& counts = *counts_[EventLoop::current()->index()];
  KeyView key{utc_day(clock_.wall()), use.principal, use.model, use.provider, use.target};
  const std::lock_guard lock(counts.mutex);
  auto found = counts.sums.find(key);
  if (found == counts.sums.end()) {
    if (counts.sums.size() >= kMostCounted) {
      key.model = kOtherModel;
      key.target = kOtherModel;
    }
    found = counts.sums.try_emplace(Key(key)).first;
  }
  Sums& sums = found->second;
  ++sums.requests;
  sums.estimated += use.estimated ? 1 : 0;
  add(sums.tokens, believable(use.tokens));
}

stores::UsageRecord UsageLedger::record_of(const Use& use, const PriceList& prices) const {
  const TokenUse tokens = believable(use.tokens);
  return {.day = utc_day(clock_.wall()),
          .principal = std::string(use.principal),
          .model = std::string(use.model),
          .requests = 1,
          .input_tokens = tokens.input,
          .output_tokens = tokens.output,
          .micro_usd = micro_usd(prices.of(use.model, use.provider, use.target), tokens),
          .estimated = use.estimated ? 1 : 0};
}

void UsageLedger::add_spend(const stores::UsageRecord& written) {
  budgets_.add_spend(written.principal, written.day, written.micro_usd);
}

Task<Result<void>> UsageLedger::open(const Charge& charge) {
  co_return co_await store_.open_reservation(charge.written);
}

Task<void> UsageLedger::settle(Charge charge, TokenUse tokens, stores::UsageRecord used) {
  stores::Settlement settlement{.id = std::move(charge.written.id), .used = std::move(used)};
  charge.reservation.settle(tokens.input + tokens.output, settlement.used.micro_usd);
  auto settled = co_await store_.settle(settlement);
  if (!settled) {
    add_pending(std::move(settlement));
  }
}

void UsageLedger::settle_later(Charge charge, TokenUse tokens, stores::UsageRecord used) {
  charge.reservation.settle(tokens.input + tokens.output, used.micro_usd);
  add_pending({.id = std::move(charge.written.id), .used = std::move(used)});
}

void UsageLedger::add_pending(stores::Settlement settlement) {
  const std::lock_guard lock(mutex_);
  pending_.settlements.push_back(std::move(settlement));
}

stores::UsageBatch UsageLedger::collect() {
  const auto prices = this->prices();
  Merged counted;
  for (const auto& counts : counts_) {
    const std::lock_guard lock(counts->mutex);
    for (auto entry = counts->sums.begin(); entry != counts->sums.end();) {
      auto& [key, sums] = *entry;
      if (sums.requests == 0) {  // not used since the last time
        entry = counts->sums.erase(entry);
        continue;
      }
      counted.add(
          {.day = key.day,
           .principal = key.principal,
           .model = key.model,
           .requests = sums.requests,
           .input_tokens = sums.tokens.input,
           .output_tokens = sums.tokens.output,
           .micro_usd = micro_usd(prices->of(key.model, key.provider, key.target), sums.tokens),
           .estimated = sums.estimated});
      sums = {};
      ++entry;
    }
  }
  std::vector<stores::UsageRecord> records = counted.take();
  for (const stores::UsageRecord& record : records) {
    budgets_.add_spend(record.principal, record.day, record.micro_usd);
  }
  const std::lock_guard lock(mutex_);
  stores::UsageBatch batch = std::exchange(pending_, {});
  std::ranges::move(records, std::back_inserter(batch.records));
  return batch;
}

void UsageLedger::put_back(stores::UsageBatch batch) {
  const std::lock_guard lock(mutex_);
  std::ranges::move(batch.settlements, std::back_inserter(pending_.settlements));
  Merged records;
  for (std::vector<stores::UsageRecord>* part : {&batch.records, &pending_.records}) {
    for (stores::UsageRecord& record : *part) {
      records.add(std::move(record));
    }
  }
  pending_.records = records.take();
  if (pending_.records.size() > kMostPending) {
    pending_.records.erase(pending_.records.begin(),
                           pending_.records.end() - static_cast<std::ptrdiff_t>(kMostPending));
  }
}

Task<Result<void>> UsageLedger::flush() {
  if (flushing_.exchange(true)) {
    co_return Result<void>();
  }
  stores::UsageBatch batch = collect();
  Result<void> written;
  if (!batch.settlements.empty() || !batch.records.empty()) {
    written = co_await store_.write(batch);
    if (!written) {
      put_back(std::move(batch));
      log::error("cannot write down what was used; trying again", written.error());
    }
  }
  flushing_ = false;
  co_return written;
}

}  // namespace headgate::limits
