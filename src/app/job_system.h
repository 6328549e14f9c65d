#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "api/document_sources.h"
#include "api/idempotency.h"
#include "api/job_runner.h"
#include "api/job_submission.h"
#include "api/jobs.h"
#include "base/blocking_pool.h"
#include "base/event_loop.h"
#include "config/settings.h"
#include "observe/metrics.h"
#include "queue/caller_totals.h"
#include "queue/job_queue.h"
#include "queue/webhook_sender.h"
#include "stores/sqlite/stores.h"
#include "stores/sqlite/webhook_store.h"

namespace headgate::app {

/// All that carries durable jobs: the stores with their writer and readers, the queue, the runner
/// and the webhooks. Lives on the loops it was built with.
class JobSystem final {
 public:
  struct Parts {
    stores::sqlite::Database* database;
    std::string path;  ///< of the database
    BlockingPool* pool;
    queue::Lines* lines;
    api::DocumentSources::Fetchers* fetchers;
    const Clock* clock;
    std::vector<EventLoop*> loops;
    api::DocumentSources::CurrentSettings settings;
    /// At a stop, after the time to end is over.
    struct Patience {
      std::chrono::milliseconds put_back{5'000};      ///< for jobs to note that they are broken off
      std::chrono::milliseconds webhooks{3'000};      ///< for webhooks under way to be put down
      std::chrono::milliseconds webhooks_end{2'000};  ///< and then to end
    } patience{};
  };
  /// Borrows what `parts` points to. Fails if the database cannot be read, or a webhook secret is
  /// malformed.
  static Result<std::unique_ptr<JobSystem>> open(Parts parts);

  /// Takes up what the last gateway left, by the endpoints of `routes`. Before the loops run.
  Result<void> start(std::span<const api::Route> routes, const api::Admission& admission);
  /// No job begins to run any more, and who waits for one is answered with how it is now.
  void begin_stop();
  /// Waits for what runs, which is put back at `until`, a few seconds at most after that. False if
  /// something did not end even so and still uses this. Not on a loop.
  bool stop(SteadyTime until);

  const api::JobSubmission& submission() const { return submission_; }
  const api::Idempotency& idempotency() const { return idempotency_; }
  const api::JobDesk& desk() const { return desk_; }
  queue::CallerTotals& caller_totals() { return caller_totals_; }
  stores::UsageStore& usage() { return *usage_; }
  /// Whether what became of jobs can be written: not while the store refuses it lastingly.
  bool can_settle() const { return queue_.stats().unwritten == 0; }
  void add_metrics(observe::Metrics& metrics) const;

 private:
  std::vector<std::string> model_names() const;
  void add_wait_metrics(observe::Metrics& metrics) const;
  JobSystem(Parts parts, std::unique_ptr<stores::sqlite::Readers> readers,
            std::vector<config::Secret> webhook_keys);

  const Parts parts_;
  std::vector<EventLoop*> loops_;
  std::unique_ptr<stores::sqlite::Readers> readers_;
  stores::sqlite::Writer writer_;
  std::unique_ptr<stores::JobStore> jobs_;
  std::unique_ptr<stores::EventLog> events_;
  std::unique_ptr<stores::WebhookStore> webhooks_;
  std::unique_ptr<stores::UsageStore> usage_;
  queue::WebhookSender sender_;
  api::EndpointRunner runner_;
  queue::JobQueue queue_;
  queue::CallerTotals caller_totals_;
  std::unique_ptr<stores::IdempotencyStore> keys_;
  api::Idempotency idempotency_;
  api::JobSubmission submission_;
  api::JobDesk desk_;
};

/// The queue section of a model's configuration; of a model that is not configured, the common one.
config::QueueSettings queue_settings(const config::Settings& settings, std::string_view model);
/// The same as a line takes it.
queue::LineSettings line_settings(const config::Settings& settings, std::string_view model);

}  // namespace headgate::app
