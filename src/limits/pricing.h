#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "config/settings.h"

namespace headgate::limits {

/// Tokens of one request or of several, and what else is paid for.
struct TokenUse {
  std::int64_t input = 0;
  std::int64_t output = 0;
  std::int64_t images = 0;
  std::int64_t characters = 0;  ///< spoken
  std::int64_t audio_ms = 0;    ///< transcribed

  /// Whether anything is known to have been used.
  bool any() const {
    return input > 0 || output > 0 || images > 0 || characters > 0 || audio_ms > 0;
  }
};

/// What an upstream reports beyond this, for one request, is not believed.
inline constexpr std::int64_t kMostTokens = 1'000'000'000;
/// The most that one request costs, in millionths of a dollar: a million dollars.
inline constexpr std::int64_t kMostMicroUsd = 1'000'000'000'000;

/// Whole numbers, so that sums are exact: millionths of a millionth of a dollar for each token
/// (what a price list names in USD per million tokens, times a million), image, character or
/// millisecond.
struct Price {
  std::int64_t input = 0;
  std::int64_t output = 0;
  std::int64_t image = 0;
  std::int64_t character = 0;
  std::int64_t audio_ms = 0;
};
Price price_of(const config::TargetSettings& target);

/// What a use costs, in millionths of a dollar: exact, then rounded up, at most kMostMicroUsd.
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
  void include_fallbacks(const config::Settings& settings);
  std::map<std::string, Price, std::less<>> by_target_;
  std::map<std::string, Price, std::less<>> highest_;
};

}  // namespace headgate::limits
