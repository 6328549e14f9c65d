#include "routing/router.h"

#include <algorithm>
#include <compare>
#include <utility>

#include <boost/container/small_vector.hpp>

namespace headgate::routing {
namespace {

using Standing = TargetHealth::Standing;
using AdmissionKind = TargetHealth::Admission::Kind;

// A target is judged against its peers from so many calls on, in 30 s, of it and of them.
constexpr std::uint32_t kCallsToJudge = 20;
constexpr std::uint32_t kCallsOfPeers = 5;
// It is an outlier if it fails at least half, and so much more often than they do.
constexpr double kOutlierShare = 0.5;
constexpr double kOutlierDistance = 0.3;

// What puts a target behind others, the heaviest first. Within each group the strategy decides.
constexpr unsigned kSilent = 8;
constexpr unsigned kBusy = 4;
constexpr unsigned kTight = 2;
constexpr unsigned kNotPreferred = 1;

double share(std::uint32_t faults, std::uint32_t calls) {
  return calls == 0 ? 0 : static_cast<double>(faults) / calls;
}

/// Whether a rule lets the target be tried.
bool allowed(const Rule* rule, std::size_t target) {
  return rule == nullptr || !rule->only ||
         std::ranges::find(*rule->only, target) != rule->only->end();
}

/// One target on its way into a plan.
struct Entry {
  unsigned rank = 0;
  std::uint16_t target = 0;
  auto operator<=>(const Entry&) const = default;
};

/// Why `target` cannot be called now, or nothing.
std::optional<LeftOut> obstacle(const Target& target, const KeyPool::Look& keys,
                                Standing standing) {
  LeftOut left;
  if (standing == Standing::Open) {
    left.reason = LeftOutFor::Open;
    left.until = target.health->open_until();
    return left;
  }
  if (standing == Standing::ProbeRuns) {
    left.reason = LeftOutFor::ProbeRuns;
    return left;
  }
  if (keys.load == KeyPool::Load::Full) {
    left.reason = keys.limited   ? LeftOutFor::KeysRest
                  : keys.refused ? LeftOutFor::KeysRefused
                                 : LeftOutFor::RateReached;
    left.until = keys.free_at;
    return left;
  }
  return std::nullopt;
}

}  // namespace

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    release();
    model_ = std::exchange(other.model_, nullptr);
    target_ = other.target_;
    key_ = other.key_;
    admission_ = other.admission_;
  }
  return *this;
}

std::string_view Lease::credential() const {
  const std::vector<std::string>& credentials = target().credentials;
  return credentials.empty() ? std::string_view() : credentials[key_];
}

void Lease::release() {
  if (model_) {
    // A cancelled call says nothing, so no time is needed.
    target().health->end(admission_, {.result = CallResult::Cancelled}, model_->breaker, {});
    model_.reset();
  }
}

Plan Router::plan(const Ask& ask, const Catalog& catalog, SteadyTime now) {
  Plan plan;
  const Rule* rule = ask.model->rules.empty()
                         ? nullptr
                         : matching(ask.model->rules, {.needs = ask.needs,
                                                       .client = ask.client,
                                                       .principal = ask.principal,
                                                       .time = ask.time});
  const std::string_view client = ask.client.empty() ? ask.principal : ask.client;
  const OrderBy by{.needs = ask.needs,
                   .sticky_key = ask.user.empty() ? client : ask.user,
                   .prefixes = ask.prefixes};
  plan.models.push_back(ask.model);
  if (rule != nullptr && !rule->model.empty()) {
    if (auto other = catalog.find(rule->model)) {
      plan.models.front() = std::move(*other);
      rule = nullptr;
    }
  }
  if (!ask.again) {
    plan.models.front()->memory->budget.request(now);
  }
  add_targets(plan, rule, by, now);
  for (const std::string& name : ask.model->fallback_models) {
    auto other = catalog.find(name);
    if (other && serves(**other, ask.needs.kind) &&
        std::ranges::find(plan.models, *other) == plan.models.end()) {
      plan.models.push_back(std::move(*other));
      add_targets(plan, nullptr, by, now);
    }
  }
  if (ask.needs.kind == model::Kind::Classify || ask.needs.kind == model::Kind::Extract) {
    plan.min_confidence = plan.models.front()->min_confidence;
  }
  return plan;
}

void Router::add_targets(Plan& plan, const Rule* rule, const OrderBy& by, SteadyTime now) {
  const auto number = static_cast<std::uint16_t>(plan.models.size() - 1);
  const Model& model = *plan.models.back();
  boost::container::small_vector<Entry, 16> entries;
  for (std::size_t i = 0; i < model.targets.size(); ++i) {
    const Target& target = model.targets[i];
    const Candidate candidate{.model = number, .target = static_cast<std::uint16_t>(i)};
    if (!allowed(rule, i)) {
      plan.left_out.push_back({.candidate = candidate, .reason = LeftOutFor::Rule});
      continue;
    }
    if (const auto need = unmet(by.needs, target)) {
      plan.left_out.push_back({.candidate = candidate, .reason = LeftOutFor::Unable, .need = need});
      continue;
    }
    const KeyPool::Look keys = target.keys->look(now);
    if (auto left = obstacle(target, keys, target.health->standing(now))) {
      left->candidate = candidate;
      plan.left_out.push_back(*left);
      continue;
    }
    unsigned rank = keys.load == KeyPool::Load::Busy ? kBusy : 0;
    rank += target.health->silent(now) ? kSilent : 0;
    rank += fits_well(by.needs, target) ? 0 : kTight;
    const bool preferred = rule == nullptr || rule->prefer.empty() ||
                           std::ranges::find(rule->prefer, i) != rule->prefer.end();
    rank += preferred ? 0 : kNotPreferred;
    entries.push_back({.rank = rank, .target = candidate.target});
  }
  std::ranges::sort(entries);
  boost::container::small_vector<std::uint16_t, 16> targets;
  for (std::size_t i = 0; i < entries.size();) {
    targets.clear();
    const unsigned rank = entries[i].rank;
    for (; i < entries.size() && entries[i].rank == rank; ++i) {
      targets.push_back(entries[i].target);
    }
    order(model, targets, by, random_, now);
    for (const std::uint16_t target : targets) {
      plan.candidates.push_back({.model = number, .target = target});
    }
  }
}

Lease Router::begin(const Plan& plan, Candidate candidate, SteadyTime now) {
  const Target& target = plan.target_of(candidate);
  const TargetHealth::Admission admission = target.health->begin(now);
  if (admission.kind == AdmissionKind::Refused) {
    return {};
  }
  const auto key = target.keys->take(now);
  if (!key) {
    target.health->abandon(admission);
    return {};
  }
  Lease lease;
  lease.model_ = plan.models[candidate.model];
  lease.target_ = candidate.target;
  lease.key_ = *key;
  lease.admission_ = admission;
  return lease;
}

void Router::answered(Lease& lease, std::chrono::nanoseconds first_token, SteadyTime now) {
  lease.target().health->answered(lease.admission_, first_token, now);
}

void Router::ended(Lease lease, const Outcome& outcome, SteadyTime now) {
  const Target& target = lease.target();
  KeyState& key = target.keys->at(lease.key_);
  switch (outcome.result) {
    case CallResult::Ok:
    case CallResult::CallerFault:
      key.accepted();
      break;
    case CallResult::RateLimited:
      key.rate_limited(outcome.retry_after, now);
      break;
    case CallResult::BadKey:
      key.refused(now);
      break;
    case CallResult::ProviderFault:
    case CallResult::Cancelled:
      break;
  }
  const std::shared_ptr<const Model> model = std::exchange(lease.model_, nullptr);
  const Target& called = model->targets[lease.target_];
  called.health->end(lease.admission_, outcome, model->breaker, now);
  if (outcome.result == CallResult::ProviderFault && model->targets.size() > 1) {
    judge(*model, called, now);
  }
}

/// Puts a target out that fails far more often than the others that are well.
void Router::judge(const Model& model, const Target& target, SteadyTime now) {
  if (model.breaker.failures == 0 || target.health->standing(now) != Standing::Closed) {
    return;
  }
  const TargetHealth::Recent own = target.health->recent(now);
  const double own_share = share(own.faults, own.calls);
  if (own.calls < kCallsToJudge || own_share < kOutlierShare) {
    return;
  }
  const std::lock_guard lock(health_.judging());
  TargetHealth::Recent peers;
  for (const Target& peer : model.targets) {
    const bool well = peer.health != target.health &&
                      peer.health->standing(now) == Standing::Closed &&
                      peer.keys->look(now).load != KeyPool::Load::Full;
    if (well) {
      const TargetHealth::Recent recent = peer.health->recent(now);
      peers.calls += recent.calls;
      peers.faults += recent.faults;
    }
  }
  if (peers.calls >= kCallsOfPeers &&
      own_share >= share(peers.faults, peers.calls) + kOutlierDistance) {
    target.health->eject(model.breaker.open_for, now);
  }
}

SteadyTime Router::usable_at(const Target& target, SteadyTime now) const {
  switch (target.health->standing(now)) {
    case Standing::ProbeRuns:
      return SteadyTime::max();
    case Standing::Open:
      return std::max(target.health->open_until(), target.keys->look(now).free_at);
    case Standing::Closed:
    case Standing::ProbeDue:
      return target.keys->look(now).free_at;
  }
  return now;
}

bool Router::other_key(const Target& target, std::size_t but, SteadyTime now) const {
  const Standing standing = target.health->standing(now);
  if (standing == Standing::Open || standing == Standing::ProbeRuns) {
    return false;
  }
  return target.keys->has_other(but, now);
}

NextStep Router::after(const Plan& plan, Candidate candidate, const FailedAttempt& failed,
                       SteadyTime now) {
  return next_step(plan.model_of(candidate).retry, failed, plan.models.front()->memory->budget,
                   random_, now);
}

std::optional<std::chrono::nanoseconds> Router::hedge_after(const Model& model,
                                                            const Target& target,
                                                            model::Delivery delivery) const {
  switch (model.hedge.after) {
    case Hedge::After::Never:
      return std::nullopt;
    case Hedge::After::P95:
      return delivery == model::Delivery::Stream ? target.health->p95_first_token()
                                                 : target.health->p95();
    case Hedge::After::Fixed:
      return model.hedge.fixed;
  }
  return std::nullopt;
}

bool Router::may_hedge(const Plan& plan, SteadyTime now) {
  const Model& model = *plan.models.front();
  return model.memory->budget.take(model.retry.budget, model.retry.budget_per_second, now);
}

void Router::outrun(const Lease& lease, std::chrono::nanoseconds elapsed, model::Delivery delivery,
                    SteadyTime now) {
  lease.target().health->outrun(elapsed, delivery, now);
}

void Router::seen_alive(std::string_view provider, std::string_view target, SteadyTime now) {
  if (const auto health = health_.find(provider, target)) {
    health->seen_alive(now);
  }
}

std::vector<TargetView> Router::view(SteadyTime now) const {
  std::vector<TargetView> views;
  for (const auto& target : health_.targets()) {
    TargetView& view = views.emplace_back(target->view(now));
    if (const auto keys = health_.pool(target->provider())) {
      view.keys = static_cast<std::uint32_t>(keys->size());
      view.calls_per_minute = keys->per_minute();
      for (std::size_t i = 0; i < keys->size(); ++i) {
        view.keys_resting += keys->at(i).rests(now) ? 1 : 0;
        view.calls_last_minute += keys->at(i).recent(now);
      }
    }
  }
  return views;
}

bool Router::hold_open(std::string_view provider, std::string_view target, SteadyTime now) {
  const auto health = health_.find(provider, target);
  if (health) {
    health->hold_open(now);
  }
  return health != nullptr;
}

bool Router::close(std::string_view provider, std::string_view target, SteadyTime now) {
  const auto health = health_.find(provider, target);
  if (!health) {
    return false;
  }
  health->close(now);
  if (const auto keys = health_.pool(provider)) {
    for (std::size_t i = 0; i < keys->size(); ++i) {
      keys->at(i).wake();
    }
  }
  return true;
}

}  // namespace headgate::routing
