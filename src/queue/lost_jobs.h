#pragma once

#include <functional>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "base/task.h"
#include "stores/job_store.h"

namespace headgate::queue {

/// Looks for jobs that are open on disk while nothing in this process knows of them: a change whose
/// outcome was in doubt can leave one behind (the store reported a failure, the disk has it).
///
/// It walks all open jobs in small steps, then rests. One job in two successive readings of the
/// same step is lost; in one it may just be on its way from the disk to its line. To say so of a
/// job that is not does no harm: its run finds it ended, or under way.
class LostJobs final {
 public:
  struct Pauses {
    std::chrono::milliseconds step{1'000};
    std::chrono::milliseconds rest{10'000};  ///< after the last step
  };
  /// Borrows `jobs`.
  LostJobs(stores::JobStore& jobs, Pauses pauses) : jobs_(jobs), pauses_(pauses) {}

  using IsKnown = std::function<bool(const stores::WaitingJob& job)>;
  /// Takes a step if it is time to. What is lost.
  Task<std::vector<stores::WaitingJob>> step(SteadyTime now, IsKnown is_known);

 private:
  void advance(const std::vector<stores::WaitingJob>& page, SteadyTime now);

  stores::JobStore& jobs_;
  const Pauses pauses_;
  SteadyTime next_{};
  model::JobState state_ = model::JobState::Queued;
  model::JobSeq after_ = 0;
  std::unordered_set<model::JobSeq> suspects_;  // of the step that is read again
};

}  // namespace headgate::queue
