#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "model/job.h"
#include "queue/arrival.h"

namespace headgate::queue {

/// A job that waits for its next attempt.
struct DelayedJob {
  std::string model;
  Arrival arrival;
};

/// Jobs that wait for their next attempt, by the time it is due. A job is in here once. Owned by
/// one thread.
class DelayedJobs final {
 public:
  /// False if it waits already; then it stays as it was.
  bool add(SteadyTime due, DelayedJob job);
  bool has(model::JobSeq seq) const { return by_seq_.contains(seq); }
  /// False if it does not wait.
  bool remove(model::JobSeq seq);
  /// All that are due at `now`; they wait no longer.
  std::vector<DelayedJob> take(SteadyTime now);
  /// When the next is due.
  std::optional<SteadyTime> next() const;
  std::size_t size() const { return by_seq_.size(); }

 private:
  using ByTime = std::multimap<SteadyTime, DelayedJob>;
  ByTime by_time_;
  std::unordered_map<model::JobSeq, ByTime::iterator> by_seq_;
};

}  // namespace headgate::queue
