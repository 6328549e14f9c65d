#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/text_map.h"
#include "config/settings.h"
#include "model/inference_request.h"
#include "providers/provider.h"
#include "routing/health.h"
#include "routing/rules.h"
#include "routing/strategy.h"
#include "upstream/url.h"

namespace headgate::routing {

/// Where a model can be asked: a provider plus that provider's name of the model.
struct Target {
  std::string provider;   ///< configured name, for logs and headers
  bool embedded = false;  ///< our own document workers; all below is unused then
  const providers::Provider* protocol = nullptr;
  upstream::Url base;  ///< base URL without trailing slash
  providers::TargetName name;
  /// What it is called beside its provider, as config::target_name.
  const std::string& called() const { return name.endpoint.empty() ? name.model : name.endpoint; }
  std::vector<std::string> credentials;  ///< header lines, one entry for each key; never logged
  config::TimeoutSettings timeouts;

  // What the strategies and the check of needs look at.
  double weight = 1;
  double quality = 0;
  double price_input = 0;  ///< USD per million tokens
  double price_output = 0;
  std::uint64_t context = 0;     ///< tokens; 0: unknown
  std::uint64_t max_output = 0;  ///< tokens; 0: unknown
  Abilities abilities;

  // Shared with the catalogs of all loops, and with those before and after a reload.
  std::shared_ptr<TargetHealth> health;
  std::shared_ptr<KeyPool> keys;
};

/// When a second attempt is started beside a silent first.
struct Hedge {
  enum class After : std::uint8_t { Never, P95, Fixed };
  After after = After::Never;
  std::chrono::milliseconds fixed{0};
};

/// Which of a model's answers are kept, and how long.
struct CacheRule {
  enum class Of : std::uint8_t {
    Repeatable,  ///< of requests that ask for the same answer each time
    All,
  };
  std::chrono::milliseconds ttl{0};  ///< 0: none
  Of of = Of::Repeatable;
};

/// A public model name with its targets.
struct Model {
  std::string name;
  std::vector<std::string> aliases;
  std::string kind;                                ///< as configured: chat, embedding, extract, ...
  bool any_kind = false;                           ///< not configured by its name: it may be any
  std::vector<Target> targets;                     ///< at least one
  std::chrono::milliseconds wait_timeout{60'000};  ///< of a caller in the model's line

  Strategy strategy = Strategy::Ordered;
  std::vector<Rule> rules;
  std::vector<std::string> fallback_models;  ///< asked in turn when no target of this one answers
  double min_confidence = 0;                 ///< of classify and extract; 0: any
  config::RetrySettings retry;
  config::BreakerSettings breaker;
  Hedge hedge;
  CacheRule cache;
  std::shared_ptr<ModelMemory> memory;  // shared as a target's health is
};

/// All models of one configuration; immutable.
class Catalog final {
 public:
  /// Fails with the option at fault, e.g. an unknown provider or a base URL that is not one. What
  /// is known of the targets comes from `health`, which need not outlive the catalog.
  static Result<std::shared_ptr<const Catalog>> build(const config::Settings& settings,
                                                      Health& health);
  /// The same with nothing known.
  static Result<std::shared_ptr<const Catalog>> build(const config::Settings& settings);

  /// The model of this name or alias; or, if a provider takes any model, that provider under the
  /// name asked for. NotFound `model_not_found` with near names in the details.
  Result<std::shared_ptr<const Model>> find(std::string_view name) const;
  const std::vector<std::shared_ptr<const Model>>& models() const { return models_; }

 private:
  Error unknown(std::string_view name) const;

  std::vector<std::shared_ptr<const Model>> models_;  // shared with requests under way
  TextMap<std::shared_ptr<const Model>> by_name_;
  std::shared_ptr<const Model> any_model_;  // a pattern for those that find() makes
};

}  // namespace headgate::routing
