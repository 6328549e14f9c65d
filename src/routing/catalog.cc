#include "routing/catalog.h"

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "config/target_reference.h"
#include "config/units.h"

namespace headgate::routing {
namespace {

constexpr std::size_t kNearNames = 3;

/// Edit distance with a bound: anything above it is not near.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) {
    row[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

Abilities abilities_of(const std::vector<std::string>& supports) {
  if (supports.empty()) {
    return {};
  }
  const auto has = [&](std::string_view ability) {
    return std::ranges::find(supports, ability) != supports.end();
  };
  return {.images = has("images"),
          .tools = has("tools"),
          .json_schema = has("json_schema"),
          .prefill = has("prefill")};
}

/// `health_name` is what its health is known by: config::target_name or, where that changes from
/// request to request, nothing.
Result<Target> make_target(const config::ProviderSettings& provider,
                           const config::TargetSettings& entry, std::string model,
                           std::string_view health_name, const config::TimeoutSettings& timeouts,
                           Health& health) {
  Target target;
  target.provider = provider.name;
  target.timeouts = timeouts;
  if (provider.timeout.count() > 0) {
    target.timeouts.total = std::min(target.timeouts.total, provider.timeout);
  }
  target.name.endpoint = entry.endpoint;
  target.weight = entry.weight;
  target.quality = entry.quality;
  target.price_input = entry.price_input;
  target.price_output = entry.price_output;
  target.context = entry.context;
  target.max_output = entry.max_output;
  target.abilities = abilities_of(entry.supports);
  target.health = health.target(provider.name, health_name);
  target.name.json_model = json_quote(model);
  target.name.model = std::move(model);
  target.name.max_output = static_cast<std::int64_t>(entry.max_output);
  if (provider.protocol == "embedded") {
    target.embedded = true;
    target.keys = health.keys(provider.name, {}, provider.requests_per_minute);
    return target;
  }
  target.protocol = providers::provider_for(provider.protocol);
  if (target.protocol == nullptr) {
    return fail(invalid_request("providers." + provider.name + ".protocol: " + provider.protocol +
                                    " is not supported by this version",
                                "providers." + provider.name + ".protocol"));
  }
  auto base = upstream::parse_base_url(provider.base_url);
  if (!base) {
    return fail(invalid_request("providers." + provider.name + ".base_url: " + base.error().message,
                                "providers." + provider.name + ".base_url"));
  }
  target.base = std::move(*base);
  for (const config::Secret& key : provider.api_keys) {
    target.credentials.push_back(target.protocol->credential_fields(key.reveal()));
  }
  target.keys = health.keys(provider.name, target.credentials, provider.requests_per_minute);
  return target;
}

Hedge hedge_of(const std::string& after) {
  if (after == "off") {
    return {};
  }
  if (after == "p95") {
    return {.after = Hedge::After::P95};
  }
  const auto fixed = config::parse_duration(after);
  return fixed ? Hedge{.after = Hedge::After::Fixed, .fixed = *fixed} : Hedge();
}

/// Whether this build can speak to the provider at all.
bool speaks(const config::ProviderSettings& provider) {
  return provider.protocol == "embedded" || providers::provider_for(provider.protocol) != nullptr;
}

}  // namespace

Result<std::shared_ptr<const Catalog>> Catalog::build(const config::Settings& settings) {
  Health nothing_known;
  return build(settings, nothing_known);
}

Result<std::shared_ptr<const Catalog>> Catalog::build(const config::Settings& settings,
                                                      Health& health) {
  auto catalog = std::make_shared<Catalog>();
  const auto provider_named = [&](const std::string& name) -> const config::ProviderSettings* {
    const auto found = std::ranges::find(settings.providers, name, &config::ProviderSettings::name);
    return found == settings.providers.end() ? nullptr : &*found;
  };
  for (const config::ModelSettings& configured : settings.models) {
    auto model = std::make_shared<Model>();
    model->name = configured.name;
    model->aliases = configured.aliases;
    model->kind = configured.kind;
    model->wait_timeout = configured.queue.wait_timeout;
    model->strategy = strategy_named(configured.strategy);
    model->fallback_models = configured.fallback_models;
    model->min_confidence = configured.min_confidence;
    model->retry = configured.retry;
    model->breaker = configured.breaker;
    model->hedge = hedge_of(configured.hedge_after);
    model->cache = {
        .ttl = configured.cache_ttl,
        .of = configured.cache_requests == "all" ? CacheRule::Of::All : CacheRule::Of::Repeatable};
    model->memory = health.model(configured.name);
    for (const config::TargetSettings& entry : configured.targets) {
      const config::ProviderSettings* provider = provider_named(entry.provider);
      if (provider == nullptr) {
        return fail(invalid_request("models." + configured.name +
                                    ".targets: there is no provider " + entry.provider));
      }
      if (!speaks(*provider)) {
        continue;  // named in a start-up warning; the model's other targets serve it
      }
      const std::string& name = entry.model.empty() ? configured.name : entry.model;
      auto target = make_target(*provider, entry, name, config::target_name(entry, configured.name),
                                configured.timeouts, health);
      if (!target) {
        return fail(target.error());
      }
      model->targets.push_back(std::move(*target));
    }
    if (model->targets.empty()) {
      continue;
    }
    for (const config::RuleSettings& rule : configured.rules) {
      model->rules.push_back(make_rule(rule, model->targets));
    }
    catalog->by_name_.emplace(model->name, model);
    for (const std::string& alias : model->aliases) {
      catalog->by_name_.emplace(alias, model);
    }
    catalog->models_.push_back(std::move(model));
  }
  for (const config::ProviderSettings& provider : settings.providers) {
    if (provider.any_model && speaks(provider) && !catalog->any_model_) {
      auto target = make_target(provider, {}, {}, {}, config::TimeoutSettings(), health);
      if (!target) {
        return fail(target.error());
      }
      auto any = std::make_shared<Model>();
      any->kind = "chat";
      any->any_kind = true;
      any->targets.push_back(std::move(*target));
      any->wait_timeout = settings.queue.wait_timeout;
      any->memory = health.model({});
      catalog->any_model_ = std::move(any);
    }
  }
  return std::shared_ptr<const Catalog>(std::move(catalog));
}

Result<std::shared_ptr<const Model>> Catalog::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  if (found != by_name_.end()) {
    return found->second;
  }
  if (!any_model_) {
    return fail(unknown(name));
  }
  auto model = std::make_shared<Model>(*any_model_);
  model->name = name;
  model->targets.front().name = {.model = std::string(name), .json_model = json_quote(name)};
  return std::shared_ptr<const Model>(std::move(model));
}

Error Catalog::unknown(std::string_view name) const {
  std::vector<std::pair<std::size_t, std::string_view>> near;
  const std::string_view head = name.substr(0, 128);
  for (const auto& [known, model] : by_name_) {
    const bool contains = !head.empty() && (known.find(head) != std::string::npos ||
                                            head.find(known) != std::string_view::npos);
    const std::size_t apart = contains ? 0 : distance(head, known);
    if (apart <= std::max<std::size_t>(2, known.size() / 3)) {
      near.emplace_back(apart, known);
    }
  }
  std::ranges::sort(near);
  near.resize(std::min(near.size(), kNearNames));

  Error error =
      not_found("The model '" + std::string(head) + "' does not exist or is not served here.",
                "model_not_found");
  error.param = "model";
  error.details_json = "{\"near_names\":[";
  for (const auto& [apart, known] : near) {
    if (error.details_json.back() != '[') {
      error.details_json.push_back(',');
    }
    error.details_json.append(json_quote(known));
  }
  error.details_json.append("]}");
  if (!near.empty()) {
    error.message.append(" Did you mean '").append(near.front().second).append("'?");
  }
  return error;
}

}  // namespace headgate::routing
