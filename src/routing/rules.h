#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "config/settings.h"
#include "config/units.h"
#include "routing/needs.h"

namespace headgate::routing {

struct Target;

/// A rule of a model: which requests it is about, and what it does with them.
struct Rule {
  enum class Images : std::uint8_t { Any, With, Without };
  std::uint64_t min_input_tokens = 0;
  std::uint64_t max_input_tokens = 0;  ///< 0: no bound
  std::vector<std::string> kinds;      ///< empty: all
  std::vector<std::string> clients;    ///< X-Client-ID or principal; empty: all
  Images images = Images::Any;
  std::optional<config::DayHours> hours;  ///< unset: always

  std::string model;                             ///< another model answers; empty: this one
  std::optional<std::vector<std::size_t>> only;  ///< indices of targets
  std::vector<std::size_t> prefer;               ///< tried before the others
};

/// The rule that is configured, for a model with these targets. Names of others are passed over:
/// the check of the configuration knows them, but this build may not speak their protocol.
Rule make_rule(const config::RuleSettings& settings, const std::vector<Target>& targets);

/// What a rule looks at.
struct RuleSubject {
  const Needs& needs;
  std::string_view client;     ///< X-Client-ID
  std::string_view principal;  ///< Principal::name
  WallTime time{};
};

/// The first rule that is about the request, or nullptr.
const Rule* matching(const std::vector<Rule>& rules, const RuleSubject& subject);

}  // namespace headgate::routing
