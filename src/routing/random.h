#pragma once

#include <cstddef>
#include <cstdint>

namespace headgate::routing {

/// One step of SplitMix64 (Steele, Lea, Flood 2014): spreads the bits of `value` over all 64.
constexpr std::uint64_t mixed(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15ULL;
  value = (value ^ (value >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  value = (value ^ (value >> 27U)) * 0x94D049BB133111EBULL;
  return value ^ (value >> 31U);
}

/// A seeded generator: the same seed gives the same decisions. Not for secrets.
class Random final {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t bits() { return mixed(state_++); }
  /// Uniform in [0, 1).
  double unit() { return static_cast<double>(bits() >> 11U) * 0x1.0p-53; }
  /// Uniform in [0, bound); `bound` > 0.
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(bits() % bound); }

 private:
  std::uint64_t state_;
};

}  // namespace headgate::routing
