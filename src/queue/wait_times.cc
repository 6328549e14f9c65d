#include "queue/wait_times.h"

#include <algorithm>
#include <numeric>

namespace headgate::queue {

void WaitTimes::add(std::chrono::nanoseconds wait) {
  const double seconds = std::max(0.0, std::chrono::duration<double>(wait).count());
  const auto bucket = std::ranges::lower_bound(kBounds, seconds) - kBounds.begin();
  ++counts_[static_cast<std::size_t>(bucket)];
  sum_seconds_ += seconds;
}

WaitTimes& WaitTimes::operator+=(const WaitTimes& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    counts_[i] += other.counts_[i];
  }
  sum_seconds_ += other.sum_seconds_;
  return *this;
}

std::uint64_t WaitTimes::count() const {
  return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
}

double WaitTimes::mean_seconds() const {
  const std::uint64_t all = count();
  return all == 0 ? 0 : sum_seconds_ / static_cast<double>(all);
}

double WaitTimes::quantile_seconds(double share) const {
  const double wanted = std::clamp(share, 0.0, 1.0) * static_cast<double>(count());
  double below = 0;
  for (std::size_t i = 0; i < kBounds.size(); ++i) {
    const auto inside = static_cast<double>(counts_[i]);
    if (inside > 0 && below + inside >= wanted) {
      const double low = i == 0 ? 0 : kBounds[i - 1];
      return low + (kBounds[i] - low) * (wanted - below) / inside;
    }
    below += inside;
  }
  return below < wanted ? kBounds.back() : 0;
}

}  // namespace headgate::queue
