#include "routing/rules.h"

#include <algorithm>
#include <chrono>

#include "config/target_reference.h"
#include "routing/catalog.h"

namespace headgate::routing {
namespace {

bool is_one_of(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

/// Those of `targets` that `names` name, in the order of the names.
std::vector<std::size_t> named(const std::vector<std::string>& names,
                               const std::vector<Target>& targets) {
  std::vector<std::size_t> found;
  for (const std::string& name : names) {
    for (std::size_t i = 0; i < targets.size(); ++i) {
      const bool meant =
          config::names_target(name, targets[i].provider, targets[i].health->target());
      if (meant && std::ranges::find(found, i) == found.end()) {
        found.push_back(i);
      }
    }
  }
  return found;
}

Rule::Images images_named(std::string_view name) {
  if (name == "with") {
    return Rule::Images::With;
  }
  return name == "without" ? Rule::Images::Without : Rule::Images::Any;
}

unsigned minute_of_day(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  return static_cast<unsigned>(
      std::chrono::duration_cast<std::chrono::minutes>(time - day).count());
}

bool concerns(const Rule& rule, const RuleSubject& subject) {
  const Needs& needs = subject.needs;
  if (needs.input_tokens < rule.min_input_tokens ||
      (rule.max_input_tokens != 0 && needs.input_tokens > rule.max_input_tokens)) {
    return false;
  }
  if (!rule.kinds.empty() && !is_one_of(rule.kinds, model::name_of(needs.kind))) {
    return false;
  }
  if (!rule.clients.empty() && !is_one_of(rule.clients, subject.client) &&
      !is_one_of(rule.clients, subject.principal)) {
    return false;
  }
  if (rule.images != Rule::Images::Any && needs.images != (rule.images == Rule::Images::With)) {
    return false;
  }
  return !rule.hours || rule.hours->holds(minute_of_day(subject.time));
}

}  // namespace

Rule make_rule(const config::RuleSettings& settings, const std::vector<Target>& targets) {
  Rule rule;
  rule.min_input_tokens = settings.min_input_tokens;
  rule.max_input_tokens = settings.max_input_tokens;
  rule.kinds = settings.kinds;
  rule.clients = settings.clients;
  rule.images = images_named(settings.images);
  rule.hours = config::parse_hours(settings.hours);
  rule.model = settings.model;
  rule.prefer = named(settings.prefer, targets);
  if (!settings.only.empty()) {
    rule.only = named(settings.only, targets);
  }
  return rule;
}

const Rule* matching(const std::vector<Rule>& rules, const RuleSubject& subject) {
  const auto found =
      std::ranges::find_if(rules, [&](const Rule& rule) { return concerns(rule, subject); });
  return found == rules.end() ? nullptr : &*found;
}

}  // namespace headgate::routing
