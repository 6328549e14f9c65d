#include "queue/delayed_jobs.h"

#include <utility>

namespace headgate::queue {

bool DelayedJobs::add(SteadyTime due, DelayedJob job) {
  const model::JobSeq seq = job.arrival.ticket;
  if (has(seq)) {
    return false;
  }
  by_seq_.emplace(seq, by_time_.emplace(due, std::move(job)));
  return true;
}

bool DelayedJobs::remove(model::JobSeq seq) {
  const auto found = by_seq_.find(seq);
  if (found == by_seq_.end()) {
    return false;
  }
  by_time_.erase(found->second);
  by_seq_.erase(found);
  return true;
}

std::vector<DelayedJob> DelayedJobs::take(SteadyTime now) {
  std::vector<DelayedJob> due;
  const auto end = by_time_.upper_bound(now);
  for (auto at = by_time_.begin(); at != end; ++at) {
    by_seq_.erase(at->second.arrival.ticket);
    due.push_back(std::move(at->second));
  }
  by_time_.erase(by_time_.begin(), end);
  return due;
}

std::optional<SteadyTime> DelayedJobs::next() const {
  return by_time_.empty() ? std::nullopt : std::optional(by_time_.begin()->first);
}

}  // namespace headgate::queue
