#include "dispatch/response_cache.h"

#include <iterator>
#include <utility>

namespace headgate::dispatch {
namespace {

/// What an answer takes beside its texts: the nodes of list and table and the shared block.
constexpr std::uint64_t kOverhead = 320;

std::uint64_t bytes_of(const KeptAnswer& answer) {
  return answer.body.capacity() + answer.provider.capacity() + kOverhead;
}

}  // namespace

std::shared_ptr<const KeptAnswer> ResponseCache::find(const Sha256& key, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found != by_key_.end() && found->second->until <= now) {
    drop(found->second);
  } else if (found != by_key_.end()) {
    ++stats_.hits;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->answer;
  }
  ++stats_.misses;
  return nullptr;
}

void ResponseCache::keep(const Sha256& key, KeptAnswer answer, SteadyTime until) {
  if (answer.body.size() > max_answer()) {
    return;
  }
  answer.body.shrink_to_fit();
  Entry entry{.key = key, .answer = nullptr, .until = until, .bytes = bytes_of(answer)};
  entry.answer = std::make_shared<const KeptAnswer>(std::move(answer));
  const std::lock_guard lock(mutex_);
  if (const auto earlier = by_key_.find(key); earlier != by_key_.end()) {
    drop(earlier->second);
  }
  if (entry.bytes > max_memory_) {
    return;
  }
  stats_.bytes += entry.bytes;
  ++stats_.kept;
  entries_.push_front(std::move(entry));
  by_key_.emplace(key, entries_.begin());
  make_room();
}

void ResponseCache::set_limits(Limits limits) {
  max_answer_.store(limits.max_answer, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  max_memory_ = limits.max_memory;
  make_room();
}

void ResponseCache::clear() {
  const std::lock_guard lock(mutex_);
  by_key_.clear();
  entries_.clear();
  stats_.bytes = 0;
}

ResponseCache::Stats ResponseCache::stats() const {
  const std::lock_guard lock(mutex_);
  Stats stats = stats_;
  stats.answers = entries_.size();
  return stats;
}

void ResponseCache::drop(Entries::iterator entry) {
  stats_.bytes -= entry->bytes;
  by_key_.erase(entry->key);
  entries_.erase(entry);
}

void ResponseCache::make_room() {
  while (stats_.bytes > max_memory_) {
    ++stats_.evicted;
    drop(std::prev(entries_.end()));
  }
}

}  // namespace headgate::dispatch
