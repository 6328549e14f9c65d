#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "stores/job_store.h"

namespace headgate::queue {

/// Forgets jobs that ended longer ago than their model's `queue.retention`, and idempotency keys
/// whose day is over: a few small changes, then a pause, so that the writer is never held up. That
/// is several thousand jobs per second while there is something to forget.
class Retention final {
 public:
  using RetentionOf = std::function<std::chrono::milliseconds(std::string_view model)>;
  /// Borrows both.
  Retention(stores::JobStore& jobs, const Clock& clock, RetentionOf retention_of)
      : jobs_(jobs), clock_(clock), retention_of_(std::move(retention_of)) {}

  /// Does some of what is to be done; when there is more to do. One at a time.
  Task<SteadyTime> step();

 private:
  /// Whether there is more to do at once.
  Task<Result<bool>> change();
  Task<Result<bool>> look_for_models();
  bool pass_is_over() const { return keys_done_ && due_.empty() && looked_at_all_; }
  void begin_pass();

  stores::JobStore& jobs_;
  const Clock& clock_;
  const RetentionOf retention_of_;
  // One pass: the keys, then the models in order of name.
  bool keys_done_ = false;
  bool looked_at_all_ = false;
  std::string looked_to_;         // the last model that was looked at
  std::vector<std::string> due_;  // models of which jobs are to be forgotten
};

}  // namespace headgate::queue
