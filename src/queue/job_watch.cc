#include "queue/job_watch.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <utility>

#include "base/event_loop.h"
#include "base/signal.h"

namespace headgate::queue {
namespace {

/// What a message to the watcher's loop keeps alive.
struct Bell {
  EventLoop* loop = EventLoop::current();
  Signal signal;
  std::atomic<bool> posted{false};
};

class LoopWatcher final : public JobWatch::Watcher {
 public:
  using Leave = std::function<void(Watcher&)>;
  explicit LoopWatcher(Leave leave) : leave_(std::move(leave)) {}
  ~LoopWatcher() override { leave_(*this); }
  LoopWatcher(const LoopWatcher&) = delete;
  LoopWatcher& operator=(const LoopWatcher&) = delete;

  Task<bool> wait_until(SteadyTime until) override {
    co_return co_await bell_->signal.wait_until(until);
  }
  void wake() override { bell_->signal.notify(); }

 private:
  void happened() override {
    if (!bell_->posted.exchange(true)) {
      bell_->loop->post([bell = bell_] {
        bell->posted = false;
        bell->signal.notify();
      });
    }
  }

  Leave leave_;
  std::shared_ptr<Bell> bell_ = std::make_shared<Bell>();  // shared with messages under way
};

}  // namespace

std::shared_ptr<JobWatch::Watcher> JobWatch::watch(model::JobSeq seq) {
  auto watcher = std::make_shared<LoopWatcher>([this, seq](Watcher& leaving) {
    Shard& shard = shard_of(seq);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.watchers.find(seq);
    std::erase(found->second, &leaving);
    if (found->second.empty()) {
      shard.watchers.erase(found);
    }
  });
  Shard& shard = shard_of(seq);
  const std::lock_guard lock(shard.mutex);
  shard.watchers[seq].push_back(watcher.get());
  return watcher;
}

void JobWatch::notify(model::JobSeq seq) {
  Shard& shard = shard_of(seq);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.watchers.find(seq);
  if (found != shard.watchers.end()) {
    for (Watcher* watcher : found->second) {
      watcher->happened();
    }
  }
}

void JobWatch::close() {
  closed_.store(true, std::memory_order_release);
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const auto& [seq, watchers] : shard.watchers) {
      for (Watcher* watcher : watchers) {
        watcher->happened();
      }
    }
  }
}

}  // namespace headgate::queue
