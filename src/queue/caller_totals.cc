#include "queue/caller_totals.h"

#include <mutex>
#include <utility>

#include "base/event_loop.h"
#include "observe/log.h"

namespace headgate::queue {
namespace {

/// Different models that one loop counts between two flushes; where a provider takes any name,
/// clients may invent more, which become kOtherModel.
constexpr std::size_t kMostModels = 1'000;
constexpr std::string_view kOtherModel = "_other";

stores::JobCounts one(CallerTotals::Ending ending) {
  using enum CallerTotals::Ending;
  return {.succeeded = ending == Succeeded ? 1U : 0U,
          .failed = ending == Failed ? 1U : 0U,
          .expired = ending == Expired ? 1U : 0U,
          .cancelled = ending == Cancelled ? 1U : 0U};
}

}  // namespace

/// What one loop has counted. The lock is the loop's own but for a moment now and then.
struct CallerTotals::Shard {
  mutable std::mutex mutex;
  Counts counts;  // guarded by mutex; models stay when they are flushed
};

CallerTotals::CallerTotals(Write write, std::size_t loops) : write_(std::move(write)) {
  for (std::size_t i = 0; i < loops; ++i) {
    shards_.push_back(std::make_unique<Shard>());
  }
}

CallerTotals::~CallerTotals() = default;

void CallerTotals::add(Counts& to, std::string_view model, const stores::JobCounts& counts) {
  auto found = to.find(model);
  if (found == to.end()) {
    const bool room = to.size() < kMostModels;
    found = to.try_emplace(std::string(room ? model : kOtherModel)).first;
  }
  found->second += counts;
}

void CallerTotals::count(std::string_view model, Ending ending) {
  Shard& shard = *shards_[EventLoop::current()->index()];
  const std::lock_guard lock(shard.mutex);
  add(shard.counts, model, one(ending));
}

Task<void> CallerTotals::flush() {
  Counts counted;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard->mutex);
    for (auto at = shard->counts.begin(); at != shard->counts.end();) {
      const stores::JobCounts counts = std::exchange(at->second, {});
      if (counts == stores::JobCounts()) {  // not used since the last time
        at = shard->counts.erase(at);
        continue;
      }
      counted[at->first] += counts;
      ++at;
    }
  }
  if (counted.empty()) {
    co_return;
  }
  auto written = co_await write_({counted.begin(), counted.end()});
  if (written) {
    co_return;
  }
  observe::log::error("cannot write down how many requests ended; trying again", written.error());
  Shard& shard = *shards_.front();
  const std::lock_guard lock(shard.mutex);
  for (const auto& [model, counts] : counted) {
    add(shard.counts, model, counts);
  }
}

stores::JobCounts CallerTotals::pending(std::string_view model) const {
  stores::JobCounts sum;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard->mutex);
    if (const auto found = shard->counts.find(model); found != shard->counts.end()) {
      sum += found->second;
    }
  }
  return sum;
}

}  // namespace headgate::queue
