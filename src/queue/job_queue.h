#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/event_loop.h"
#include "base/result.h"
#include "base/task.h"
#include "config/settings.h"
#include "model/job.h"
#include "model/request_context.h"
#include "queue/job_watch.h"
#include "queue/lines.h"
#include "queue/lost_jobs.h"
#include "stores/event_log.h"
#include "stores/job_store.h"

namespace headgate::queue {

/// Takes the deltas of a streamed job: on disk when the task completes.
using DeltaSink = std::function<Task<Result<void>>(std::vector<std::string> deltas)>;

/// Carries out what a job asks for, as the same request would be for a caller. Thread safe.
class JobRunner {
 public:
  virtual ~JobRunner() = default;
  /// The result's JSON. Notes each attempt in `context.ledger` before it is made; stops when
  /// `context.cancel` fires.
  virtual Task<Result<std::string>> run(const model::JobRequest& request,
                                        model::RequestContext& context,
                                        const DeltaSink& deltas) const = 0;
};

/// What the queue has done since the gateway started.
struct JobQueueStats {
  std::uint64_t submitted = 0;
  std::uint64_t finished = 0;
  std::uint64_t retried = 0;
  std::uint64_t running = 0;
  std::uint64_t delayed = 0;         ///< wait for their next attempt
  std::uint64_t unwritten = 0;       ///< jobs whose end or retry the store refuses lastingly
  std::uint64_t write_failures = 0;  ///< failed tries to write an end or a retry
};

/// Durable jobs on their way from submission to their one ending.
///
/// A job is on disk before it is accepted, and so is each of its attempts before it is made. It
/// runs when its model's line gives it a slot; what may succeed later is tried again after a while,
/// anything else ends it. What was under way when the gateway ended runs again at start().
///
/// A call that may have reached a model server counts as an attempt, also when it was broken off by
/// an orderly stop: else a job whose calls outlast every stop would be called without end, and
/// calls could exceed 1 + retries. What was noted but provably not called is taken back.
class JobQueue final {
 public:
  struct Parts {
    stores::JobStore* jobs;
    stores::EventLog* events;
    Lines* lines;
    const JobRunner* runner;
    const Clock* clock;
    std::span<EventLoop* const> loops;
    /// The queue section of a model's configuration.
    std::function<config::QueueSettings(std::string_view model)> settings;
    /// Called when a job with a webhook has ended. Any thread.
    std::function<void()> webhook_due;
    struct Pauses {
      std::chrono::milliseconds store{500};  ///< between tries to write what must be written
      std::chrono::milliseconds house{500};  ///< between looks for jobs whose time is over
      /// How long runs that were broken off may take to write that down.
      std::chrono::milliseconds put_back{5'000};
      LostJobs::Pauses lost{};
    } pauses{};
  };
  /// Borrows what `parts` points to; outlives the loops' last callback.
  explicit JobQueue(Parts parts);
  ~JobQueue();
  JobQueue(const JobQueue&) = delete;
  JobQueue& operator=(const JobQueue&) = delete;

  /// Before the loops run: takes up what the last gateway left. Blocks.
  Result<stores::Recovery> start();
  /// From now on no job begins to run; those on disk wait for the next start. Any thread.
  void begin_stop();
  /// As begin_stop(); what is under way ends, or is put back at `until`. Any thread but a loop's;
  /// blocks. False if some were put back.
  bool stop(SteadyTime until);

  /// A job as it was accepted.
  struct Accepted {
    model::Job job;
    bool replayed = false;  ///< an earlier one with the same idempotency key, as it is now
  };
  /// Accepts a job: it is on disk. Overloaded (`queue_full`) if the model's backlog is full.
  /// `max_attempts` is filled in from the configuration.
  Task<Result<Accepted>> submit(model::JobRequest request,
                                std::optional<stores::IdempotencyClaim> claim);
  /// As JobStore::cancel; what is under way for the job is broken off.
  Task<Result<model::Job>> cancel(std::string id, std::string owner);

  stores::JobStore& store() const { return *parts_.jobs; }
  stores::EventLog& events() const { return *parts_.events; }
  Lines& lines() const { return *parts_.lines; }
  JobWatch& watch() { return watch_; }
  JobQueueStats stats() const;
  /// Whether nothing of it is under way any more, after stop().
  bool at_rest() const;

 private:
  struct Impl;

  const Parts parts_;
  JobWatch watch_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headgate::queue
