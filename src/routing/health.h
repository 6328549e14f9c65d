#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "base/text_map.h"
#include "routing/key_pool.h"
#include "routing/prefix_map.h"
#include "routing/retry_budget.h"
#include "routing/target_health.h"

namespace headgate::routing {

/// What is remembered of a model between its requests. Thread safe.
struct ModelMemory {
  RetryBudget budget;
  PrefixMap prefixes;
  std::atomic<std::uint64_t> turn{0};        ///< of round_robin
  std::atomic<std::uint64_t> hedges{0};      ///< second calls beside silent ones, ever
  std::atomic<std::uint64_t> hedges_won{0};  ///< of them, those that answered

  std::mutex weights_mutex;                           // guards the next
  std::unordered_map<std::uint64_t, double> weights;  ///< smooth weights by TargetHealth::id
};

/// What is known of all targets, keys and models: one for the process, shared by all event loops
/// and kept over reloads.
///
/// Hands out shared parts: a catalog holds those of its targets, and what no catalog holds any more
/// is forgotten. Thread safe.
class Health final {
 public:
  std::shared_ptr<TargetHealth> target(std::string_view provider, std::string_view target);
  /// `credentials` tell the keys apart; only a hash of each is kept.
  std::shared_ptr<KeyPool> keys(std::string_view provider, std::span<const std::string> credentials,
                                std::uint64_t requests_per_minute);
  std::shared_ptr<ModelMemory> model(std::string_view name);
  /// The pool of a provider that was asked for last, if a catalog holds it.
  std::shared_ptr<KeyPool> pool(std::string_view provider) const;

  /// Those that a catalog holds, by provider and name.
  std::vector<std::shared_ptr<TargetHealth>> targets() const;
  /// The same of models, by name.
  std::vector<std::pair<std::string, std::shared_ptr<ModelMemory>>> models() const;
  std::shared_ptr<TargetHealth> find(std::string_view provider, std::string_view target) const;

  /// Held while one target is judged against its peers, so that two of them never put each other
  /// out.
  std::mutex& judging() { return judging_; }

 private:
  mutable std::mutex mutex_;                      // guards the maps
  TextMap<std::weak_ptr<TargetHealth>> targets_;  ///< by provider, NUL, name
  TextMap<std::weak_ptr<KeyState>> keys_;         ///< by provider, NUL, hash
  TextMap<std::weak_ptr<KeyPool>> pools_;         ///< by provider
  TextMap<std::weak_ptr<ModelMemory>> models_;
  std::mutex judging_;
};

}  // namespace headgate::routing
