#include "api/classification.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <utility>

#include "api/errors.h"
#include "api/multipart.h"
#include "base/encoding.h"
#include "base/json_writer.h"
#include "model/inference_request.h"

namespace headgate::api {
namespace {

using model::JobState;

Result<void> require_file(const edge::Request& request) {
  const std::string_view type = request.field("content-type").value_or("");
  if (!is_multipart(type)) {
    Error error = invalid_request("The body must be multipart/form-data with a 'file'.");
    error.kind = ErrorKind::Unsupported;
    return fail(std::move(error));
  }
  auto parts = parse_multipart(type, request.body);
  if (!parts) {
    return fail(parts.error());
  }
  if (std::ranges::find(*parts, "file", &FormPart::name) == parts->end()) {
    return fail(invalid_request("The form has no 'file'.", "file"));
  }
  return {};
}

/// The members that all answers about a task begin with.
std::string begin_task(const model::Job& job, std::string_view status) {
  return R"({"task_id":)" + json_quote(job.id) + R"(,"status":)" + json_quote(status);
}

/// When the task's turn may have come, as far as the line can tell: "12 seconds", or null.
std::string estimated_time(const JobDesk& desk, const model::Job& job) {
  const auto position = desk.queue->lines().position(job.model, job.seq);
  const double rate = desk.queue->lines().view(job.model).drain_rate;
  if (!position || rate <= 0) {
    return "null";
  }
  const auto seconds = std::ceil(static_cast<double>(*position) / rate);
  return json_quote(std::to_string(static_cast<std::uint64_t>(std::min(seconds, 1e9))) +
                    " seconds");
}

/// Adds the member that the answer of a known file has, in seconds.
void add_processing_time(edge::Response& known, const model::RequestContext& context) {
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - context.started;
  known.body.pop_back();
  JsonWriter json(known.body.append(R"(,"processing_time":)"));
  json.number(std::round(passed.count() * 1e6) / 1e6);
  known.body.push_back('}');
}

edge::Response failed_response(const model::Job& job) {
  const Error error = ending_error(job);
  edge::Response response;
  response.status = 500;
  response.body = begin_task(job, "failed") + R"(,"error":)" +
                  error_object(error, Surface::Classic, job.request_id,
                               job.completed_at.value_or(job.created_at)) +
                  R"(,"detail":)" + json_quote(error.message) + "}";
  return response;
}

}  // namespace

Task<Result<edge::Response>> ClassifyFile::handle(Call call) const {
  auto complete = require_file(call.http);
  if (!complete) {
    co_return fail(complete.error());
  }
  co_return co_await classify_.handle(call);
}

Result<JobPlan> ClassifyFile::plan(const edge::Request& request) const {
  auto complete = require_file(request);
  if (!complete) {
    return fail(complete.error());
  }
  return classify_.plan(request);
}

Task<Result<edge::Response>> ClassifyFileLater::handle(Call call) const {
  auto preference = parse_prefer(call.http);
  if (!preference) {
    co_return fail(preference.error());
  }
  auto complete = require_file(call.http);
  if (!complete) {
    co_return fail(complete.error());
  }
  // Who names a key is told of the same job each time.
  if (!call.http.field("idempotency-key")) {
    auto kept = co_await classify_.kept(call);
    if (kept) {
      add_processing_time(*kept, call.context);
      co_return std::move(*kept);
    }
  }
  auto accepted = co_await desk_.submission->submit(
      call, classify_, "/v1/classify", "classify", std::string(call.http.body),
      std::string(call.http.field("content-type").value_or("")));
  if (!accepted) {
    co_return fail(accepted.error());
  }
  co_return told_response(std::move(*accepted), *preference, [this](const AcceptedJob& told) {
    if (is_terminal(told.job.state)) {
      return begin_task(told.job, "completed") + R"(,"result":)" + told.result + "}";
    }
    return begin_task(told.job, "processing") + R"(,"estimated_time":)" +
           estimated_time(desk_, told.job) + "}";
  });
}

Task<Result<edge::Response>> ClassificationResult::handle(Call call) const {
  auto job =
      co_await desk_.queue->store().find(call.path_values.front(), visible_owner(call.context));
  if (!job) {
    co_return fail(job.error());
  }
  if (job->kind != model::name_of(model::Kind::Classify)) {
    co_return fail(no_such_job(job->id));
  }
  edge::Response response;
  if (!is_terminal(job->state)) {
    const std::string_view progress = job->state == JobState::Queued ? "In queue" : "Being read";
    response.status = 202;
    response.body = begin_task(*job, "processing") + R"(,"progress":)" + json_quote(progress) + "}";
    response.add_field("Retry-After", "1");
    co_return response;
  }
  if (job->state != JobState::Succeeded) {
    co_return failed_response(*job);
  }
  auto result = co_await desk_.queue->store().result(job->seq);
  if (!result) {
    co_return fail(result.error());
  }
  response.body = begin_task(*job, "completed") + R"(,"result":)" + *result + "}";
  co_return response;
}

}  // namespace headgate::api
