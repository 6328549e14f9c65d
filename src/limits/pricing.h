#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "config/settings.h"

namespace headgate::limits {

/// Tokens of one request or of several.
struct TokenUse {
  std::int64_t input = 0;
  std::int64_t output = 0;
};

/// What an upstream reports beyond this, for one request, is not believed.
inline constexpr std::int64_t kMostTokens = 1'000'000'000;
/// The most that one request costs, in millionths of a dollar: a million dollars.
inline constexpr std::int64_t kMostMicroUsd = 1'000'000'000'000;

/// Whole numbers, so that sums are exact: a millionth of a millionth of a dollar for each token,
/// which is a millionth of what a price list names in USD per million tokens.
struct Price {
  std::int64_t input = 0;
  std::int64_t output = 0;
};
Price price_of(const config::TargetSettings& target);

/// What tokens cost, in millionths of a dollar: exact, then rounded up, at most kMostMicroUsd.
/// Negative counts, which stand for unknown ones, cost nothing.
std::int64_t micro_usd(const Price& price, const TokenUse& use);

/// Dollars as configured or given by an administrator, to the nearest millionth.
std::int64_t micro_usd_of(double usd);
/// "0.00", "4.50", "0.000125".
std::string usd_text(std::int64_t micro_usd);

/// The prices of all models of one configuration; immutable. A model or target that it does not
/// know is free.
class PriceList final {
 public:
  PriceList() = default;
  explicit PriceList(const config::Settings& settings);

  /// Of the target that answered. `target` is the provider's own name of the model.
  Price of(std::string_view model, std::string_view provider, std::string_view target) const;
  /// The highest that any target of a model, by its name or an alias, may charge.
  Price highest(std::string_view model) const;

 private:
  std::map<std::string, Price, std::less<>> by_target_;
  std::map<std::string, Price, std::less<>> highest_;
};

}  // namespace headgate::limits
