#include "routing/prefix_map.h"

#include <algorithm>
#include <cstring>

#include "routing/random.h"

namespace headgate::routing {
namespace {

std::uint64_t hashed(std::uint64_t state, std::string_view text) {
  state = mixed(state ^ text.size());
  while (text.size() >= sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), sizeof(word));
    state = mixed(state ^ word);
    text.remove_prefix(sizeof(word));
  }
  std::uint64_t rest = 0;
  if (!text.empty()) {
    std::memcpy(&rest, text.data(), text.size());
  }
  return mixed(state ^ rest);
}

}  // namespace

void PrefixHasher::add(std::string_view role, std::string_view content) {
  state_ = hashed(hashed(state_, role), content);
  if (prefixes_.size() == 2 * kMost) {
    prefixes_.erase(prefixes_.begin(), prefixes_.begin() + kMost);
  }
  prefixes_.push_back(state_);
}

std::span<const std::uint64_t> PrefixHasher::prefixes() const {
  return std::span(prefixes_).last(std::min(prefixes_.size(), kMost));
}

std::optional<std::uint64_t> PrefixMap::find(std::span<const std::uint64_t> prefixes) const {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = prefixes.size(); i > 0; --i) {
    if (const auto found = nodes_.find(prefixes[i - 1]); found != nodes_.end()) {
      return found->second->target;
    }
  }
  return std::nullopt;
}

void PrefixMap::remember(std::span<const std::uint64_t> prefixes, std::uint64_t target) {
  const std::lock_guard lock(mutex_);
  // The longest first: a prefix is then always used later than what it is part of, and what is
  // forgotten is a leaf.
  for (std::size_t i = prefixes.size(); i > 0; --i) {
    const std::uint64_t prefix = prefixes[i - 1];
    if (const auto known = nodes_.find(prefix); known != nodes_.end()) {
      known->second->target = target;
      by_use_.splice(by_use_.begin(), by_use_, known->second);
      continue;
    }
    if (nodes_.size() >= capacity_) {
      nodes_.erase(by_use_.back().prefix);
      by_use_.pop_back();
    }
    by_use_.push_front({.prefix = prefix, .target = target});
    nodes_.emplace(prefix, by_use_.begin());
  }
}

std::size_t PrefixMap::size() const {
  const std::lock_guard lock(mutex_);
  return nodes_.size();
}

}  // namespace headgate::routing
