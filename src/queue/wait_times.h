#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace headgate::queue {

/// How long entries waited until they started: a histogram, bounded however many they are.
class WaitTimes final {
 public:
  /// Upper bounds of the buckets, in seconds; one more bucket has all that is longer.
  static constexpr std::array kBounds = {0.001, 0.005, 0.01, 0.05, 0.1,   0.5,    1.0,
                                         5.0,   10.0,  30.0, 60.0, 300.0, 1800.0, 14400.0};
  using Counts = std::array<std::uint64_t, kBounds.size() + 1>;

  /// A negative wait counts as none.
  void add(std::chrono::nanoseconds wait);
  WaitTimes& operator+=(const WaitTimes& other);

  std::uint64_t count() const;
  const Counts& counts() const { return counts_; }
  double sum_seconds() const { return sum_seconds_; }
  double mean_seconds() const;
  /// The wait that `share` (0..1) of them did not exceed, interpolated inside its bucket; the
  /// longest bound for those beyond. 0 if none waited.
  double quantile_seconds(double share) const;

 private:
  Counts counts_{};
  double sum_seconds_ = 0;
};

}  // namespace headgate::queue
