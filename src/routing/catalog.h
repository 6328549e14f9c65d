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
#include "upstream/url.h"

namespace headgate::routing {

/// Where a model can be asked: a provider plus that provider's name of the model.
struct Target {
  std::string provider;   ///< configured name, for logs and headers
  bool embedded = false;  ///< our own document workers; all below is unused then
  const providers::Provider* protocol = nullptr;
  upstream::Url base;  ///< base URL without trailing slash
  providers::TargetName name;
  std::vector<std::string> credentials;  ///< header lines, one entry for each key; never logged
  config::TimeoutSettings timeouts;
};

/// A public model name with its targets.
struct Model {
  std::string name;
  std::vector<std::string> aliases;
  std::string kind;                                ///< as configured: chat, embedding, extract, ...
  std::vector<Target> targets;                     ///< at least one
  std::chrono::milliseconds wait_timeout{60'000};  ///< of a caller in the model's line
};

/// All models of one configuration; immutable.
class Catalog final {
 public:
  /// Fails with the option at fault, e.g. an unknown provider or a base URL that is not one.
  static Result<std::shared_ptr<const Catalog>> build(const config::Settings& settings);

  /// The model of this name or alias; or, if a provider takes any model, that provider under the
  /// name asked for. NotFound `model_not_found` with near names in the details.
  Result<std::shared_ptr<const Model>> find(std::string_view name) const;
  const std::vector<std::shared_ptr<const Model>>& models() const { return models_; }

 private:
  Error unknown(std::string_view name) const;

  std::vector<std::shared_ptr<const Model>> models_;  // shared with requests under way
  TextMap<std::shared_ptr<const Model>> by_name_;
  std::optional<Target> any_model_;
  std::chrono::milliseconds any_model_wait_{60'000};
};

}  // namespace headgate::routing
