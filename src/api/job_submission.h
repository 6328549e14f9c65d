#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "api/prefer.h"
#include "api/route.h"
#include "api/service.h"
#include "queue/job_queue.h"

namespace headgate::api {

/// A job as it was accepted, and as it was when the client's patience ended.
struct AcceptedJob {
  model::Job job;
  std::string result;     ///< JSON, if it has succeeded meanwhile
  bool replayed = false;  ///< an earlier one with the same Idempotency-Key
};

/// Makes jobs of requests. Thread safe.
class JobSubmission final : public JobMaker {
 public:
  struct Parts {
    queue::JobQueue* queue;
    const Clock* clock;
    /// InvalidRequest (`url_not_allowed`) unless a webhook may be sent there.
    std::function<Result<void>(const std::string& url)> check_webhook;
  };
  explicit JobSubmission(Parts parts) : parts_(std::move(parts)) {}

  /// Accepts the request of `call` as a job for the route `path` with that `body`, and waits for
  /// its end if the client prefers that. Fails as `endpoint` would at once, or with Overloaded.
  Task<Result<AcceptedJob>> submit(Call call, const Endpoint& endpoint, std::string_view path,
                                   std::string_view kind, std::string body,
                                   std::string content_type) const;

  Task<Result<edge::Response>> make_job(const Route& route, Call call) const override;

  /// The job when it has ended, or as it is at `until`. Breaks off with ClientLeft.
  Task<Result<AcceptedJob>> await_end(model::Job job, CancelSource& cancel, SteadyTime until) const;

 private:
  Result<model::JobRequest> make_request(const Call& call) const;
  /// The job when it has ended, or as it is when the client's patience is; as it was accepted if
  /// that cannot be told.
  Task<AcceptedJob> after_wait(AcceptedJob accepted, Preference preference,
                               CancelSource& cancel) const;

  Parts parts_;
};

/// The 202 for an accepted job on the routes under /v1, or its result if it has ended.
Result<edge::Response> accepted_response(const AcceptedJob& accepted, const Preference& preference);
/// The answer of a route that makes a job of every request, its body in the words of `tell`: 200
/// with the result if the client waited for it, else 202. Who did not wait is told of the job as it
/// was accepted, also when the request comes again. Fails as the job did.
Result<edge::Response> told_response(
    AcceptedJob accepted, const Preference& preference,
    const std::function<std::string(const AcceptedJob& accepted)>& tell);
/// Location and Retry-After, Idempotent-Replayed where it applies.
void add_job_fields(edge::Response& response, const AcceptedJob& accepted);
/// What a job that ended without a result ended with.
Error ending_error(const model::Job& job);

}  // namespace headgate::api
