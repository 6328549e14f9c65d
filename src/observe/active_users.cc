#include "observe/active_users.h"

#include <functional>
#include <unordered_set>

#include "observe/shard.h"

namespace headgate::observe {
namespace {

std::int64_t seconds_of(SteadyTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

}  // namespace

ActiveUsers::ActiveUsers(std::size_t shards) {
  for (std::size_t i = 0; i < shards; ++i) {
    shards_.push_back(std::make_unique<Slot[]>(kSlots));
  }
}

// Several threads may write shard 0 at once. The worst that follows is a slot with one principal's
// hash and another's time, or one principal in two slots: count() joins equal hashes.
void ActiveUsers::seen(std::string_view principal_id, SteadyTime now) {
  const std::size_t shard = current_shard();
  Slot* slots = shards_[shard < shards_.size() ? shard : 0].get();
  const std::uint64_t id = std::hash<std::string_view>{}(principal_id) | 1U;
  const std::int64_t second = seconds_of(now);
  Slot* oldest = nullptr;
  for (std::size_t probe = 0; probe < kProbes; ++probe) {
    Slot& slot = slots[(id / 2 + probe) % kSlots];
    const std::uint64_t known = slot.id.load(std::memory_order_relaxed);
    if (known == id) {
      if (slot.last_seen.load(std::memory_order_relaxed) != second) {
        slot.last_seen.store(second, std::memory_order_relaxed);
      }
      return;
    }
    if (oldest == nullptr || slot.last_seen.load(std::memory_order_relaxed) <
                                 oldest->last_seen.load(std::memory_order_relaxed)) {
      oldest = &slot;
    }
    if (known == 0) {
      oldest = &slot;
      break;
    }
  }
  oldest->id.store(id, std::memory_order_relaxed);
  oldest->last_seen.store(second, std::memory_order_relaxed);
}

std::size_t ActiveUsers::count(SteadyTime now) const {
  const std::int64_t since = seconds_of(now) - kWindow.count();
  std::unordered_set<std::uint64_t> ids;
  for (const auto& slots : shards_) {
    for (std::size_t i = 0; i < kSlots; ++i) {
      const std::uint64_t id = slots[i].id.load(std::memory_order_relaxed);
      if (id != 0 && slots[i].last_seen.load(std::memory_order_relaxed) > since) {
        ids.insert(id);
      }
    }
  }
  return ids.size();
}

}  // namespace headgate::observe
