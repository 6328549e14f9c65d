#include "routing/retry_budget.h"

#include <chrono>

namespace headgate::routing {
namespace {

std::int64_t second_of(SteadyTime time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

}  // namespace

RetryBudget::Slice& RetryBudget::slice(std::int64_t second) {
  Slice& found = slices_[static_cast<std::size_t>(second % kSeconds)];
  if (found.second < second) {
    found = {.second = second};
  }
  return found;
}

RetryBudget::Counts RetryBudget::sum(std::int64_t second) const {
  Counts counts;
  for (const Slice& slice : slices_) {
    if (slice.second > second - kSeconds) {
      counts.requests += slice.requests;
      counts.retries += slice.retries;
    }
  }
  counts.refused = refused_;
  return counts;
}

void RetryBudget::request(SteadyTime now) {
  const std::lock_guard lock(mutex_);
  ++slice(second_of(now)).requests;
}

bool RetryBudget::take(double ratio, double per_second, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  Slice& current = slice(second_of(now));
  const Counts counts = sum(second_of(now));
  const double allowed =
      ratio * static_cast<double>(counts.requests) + per_second * static_cast<double>(kSeconds);
  if (static_cast<double>(counts.retries + 1) > allowed) {
    ++refused_;
    return false;
  }
  ++current.retries;
  return true;
}

RetryBudget::Counts RetryBudget::counts(SteadyTime now) const {
  const std::lock_guard lock(mutex_);
  return sum(second_of(now));
}

}  // namespace headgate::routing
