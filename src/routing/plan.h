#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/container/small_vector.hpp>

#include "base/clock.h"
#include "base/error.h"
#include "routing/catalog.h"
#include "routing/needs.h"

namespace headgate::routing {

/// Why a target is not tried.
enum class LeftOutFor : std::uint8_t {
  Unable,       ///< cannot meet a need
  Rule,         ///< a rule wants others
  Open,         ///< its breaker is open
  ProbeRuns,    ///< its breaker waits for a probe
  KeysRest,     ///< all keys of its provider rest, some because they met a limit
  KeysRefused,  ///< its provider refuses all of its keys
  RateReached,  ///< its provider's declared rate is used up
};
std::string_view name_of(LeftOutFor reason);

/// A target of one of the plan's models.
struct Candidate {
  std::uint16_t model = 0;   ///< index in Plan::models
  std::uint16_t target = 0;  ///< index in Model::targets
};

struct LeftOut {
  Candidate candidate;
  LeftOutFor reason = LeftOutFor::Unable;
  std::optional<Need> need{};  ///< of Unable
  SteadyTime until{};          ///< when it may be tried again, if that is known
};

/// Where to try a request, best first: the targets of its model, then those of the models that may
/// answer in its place.
struct Plan {
  boost::container::small_vector<std::shared_ptr<const Model>, 2> models;  // kept over a reload
  boost::container::small_vector<Candidate, 6> candidates;
  boost::container::small_vector<LeftOut, 2> left_out;
  double min_confidence = 0;  ///< below it the next candidate is asked too; 0: no cascade

  const Model& model_of(Candidate candidate) const { return *models[candidate.model]; }
  const Target& target_of(Candidate candidate) const {
    return models[candidate.model]->targets[candidate.target];
  }
  /// When the first of those left out may be tried again; nothing if none ever will by itself.
  std::optional<SteadyTime> retry_at() const;
  /// Whether a candidate may have a larger window than another; two unknown ones are alike.
  bool is_larger(Candidate candidate, Candidate than) const;
  /// Why there is no candidate: InvalidRequest if no target is able, RateLimited if only keys or
  /// rates stand in the way, else Overloaded; with `retry_after` and, in details, each target and
  /// its reason.
  Error refusal(SteadyTime now) const;
  /// Those left out with their reasons, for `error.details`.
  std::string details_json(SteadyTime now) const;
};

}  // namespace headgate::routing
