#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "base/task.h"
#include "model/job.h"
#include "model/job_id.h"
#include "model/usage.h"
#include "stores/idempotency_store.h"

namespace headgate::stores {

struct NewJob {
  model::JobId id;
  model::JobRequest request;
  std::int64_t created_at = 0;
  std::optional<IdempotencyClaim> idempotency;
};

struct Submitted {
  model::JobSeq seq = 0;
  std::string id;         ///< of the earlier job, if `replayed`
  bool replayed = false;  ///< the same key and body were seen before
};

/// How a run left a job that does not end yet.
struct JobReturn {
  std::vector<model::JobAttempt> attempts;  ///< all of them; none: it counts as never started
  std::int64_t not_before = 0;
  std::int64_t now = 0;
  std::int64_t input_tokens = -1;  ///< of this run, as in JobEnding
  std::int64_t output_tokens = -1;
  double cost = 0;
};

/// How a run of a job ended.
struct JobEnding {
  model::JobState state = model::JobState::Succeeded;  ///< terminal
  std::vector<model::JobAttempt> attempts;             ///< all of them
  std::int64_t completed_at = 0;
  std::string result;  ///< JSON, or empty
  std::string error_json;
  std::int64_t input_tokens = -1;  ///< of this run: added to those of the job's earlier runs
  std::int64_t output_tokens = -1;
  double cost = 0;
  model::UsageBatch usage{};  ///< what the run used, written in the same step
};

/// What the line must know of a job that waits.
struct WaitingJob {
  model::JobSeq seq = 0;
  std::string model;
  std::string owner;
  std::string client_id;
  model::Priority priority = model::Priority::Normal;
  std::uint32_t work = 1;
  std::int64_t not_before = 0;
  std::int64_t created_at = 0;
};

/// What start-up found of jobs that were under way when the gateway ended.
struct Recovery {
  std::uint64_t requeued = 0;
  std::uint64_t failed = 0;  ///< poison: no attempt was left
  model::JobSeq newest = 0;  ///< the highest seq of any job
};

struct JobFilter {
  std::string owner{};  ///< empty: of all
  std::optional<model::JobState> state{};
  std::string model{};
  std::string client_id{};
  std::string after{};  ///< id of the last job of the page before
  std::size_t limit = 20;
};

/// A job and the bytes it was made with.
struct LoadedJob {
  model::Job job;
  model::JobRequest request;
};

/// A model with jobs that have ended.
struct EndedJobs {
  std::string model;
  std::int64_t oldest = 0;  ///< when the first of them ended
};

/// What one step of forgetting came to.
struct Forgotten {
  std::size_t count = 0;
  bool more = false;  ///< there is more to forget
};

/// How many of a model's jobs and callers' requests ended how, since the store began; forgotten
/// jobs count too.
struct JobCounts {
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  std::uint64_t expired = 0;
  std::uint64_t cancelled = 0;

  JobCounts& operator+=(const JobCounts& more) {
    succeeded += more.succeeded;
    failed += more.failed;
    expired += more.expired;
    cancelled += more.cancelled;
    return *this;
  }
  friend bool operator==(const JobCounts&, const JobCounts&) = default;
};

/// Durable jobs.
///
/// A change is on disk when its task completes, and did not happen if the task fails. Calls are
/// safe from any event loop; changes that wait at the same time share one commit. Each change of
/// state also appends a "status" event to the job's log (event_log.h). All times are Unix
/// milliseconds. Every call fails with Overloaded (`store_unavailable`) while the disk is full or
/// broken, and when too many changes wait. Implementations must pass testing/job_store_contract.h.
class JobStore {
 public:
  virtual ~JobStore() = default;

  /// Fails as find_by_key() does.
  virtual Task<Result<Submitted>> submit(NewJob job) = 0;
  /// The job that an idempotency key has led to; nullopt if the key is free. Unprocessable if it
  /// came with another body before; Conflict if it belongs to a call that was or will be answered
  /// at once, or to a job that has been forgotten (`idempotency_job_gone`).
  virtual Task<Result<std::optional<model::Job>>> find_by_key(IdempotencyClaim claim,
                                                              std::int64_t now) = 0;
  /// NotFound if there is none; Internal if what belongs to it is gone or damaged.
  virtual Task<Result<LoadedJob>> load(model::JobSeq seq) = 0;
  /// Notes an attempt before it is made and takes the job, which is running then, from whoever had
  /// it: the new fence. Conflict unless the job is queued or running under `fence`.
  virtual Task<Result<std::int64_t>> begin_attempt(model::JobSeq seq, std::int64_t fence,
                                                   std::vector<model::JobAttempt> attempts) = 0;
  /// Writes what became known of the attempts, and changes nothing else. Conflict unless the job
  /// runs under `fence`.
  virtual Task<Result<void>> note_attempts(model::JobSeq seq, std::int64_t fence,
                                           std::vector<model::JobAttempt> attempts) = 0;
  /// Queues a job again until `not_before`. Conflict unless it runs under `fence`.
  virtual Task<Result<void>> put_back(model::JobSeq seq, std::int64_t fence, JobReturn back) = 0;
  /// Ends a job and writes what it used, both or neither. Conflict unless it is queued or running
  /// under `fence`.
  virtual Task<Result<void>> finish(model::JobSeq seq, std::int64_t fence, JobEnding ending) = 0;
  /// Ends a queued or running job as cancelled; its fence is void. One that has ended stays as it
  /// was. Returns the job as it is then; NotFound if `owner` (empty: anyone) has no such job.
  virtual Task<Result<model::Job>> cancel(std::string id, std::string owner, std::int64_t now) = 0;

  /// NotFound if `owner` (empty: anyone) has no such job.
  virtual Task<Result<model::Job>> find(std::string id, std::string owner) = 0;
  /// NotFound if there is none.
  virtual Task<Result<model::Job>> find(model::JobSeq seq) = 0;
  /// The result's JSON; empty if there is none.
  virtual Task<Result<std::string>> result(model::JobSeq seq) = 0;
  /// Newest first.
  virtual Task<Result<std::vector<model::Job>>> list(JobFilter filter) = 0;
  /// Jobs that ended and what add_counts() added, by model.
  virtual Task<Result<std::map<std::string, JobCounts>>> counts() = 0;
  /// Adds requests that ended without being jobs; all or nothing.
  virtual Task<Result<void>> add_counts(std::map<std::string, JobCounts> ended) = 0;

  /// At start-up, before anything else: queues again what was running, its last attempt noted as
  /// crashed unless it is still under way at a provider, and ends those without an attempt left as
  /// failed. Blocks.
  virtual Result<Recovery> recover(std::int64_t now) = 0;
  /// Every job that waits, in order of submission. Blocks.
  virtual Result<void> each_waiting(const std::function<void(const WaitingJob&)>& visit) = 0;
  /// Up to `limit` jobs in `state`, which is Queued or Running, with a seq above `after`, in order.
  virtual Task<Result<std::vector<WaitingJob>>> open_jobs(model::JobState state,
                                                          model::JobSeq after,
                                                          std::size_t limit) = 0;
  /// Ends queued jobs whose `finish_by` has passed, or whose `start_by` has and which never
  /// started, at most `limit`; returns them.
  virtual Task<Result<std::vector<model::Job>>> expire(std::int64_t now, std::size_t limit) = 0;

  /// The first `limit` models behind `after`, by name, that have jobs which ended.
  virtual Task<Result<std::vector<EndedJobs>>> ended(std::string after, std::size_t limit) = 0;
  /// Forgets jobs of `model` that ended before `before`, oldest first, with all that belongs to
  /// them. At most `limit` of them, and fewer if much belongs to them, so that the step is short;
  /// of a job with very many events it may take only the oldest of these.
  virtual Task<Result<Forgotten>> forget(std::string model, std::int64_t before,
                                         std::size_t limit) = 0;
  /// Frees idempotency keys whose day is over, in steps as forget() does.
  virtual Task<Result<Forgotten>> forget_keys(std::int64_t now, std::size_t limit) = 0;
};

}  // namespace headgate::stores
