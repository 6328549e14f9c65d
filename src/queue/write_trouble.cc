#include "queue/write_trouble.h"

#include <algorithm>

namespace headgate::queue {
namespace {

/// 30 s with the usual pause of half a second.
constexpr int kLongest = 60;
/// 2^6 is beyond that.
constexpr std::size_t kDoublings = 6;

}  // namespace

bool is_passing(const Error& error) { return error.kind == ErrorKind::Overloaded; }

std::chrono::milliseconds write_pause(std::chrono::milliseconds pause, std::size_t failures,
                                      const Error& error) {
  if (is_passing(error) || failures == 0) {
    return pause;
  }
  return std::min(pause * (1 << std::min(failures - 1, kDoublings)), pause * kLongest);
}

WriteTrouble::Waiter::~Waiter() {
  const std::lock_guard lock(trouble_.mutex_);
  trouble_.lasting_ -= counts_ == Counts::Lasting ? 1 : 0;
}

std::optional<std::size_t> WriteTrouble::Waiter::failed(const Error& error, SteadyTime now) {
  const std::lock_guard lock(trouble_.mutex_);
  ++trouble_.failures_;
  const Counts counts = is_passing(error) ? Counts::No : Counts::Lasting;
  if (counts != counts_) {
    counts_ = counts;
    trouble_.lasting_ += counts == Counts::Lasting ? 1 : -1;
  }
  const bool due = !trouble_.reported_ || now - *trouble_.reported_ >= kBetweenReports;
  if (counts == Counts::No || !due) {
    return std::nullopt;
  }
  trouble_.reported_ = now;
  return trouble_.lasting_;
}

std::size_t WriteTrouble::lasting() const {
  const std::lock_guard lock(mutex_);
  return lasting_;
}

std::uint64_t WriteTrouble::failures() const {
  const std::lock_guard lock(mutex_);
  return failures_;
}

}  // namespace headgate::queue
