#pragma once

#include "api/job_submission.h"
#include "api/route.h"
#include "queue/caller_totals.h"
#include "queue/job_queue.h"
#include "stores/webhook_store.h"

namespace headgate::api {

/// What the job endpoints work with; all borrowed.
struct JobDesk {
  queue::JobQueue* queue;
  const JobSubmission* submission;
  stores::WebhookStore* webhooks;
  queue::CallerTotals* caller_totals;
  const Clock* clock;
  std::function<void()> webhook_due;
};

/// Whose words a job is told in (api.md §1).
enum class JobWords : std::uint8_t { Ours, Api, TaskApi };
std::string_view status_word(model::JobState state, JobWords words);

/// GET /v1/jobs/{id}?wait=N, GET /api/requests/{id} and GET /api/v1/inference/{id}, which knows
/// tasks only.
class ShowJob final : public Endpoint {
 public:
  ShowJob(const JobDesk& desk, JobWords words) : desk_(desk), words_(words) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  const JobDesk& desk_;
  JobWords words_;
};

/// DELETE /v1/jobs/{id}, POST /v1/jobs/{id}/cancel and DELETE /api/requests/{id}.
class CancelJob final : public Endpoint {
 public:
  CancelJob(const JobDesk& desk, JobWords words) : desk_(desk), words_(words) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  const JobDesk& desk_;
  JobWords words_;
};

/// GET /v1/jobs?status&model&client_id&after&limit, newest first.
class ListJobs final : public Endpoint {
 public:
  explicit ListJobs(const JobDesk& desk) : desk_(desk) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  const JobDesk& desk_;
};

/// POST /v1/jobs/{id}/redeliver: sends the job's webhook again.
class RedeliverWebhook final : public Endpoint {
 public:
  explicit RedeliverWebhook(const JobDesk& desk) : desk_(desk) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  const JobDesk& desk_;
};

/// GET /v1/jobs/{id}/events: server-sent events; Last-Event-ID or ?after=N replays what was missed.
class JobEvents final : public Endpoint {
 public:
  explicit JobEvents(const JobDesk& desk) : desk_(desk) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  const JobDesk& desk_;
};

/// WS /ws/inference/{id}?after=N: the same events as JSON text messages.
class JobSocket final : public Endpoint {
 public:
  explicit JobSocket(const JobDesk& desk) : desk_(desk) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  const JobDesk& desk_;
};

/// GET /admin/queue/{model}: the line in front of a model.
class ShowQueue final : public Endpoint {
 public:
  ShowQueue(const JobDesk& desk, std::function<Result<std::string>(std::string_view)> public_name)
      : desk_(desk), public_name_(std::move(public_name)) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  const JobDesk& desk_;
  std::function<Result<std::string>(std::string_view)> public_name_;
};

/// Whose jobs a principal may see: an Admin everybody's (empty).
std::string visible_owner(const model::RequestContext& context);
/// For a job that is there, but not on this route.
Error no_such_job(const std::string& id);
/// A job with result and place in line, as JSON.
Task<Result<std::string>> show_job(const JobDesk& desk, model::Job job, JobWords words);

}  // namespace headgate::api
