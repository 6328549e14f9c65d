#include "limits/pricing.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "config/target_reference.h"

namespace headgate::limits {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr double kMillion = 1e6;

std::int64_t rounded(double value, double most) {
  return std::llround(std::clamp(value, 0.0, most));
}

Wide cost_of(std::int64_t price, std::int64_t tokens) {
  return static_cast<Wide>(std::max<std::int64_t>(price, 0)) *
         static_cast<Wide>(std::max<std::int64_t>(tokens, 0));
}

std::string key_of(std::string_view model, std::string_view provider, std::string_view target) {
  std::string key(model);
  return key.append(1, '\0').append(provider).append(1, '\0').append(target);
}

/// To the higher of both, in each.
void raise(Price& price, const Price& other) {
  price.input = std::max(price.input, other.input);
  price.output = std::max(price.output, other.output);
  price.image = std::max(price.image, other.image);
  price.character = std::max(price.character, other.character);
  price.audio_ms = std::max(price.audio_ms, other.audio_ms);
}

}  // namespace

Price price_of(const config::TargetSettings& target) {
  constexpr double kMost = 1e15;  // what the option table allows
  constexpr double kMostEach = 1e16;
  constexpr double kMsInMinute = 60'000;
  return {.input = rounded(target.price_input * kMillion, kMost),
          .output = rounded(target.price_output * kMillion, kMost),
          .image = rounded(target.price_image * kMillion * kMillion, kMostEach),
          .character = rounded(target.price_characters * kMillion, kMost),
          .audio_ms = rounded(target.price_minute * kMillion * kMillion / kMsInMinute, kMostEach)};
}

std::int64_t micro_usd(const Price& price, const TokenUse& use) {
  constexpr Wide kUnit = 1'000'000;
  const Wide exact = cost_of(price.input, use.input) + cost_of(price.output, use.output) +
                     cost_of(price.image, use.images) + cost_of(price.character, use.characters) +
                     cost_of(price.audio_ms, use.audio_ms);
  const Wide up = (exact + kUnit - 1) / kUnit;
  return up > static_cast<Wide>(kMostMicroUsd) ? kMostMicroUsd : static_cast<std::int64_t>(up);
}

std::int64_t micro_usd_of(double usd) { return rounded(usd * kMillion, 9e18); }

std::string usd_text(std::int64_t micro_usd) {
  constexpr std::int64_t kUnit = 1'000'000;
  std::string decimals = std::to_string(kUnit + std::abs(micro_usd % kUnit)).substr(1);
  while (decimals.size() > 2 && decimals.ends_with('0')) {
    decimals.pop_back();
  }
  return (micro_usd < 0 ? "-" : "") + std::to_string(std::abs(micro_usd / kUnit)) + "." + decimals;
}

PriceList::PriceList(const config::Settings& settings) {
  for (const config::ModelSettings& model : settings.models) {
    Price highest;
    for (const config::TargetSettings& target : model.targets) {
      const Price price = price_of(target);
      by_target_[key_of(model.name, target.provider, config::target_name(target, model.name))] =
          price;
      raise(highest, price);
    }
    highest_[model.name] = highest;
  }
  include_fallbacks(settings);
  for (const config::ModelSettings& model : settings.models) {
    for (const std::string& alias : model.aliases) {
      highest_[alias] = highest_[model.name];
    }
  }
}

/// A request may be answered by another model than the one it names.
void PriceList::include_fallbacks(const config::Settings& settings) {
  const auto own = highest_;
  for (const config::ModelSettings& model : settings.models) {
    std::vector<std::string> others = model.fallback_models;
    for (const config::RuleSettings& rule : model.rules) {
      others.push_back(rule.model);
    }
    for (const std::string& other : others) {
      if (const auto found = own.find(other); found != own.end()) {
        raise(highest_[model.name], found->second);
      }
    }
  }
}

Price PriceList::of(std::string_view model, std::string_view provider,
                    std::string_view target) const {
  const auto found = by_target_.find(key_of(model, provider, target));
  return found == by_target_.end() ? Price() : found->second;
}

Price PriceList::highest(std::string_view model) const {
  const auto found = highest_.find(model);
  return found == highest_.end() ? Price() : found->second;
}

}  // namespace headgate::limits
