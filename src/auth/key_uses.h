#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "stores/key_store.h"

namespace headgate::auth {

/// When one key was used last, to the minute: marking a busy key is one read of shared memory.
class KeyUse final {
 public:
  void mark(std::int64_t now_ms) {
    constexpr std::int64_t kMinute = 60'000;
    if (now_ms - at_.load(std::memory_order_relaxed) >= kMinute) {
      at_.store(now_ms, std::memory_order_relaxed);
    }
  }

 private:
  friend class KeyUses;
  std::atomic<std::int64_t> at_{0};
  std::int64_t taken_ = 0;  // guarded by KeyUses::mutex_
};

/// Collects the uses of all keys until they are written to the store. Safe from any thread.
class KeyUses final {
 public:
  /// The key's own mark, the same for every snapshot.
  std::shared_ptr<KeyUse> of(const std::string& id);
  /// The keys used since the last call. Forgets those that nobody holds any more.
  std::vector<stores::ApiKeyUse> take();

 private:
  std::mutex mutex_;                                               // guards the next field
  std::unordered_map<std::string, std::shared_ptr<KeyUse>> uses_;  // shared with snapshots
};

}  // namespace headgate::auth
