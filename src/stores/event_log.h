#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "model/job.h"

namespace headgate::stores {

/// What happened to each job, in order, for those who watch it now or come back later. Durable as
/// JobStore is; safe from any event loop. Implementations must pass testing/job_store_contract.h.
class EventLog {
 public:
  virtual ~EventLog() = default;
  /// Appends "delta" events to a job that runs under `fence`, in one change; returns the number of
  /// the last. Conflict if it does not.
  virtual Task<Result<std::int64_t>> append(model::JobSeq seq, std::int64_t fence,
                                            std::vector<std::string> deltas) = 0;
  /// Up to `limit` events with numbers above `after`, in order.
  virtual Task<Result<std::vector<model::JobEvent>>> read(model::JobSeq seq, std::int64_t after,
                                                          std::size_t limit) = 0;
};

}  // namespace headgate::stores
