#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/route.h"
#include "base/result.h"

namespace headgate::api {

/// Finds the row of the route table for a request. Immutable.
class Router final {
 public:
  /// `routes` outlives the router. Throws std::logic_error if two rows have one method and pattern.
  explicit Router(std::span<const Route> routes);

  struct Match {
    const Route* route = nullptr;
    std::vector<std::string> values;  ///< of the placeholders, percent-decoded
  };
  /// The row for method and path (as sent). NotFound `unknown_url` if no row has the path,
  /// MethodNotAllowed if only other methods have it, InvalidRequest for a bad escape in a
  /// placeholder. HEAD finds GET rows.
  Result<Match> find(edge::Method method, std::string_view path) const;
  /// "GET, HEAD, POST": the methods that the path has; empty if none.
  std::string allowed(std::string_view path) const;
  std::span<const Route> routes() const { return routes_; }

 private:
  struct Pattern {
    std::vector<std::string_view> segments;  // a placeholder starts with '{'
    bool takes_rest = false;                 // the last placeholder takes slashes too
    const Route* route;
  };
  static bool matches(const Pattern& pattern, std::span<const std::string_view> path);

  std::span<const Route> routes_;
  std::unordered_map<std::string_view, std::vector<const Route*>> exact_;
  std::vector<Pattern> patterns_;
};

}  // namespace headgate::api
