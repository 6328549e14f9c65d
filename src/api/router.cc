#include "api/router.h"

#include <algorithm>
#include <stdexcept>

#include "base/encoding.h"

namespace headgate::api {
namespace {

constexpr std::size_t kMaxSegments = 16;

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty() && segments.size() < kMaxSegments) {
    path.remove_prefix(1);  // '/'
    const std::size_t end = std::min(path.find('/'), path.size());
    segments.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

bool serves(const Route& route, edge::Method method) {
  return route.method == method ||
         (method == edge::Method::Head && route.method == edge::Method::Get);
}

std::string_view name_of(edge::Method method) {
  switch (method) {
    case edge::Method::Get:
      return "GET, HEAD";
    case edge::Method::Post:
      return "POST";
    case edge::Method::Put:
      return "PUT";
    case edge::Method::Patch:
      return "PATCH";
    case edge::Method::Delete:
      return "DELETE";
    default:
      return "OPTIONS";
  }
}

}  // namespace

Router::Router(std::span<const Route> routes) : routes_(routes) {
  for (const Route& route : routes) {
    if (route.pattern.find('{') == std::string_view::npos) {
      auto& rows = exact_[route.pattern];
      if (std::ranges::find(rows, route.method, &Route::method) != rows.end()) {
        throw std::logic_error("two routes for " + std::string(route.pattern));
      }
      rows.push_back(&route);
      continue;
    }
    Pattern pattern{.segments = split(route.pattern), .takes_rest = false, .route = &route};
    pattern.takes_rest = pattern.segments.back().ends_with("...}");
    patterns_.push_back(std::move(pattern));
  }
}

bool Router::matches(const Pattern& pattern, std::span<const std::string_view> path) {
  const std::size_t count = pattern.segments.size();
  if (path.size() < count || (path.size() > count && !pattern.takes_rest)) {
    return false;
  }
  for (std::size_t i = 0; i < count; ++i) {
    const bool placeholder = pattern.segments[i].starts_with('{');
    if (placeholder ? path[i].empty() : pattern.segments[i] != path[i]) {
      return false;
    }
  }
  return true;
}

Result<Router::Match> Router::find(edge::Method method, std::string_view path) const {
  bool path_known = false;
  if (const auto rows = exact_.find(path); rows != exact_.end()) {
    for (const Route* route : rows->second) {
      if (serves(*route, method)) {
        return Match{route, {}};
      }
    }
    path_known = true;
  }
  const auto segments = split(path);
  for (const Pattern& pattern : patterns_) {
    if (!matches(pattern, segments)) {
      continue;
    }
    path_known = true;
    if (!serves(*pattern.route, method)) {
      continue;
    }
    Match match{pattern.route, {}};
    for (std::size_t i = 0; i < pattern.segments.size(); ++i) {
      if (!pattern.segments[i].starts_with('{')) {
        continue;
      }
      const char* const begin = segments[i].data();
      const bool rest = pattern.takes_rest && i + 1 == pattern.segments.size();
      const std::string_view raw =
          rest
              ? std::string_view(begin, static_cast<std::size_t>(path.data() + path.size() - begin))
              : segments[i];
      auto value = decode_percent(raw, PercentMode::Url);
      if (!value || value->find('\0') != std::string::npos || !is_utf8(*value)) {
        return fail(invalid_request("The path holds a malformed percent escape."));
      }
      match.values.push_back(std::move(*value));
    }
    return match;
  }
  if (path_known) {
    Error error = invalid_request("This path does not take this method.");
    error.kind = ErrorKind::MethodNotAllowed;
    return fail(std::move(error));
  }
  return fail(not_found("There is no such path here; /docs lists those there are.", "unknown_url"));
}

std::string Router::allowed(std::string_view path) const {
  std::string methods;
  const auto add = [&](const Route& route) {
    if (!methods.empty()) {
      methods.append(", ");
    }
    methods.append(name_of(route.method));
  };
  if (const auto rows = exact_.find(path); rows != exact_.end()) {
    std::ranges::for_each(rows->second, [&](const Route* route) { add(*route); });
  }
  const auto segments = split(path);
  for (const Pattern& pattern : patterns_) {
    if (matches(pattern, segments)) {
      add(*pattern.route);
    }
  }
  return methods;
}

}  // namespace headgate::api
