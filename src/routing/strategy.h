#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "routing/needs.h"
#include "routing/random.h"

namespace headgate::routing {

struct Model;

/// How a model's targets are ordered for a request.
enum class Strategy : std::uint8_t {
  Ordered,      ///< as configured
  RoundRobin,   ///< in turn
  Weighted,     ///< by weight, evenly mixed (smooth weighted round robin)
  LeastLoaded,  ///< the less busy of two drawn at random, by weight
  Latency,      ///< of two drawn at random that of less latency x (in flight + 1)
  Cost,         ///< cheapest for this request
  Quality,      ///< best
  Speed,        ///< soonest first token
  Sticky,       ///< the same for the same user or client, unless it is overloaded
  Prefix,       ///< that which saw the longest part of the conversation, unless it is overloaded
};

/// Ordered for a name that is none.
Strategy strategy_named(std::string_view name);

/// What the strategies look at beside the targets.
struct OrderBy {
  const Needs& needs;
  std::string_view sticky_key;  ///< empty: none
  std::span<const std::uint64_t> prefixes;
};

/// Orders `targets` (indices in `model`, in configured order; all may be called now), best first.
/// Takes the model's turn where the strategy has one.
void order(const Model& model, std::span<std::uint16_t> targets, const OrderBy& by, Random& random,
           SteadyTime now);

}  // namespace headgate::routing
