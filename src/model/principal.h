#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace headgate::model {

/// What a principal may do. `Admin` implies all others.
enum class Scope : std::uint8_t {
  ModelsRead,
  ModelsWrite,
  InferenceText,
  InferenceImage,
  InferenceAudio,
  InferenceDocument,
  JobsRead,
  JobsWrite,
  ClusterRead,
  ClusterWrite,
  MetricsRead,
  Admin,
};

inline constexpr std::array<std::string_view, 12> kScopeNames = {
    "models:read",     "models:write",       "inference:text", "inference:image",
    "inference:audio", "inference:document", "jobs:read",      "jobs:write",
    "cluster:read",    "cluster:write",      "metrics:read",   "admin"};

inline std::string_view name_of(Scope scope) {
  return kScopeNames[static_cast<std::size_t>(scope)];
}

inline std::optional<Scope> scope_named(std::string_view name) {
  for (std::size_t i = 0; i < kScopeNames.size(); ++i) {
    if (kScopeNames[i] == name) {
      return static_cast<Scope>(i);
    }
  }
  return std::nullopt;
}

/// A small set of scopes.
class ScopeSet {
 public:
  constexpr ScopeSet() = default;
  constexpr void add(Scope scope) { bits_ |= bit(scope); }
  constexpr bool allows(Scope scope) const {
    return (bits_ & (bit(scope) | bit(Scope::Admin))) != 0;
  }
  constexpr bool contains(Scope scope) const { return (bits_ & bit(scope)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr std::uint32_t bits() const { return bits_; }
  static constexpr ScopeSet from_bits(std::uint32_t bits) {
    ScopeSet set;
    set.bits_ = bits;
    return set;
  }
  friend constexpr bool operator==(ScopeSet, ScopeSet) = default;

 private:
  static constexpr std::uint32_t bit(Scope scope) { return 1U << static_cast<unsigned>(scope); }
  std::uint32_t bits_ = 0;
};

/// Who is asking: a user or an API key.
struct Principal {
  enum class Kind : std::uint8_t { Anonymous, User, Key };
  Kind kind = Kind::Anonymous;
  std::string id;    ///< stable: "user:<name>" or "key:<public id>"; owner of jobs; safe to log
  std::string name;  ///< what an operator calls it
  std::string tier = "default";
  ScopeSet scopes;
  /// What may be spent in a day and a month (UTC), in millionths of a dollar; unset: as the tier.
  std::optional<std::int64_t> budget_day;
  std::optional<std::int64_t> budget_month;
};

}  // namespace headgate::model
