#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "base/task.h"
#include "config/settings.h"
#include "documents/document.h"
#include "documents/inspection.h"
#include "documents/sandbox_status.h"
#include "model/document.h"

namespace headgate::documents {

struct WorkerPoolConfig {
  unsigned workers = 0;  ///< processes; 0: one per core
  config::DocumentSettings documents;
  /// What is started as `<executable> worker`; the default is this very program, also after its
  /// file has been replaced.
  std::string executable = "/proc/self/exe";
  std::size_t max_waiting = 4096;  ///< pages in line; further ones are Overloaded
  unsigned recycle_after = 2000;   ///< pages, then the process is replaced
};

/// Figures since the start; for metrics.
struct WorkerPoolCounters {
  std::uint64_t pages_read = 0;
  std::uint64_t pages_failed = 0;
  std::uint64_t inspections = 0;
  std::uint64_t page_milliseconds = 0;  ///< wall time in workers
  std::uint64_t timeouts = 0;
  std::uint64_t crashes = 0;   ///< page processes or workers that died unasked
  std::uint64_t restarts = 0;  ///< workers started beyond the first of each place
  std::uint64_t waiting = 0;   ///< pages in line now
  std::uint64_t busy = 0;      ///< pages being read now
  std::uint64_t ready = 0;     ///< workers up now
  std::uint64_t starting = 0;  ///< workers whose first start is not over yet
};

/// The processes that read documents, one page at a time each, and the line in front of them.
///
/// The tasks run on any event loop; that loop must outlive stop(). A page whose process crashes is
/// repeated once, on another worker if there is one, then fails with `page_failed` and the cause
/// in `detail` ("sandbox_killed:SIGSEGV"). Cancelling drops a waiting page and kills a running one
/// at once; the task then ends with ClientLeft.
class WorkerPool final {
 public:
  /// Starts the processes in the background.
  explicit WorkerPool(WorkerPoolConfig config);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// What the file is and how many pages it has. Fails with InvalidRequest (`unreadable_file`,
  /// `password_required`), Unsupported, TooLarge (pages, pixels), Timeout.
  Task<Result<Inspection>> inspect(std::shared_ptr<const Document> document, SteadyTime deadline,
                                   CancelSource& cancel);

  /// Reads page `number`, from 1. `cancel` belongs to the calling loop and outlives the task.
  Task<Result<model::PageReading>> read_page(std::shared_ptr<const Document> document,
                                             std::uint32_t number, ReadOptions options,
                                             CancelSource& cancel);

  /// Ends every process and fails what is waiting. Returns when none is left. Any thread; a second
  /// call does nothing.
  void stop();

  unsigned workers() const;
  WorkerPoolCounters counters() const;
  /// Of the worker that started last; empty before that.
  std::vector<SandboxStatus> sandbox() const;
  /// Process ids of the live workers, for tests and the dashboard.
  std::vector<int> process_ids() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headgate::documents
