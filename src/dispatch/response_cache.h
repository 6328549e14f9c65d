#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/hash.h"

namespace headgate::dispatch {

/// An answer from its first byte to its last, as it was given.
struct KeptAnswer {
  std::string body;
  std::string provider;  ///< that gave it
  SteadyTime kept_at{};
};

/// Answers by what was asked, the least recently used dropped first. What makes two questions the
/// same is the caller's to say, by the key; whose answers they are must be part of it.
///
/// Safe from any thread; no call takes longer than a look into a table.
class ResponseCache final {
 public:
  struct Limits {
    std::uint64_t max_memory = 0;  ///< bytes of all answers together; 0: keeps none
    std::uint64_t max_answer = 0;  ///< bytes of one; a larger one is not kept
  };
  struct Stats {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t kept = 0;
    std::uint64_t evicted = 0;  ///< dropped before their time, for others
    std::uint64_t answers = 0;
    std::uint64_t bytes = 0;
  };

  explicit ResponseCache(Limits limits) { set_limits(limits); }

  /// Null if there is none, or its time is over. It stays good for as long as it is held.
  std::shared_ptr<const KeptAnswer> find(const Sha256& key, SteadyTime now);
  /// In the place of an earlier one of that key. Nothing happens if it is larger than max_answer().
  void keep(const Sha256& key, KeptAnswer answer, SteadyTime until);
  std::uint64_t max_answer() const { return max_answer_.load(std::memory_order_relaxed); }

  /// Drops what is too much by them.
  void set_limits(Limits limits);
  void clear();
  Stats stats() const;

 private:
  struct KeyHash {
    std::size_t operator()(const Sha256& key) const {
      std::size_t first = 0;  // as good as any other part of a digest
      std::memcpy(&first, key.data(), sizeof first);
      return first;
    }
  };
  struct Entry {
    Sha256 key;
    std::shared_ptr<const KeptAnswer> answer;  // shared with those who are sending it
    SteadyTime until;
    std::uint64_t bytes;
  };
  using Entries = std::list<Entry>;

  void drop(Entries::iterator entry);
  void make_room();

  std::atomic<std::uint64_t> max_answer_{0};
  mutable std::mutex mutex_;  // guards the fields below
  std::uint64_t max_memory_ = 0;
  Entries entries_;  // the last used first
  std::unordered_map<Sha256, Entries::iterator, KeyHash> by_key_;
  Stats stats_;
};

}  // namespace headgate::dispatch
