#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace headgate::routing {

/// Hashes the messages of a conversation one after the other. The hash of each covers all before
/// it, so two conversations share as many leading hashes as they share messages.
class PrefixHasher final {
 public:
  /// Only the last so many prefixes are kept: an answer's request repeats all but the newest.
  static constexpr std::size_t kMost = 64;
  void add(std::string_view role, std::string_view content);
  /// Shortest first.
  std::span<const std::uint64_t> prefixes() const;

 private:
  std::uint64_t state_ = 0;
  std::vector<std::uint64_t> prefixes_;
};

/// Remembers which target saw which message prefix.
///
/// A radix tree over messages whose nodes are named by the hash of their whole path, which makes it
/// a map; the longest known prefix is found from the long end. Holds at most `capacity` prefixes
/// and forgets the least recently used. Thread safe.
class PrefixMap final {
 public:
  explicit PrefixMap(std::size_t capacity = 65'536) : capacity_(capacity) {}
  /// The target (TargetHealth::id) that saw the longest of `prefixes`.
  std::optional<std::uint64_t> find(std::span<const std::uint64_t> prefixes) const;
  /// `target` sees all of `prefixes` now.
  void remember(std::span<const std::uint64_t> prefixes, std::uint64_t target);
  std::size_t size() const;

 private:
  struct Node {
    std::uint64_t prefix;
    std::uint64_t target;
  };
  const std::size_t capacity_;
  mutable std::mutex mutex_;  // guards all below
  std::list<Node> by_use_;    ///< latest first
  std::unordered_map<std::uint64_t, std::list<Node>::iterator> nodes_;
};

}  // namespace headgate::routing
