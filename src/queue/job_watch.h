#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/task.h"
#include "model/job.h"

namespace headgate::queue {

/// Tells those who watch a job that something happened to it; what, they read in the store. Safe
/// from any thread.
class JobWatch final {
 public:
  class Watcher;

  /// Watches from now on. The watcher belongs to the calling event loop.
  std::shared_ptr<Watcher> watch(model::JobSeq seq);
  /// Something happened: wakes all who watch.
  void notify(model::JobSeq seq);
  /// The gateway stops: wakes all who watch any job, who should wait no more.
  void close();
  bool closed() const { return closed_.load(std::memory_order_acquire); }

 private:
  struct Shard {
    std::mutex mutex;
    std::unordered_map<model::JobSeq, std::vector<Watcher*>> watchers;  // guarded by mutex
  };
  Shard& shard_of(model::JobSeq seq) {
    return shards_[static_cast<std::size_t>(seq) % shards_.size()];
  }

  std::array<Shard, 16> shards_;
  std::atomic<bool> closed_{false};
};

/// One who watches a job; dies on its own loop.
class JobWatch::Watcher {
 public:
  virtual ~Watcher() = default;
  /// Returns when something happened since the last wait, or false at `until`.
  virtual Task<bool> wait_until(SteadyTime until) = 0;
  /// Ends the wait as if something had happened. Same loop only.
  virtual void wake() = 0;

 private:
  friend class JobWatch;
  virtual void happened() = 0;  // any thread, under the shard's mutex
};

}  // namespace headgate::queue
