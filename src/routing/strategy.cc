#include "routing/strategy.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <compare>
#include <utility>

#include <boost/container/small_vector.hpp>

#include "routing/catalog.h"

namespace headgate::routing {
namespace {

constexpr std::array<std::pair<std::string_view, Strategy>, 10> kNames = {
    {{"ordered", Strategy::Ordered},
     {"round_robin", Strategy::RoundRobin},
     {"weighted", Strategy::Weighted},
     {"least_loaded", Strategy::LeastLoaded},
     {"latency", Strategy::Latency},
     {"cost", Strategy::Cost},
     {"quality", Strategy::Quality},
     {"speed", Strategy::Speed},
     {"sticky", Strategy::Sticky},
     {"prefix", Strategy::Prefix}}};

/// Where a request does not say how long its answer may be.
constexpr std::uint64_t kUsualOutputTokens = 1024;
/// How much more than its share a target may carry before affinity yields ("Consistent Hashing with
/// Bounded Loads", Mirrokni et al., 2016).
constexpr double kMostOfShare = 1.25;
/// Calls a target may always carry: with few of them a share says nothing.
constexpr double kLittleLoad = 4;

/// A target of no weight counts as one of very little.
constexpr double kLeastWeight = 1e-6;

class Orderer {
 public:
  Orderer(const Model& model, std::span<std::uint16_t> targets, const OrderBy& by, Random& random,
          SteadyTime now)
      : model_(model), targets_(targets), by_(by), random_(random), now_(now) {}

  void run() {
    switch (model_.strategy) {
      case Strategy::Ordered:
        return;
      case Strategy::RoundRobin:
        return take_turn();
      case Strategy::Weighted:
        return by_weight();
      case Strategy::LeastLoaded:
        return two_choices([&](const Target& target) { return load(target); });
      case Strategy::Latency:
        return two_choices([&](const Target& target) {
          return static_cast<double>(target.health->latency(now_).count()) *
                 (target.health->in_flight() + 1.0);
        });
      case Strategy::Cost:
        by_least([&](const Target& target) { return price(target); });
        return;
      case Strategy::Quality:
        by_least([](const Target& target) { return -target.quality; });
        return;
      case Strategy::Speed:
        by_least([&](const Target& target) {
          return static_cast<double>(target.health->first_token(now_).count());
        });
        return;
      case Strategy::Sticky:
        return by_affinity();
      case Strategy::Prefix:
        return by_prefix();
    }
  }

 private:
  struct Rated {
    bool behind;
    double value;
    std::uint16_t target;  ///< decides last: the configured order
    auto operator<=>(const Rated&) const = default;
  };

  const Target& at(std::uint16_t index) const { return model_.targets[index]; }

  static double weight(const Target& target) { return std::max(target.weight, kLeastWeight); }
  static double load(const Target& target) { return target.health->in_flight() / weight(target); }

  double price(const Target& target) const {
    const std::uint64_t output =
        by_.needs.output_tokens == 0 ? kUsualOutputTokens : by_.needs.output_tokens;
    return target.price_input * static_cast<double>(by_.needs.input_tokens) +
           target.price_output * static_cast<double>(output);
  }

  void to_front(std::size_t place) {
    std::rotate(targets_.begin(), targets_.begin() + static_cast<std::ptrdiff_t>(place),
                targets_.begin() + static_cast<std::ptrdiff_t>(place) + 1);
  }

  using AllRated = boost::container::small_vector<Rated, 16>;

  template <class Value>
  AllRated by_least(const Value& value) {
    return by_least(value, [](const Target&) { return false; });
  }

  /// Those that are `behind` come after all others.
  template <class Value, class Behind>
  AllRated by_least(const Value& value, const Behind& behind) {
    AllRated rated;
    for (const std::uint16_t target : targets_) {
      rated.push_back({.behind = behind(at(target)), .value = value(at(target)), .target = target});
    }
    std::ranges::sort(rated);
    for (std::size_t i = 0; i < rated.size(); ++i) {
      targets_[i] = rated[i].target;
    }
    return rated;
  }

  /// Sorted by value, but the first is the better of two drawn at random: if all went by the same
  /// figures they would all go to the same target. Of two that are as good, weight decides by lot.
  template <class Value>
  void two_choices(const Value& value) {
    const AllRated rated = by_least(value);
    const std::size_t drawn = random_.below(rated.size());
    const std::size_t other = random_.below(rated.size() - 1);
    const std::size_t better = std::min(drawn, other < drawn ? other : other + 1);
    const std::size_t worse = std::max(drawn, other < drawn ? other : other + 1);
    const double one = weight(at(rated[better].target));
    const double two = weight(at(rated[worse].target));
    const bool swap =
        rated[better].value == rated[worse].value && random_.unit() * (one + two) >= one;
    to_front(swap ? worse : better);
  }

  void take_turn() {
    const std::uint64_t turn = model_.memory->turn.fetch_add(1, std::memory_order_relaxed);
    std::ranges::rotate(targets_,
                        targets_.begin() + static_cast<std::ptrdiff_t>(turn % targets_.size()));
  }

  void by_weight() {
    ModelMemory& memory = *model_.memory;
    const std::lock_guard lock(memory.weights_mutex);
    if (memory.weights.size() > 4 * model_.targets.size()) {
      memory.weights.clear();  // of targets before many reloads
    }
    double total = 0;
    double best = 0;
    std::size_t chosen = targets_.size();
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      const Target& target = at(targets_[i]);
      if (target.weight <= 0) {
        continue;
      }
      total += target.weight;
      const double now = memory.weights[target.health->id()] += target.weight;
      if (chosen == targets_.size() || now > best) {
        best = now;
        chosen = i;
      }
    }
    if (chosen < targets_.size()) {
      memory.weights[at(targets_[chosen]).health->id()] -= total;
      to_front(chosen);
    }
  }

  /// Highest random weight (Thaler, Ravishankar 1998): when a target goes, only its keys move.
  void by_affinity() {
    if (by_.sticky_key.empty()) {
      return two_choices([&](const Target& target) { return load(target); });
    }
    PrefixHasher hasher;
    hasher.add({}, by_.sticky_key);
    const std::uint64_t key = hasher.prefixes().front();
    const double bound = most_load();
    by_least(
        [&](const Target& target) {
          const double uniform =
              (static_cast<double>(mixed(key ^ target.health->id()) >> 11U) + 1) * 0x1.0p-53;
          return -std::log(uniform) / weight(target);
        },
        [&](const Target& target) { return overloaded(target, bound); });
  }

  void by_prefix() {
    PrefixMap& prefixes = model_.memory->prefixes;
    const auto known = prefixes.find(by_.prefixes);
    two_choices([&](const Target& target) { return load(target); });
    const auto same = std::ranges::find_if(
        targets_, [&](std::uint16_t target) { return known && at(target).health->id() == *known; });
    if (same != targets_.end() && !overloaded(at(*same), most_load())) {
      to_front(static_cast<std::size_t>(same - targets_.begin()));
    }
    if (!by_.prefixes.empty()) {
      prefixes.remember(by_.prefixes, at(targets_.front()).health->id());
    }
  }

  /// The load for each unit of weight from which a target is overloaded.
  double most_load() const {
    double calls = 1;
    double weights = 0;
    for (const std::uint16_t target : targets_) {
      calls += at(target).health->in_flight();
      weights += weight(at(target));
    }
    return kMostOfShare * calls / weights;
  }

  static bool overloaded(const Target& target, double most_load) {
    const double calls = target.health->in_flight() + 1.0;
    return calls > std::max(std::ceil(most_load * weight(target)), kLittleLoad);
  }

  const Model& model_;
  std::span<std::uint16_t> targets_;
  const OrderBy& by_;
  Random& random_;
  const SteadyTime now_;
};

}  // namespace

Strategy strategy_named(std::string_view name) {
  const auto* const found =
      std::ranges::find(kNames, name, &std::pair<std::string_view, Strategy>::first);
  return found == kNames.end() ? Strategy::Ordered : found->second;
}

void order(const Model& model, std::span<std::uint16_t> targets, const OrderBy& by, Random& random,
           SteadyTime now) {
  if (targets.size() > 1) {
    Orderer(model, targets, by, random, now).run();
  }
}

}  // namespace headgate::routing
