#include "queue/lost_jobs.h"

#include <utility>

namespace headgate::queue {
namespace {

/// Jobs of one step: read in about a millisecond.
constexpr std::size_t kStep = 500;

}  // namespace

Task<std::vector<stores::WaitingJob>> LostJobs::step(SteadyTime now, IsKnown is_known) {
  std::vector<stores::WaitingJob> lost;
  if (now < next_) {
    co_return lost;
  }
  next_ = now + pauses_.step;
  auto page = co_await jobs_.open_jobs(state_, after_, kStep);
  if (!page) {
    co_return lost;
  }
  std::unordered_set<model::JobSeq> missing;
  for (stores::WaitingJob& job : *page) {
    if (is_known(job)) {
      continue;
    }
    if (suspects_.contains(job.seq)) {
      lost.push_back(job);
    } else {
      missing.insert(job.seq);
    }
  }
  const bool first_reading = suspects_.empty();
  suspects_.clear();
  if (first_reading && !missing.empty()) {
    suspects_ = std::move(missing);
  } else {
    advance(*page, now);
  }
  co_return lost;
}

void LostJobs::advance(const std::vector<stores::WaitingJob>& page, SteadyTime now) {
  if (page.size() == kStep) {
    after_ = page.back().seq;
    return;
  }
  after_ = 0;
  if (state_ == model::JobState::Queued) {
    state_ = model::JobState::Running;
    return;
  }
  state_ = model::JobState::Queued;
  next_ = now + pauses_.rest;
}

}  // namespace headgate::queue
