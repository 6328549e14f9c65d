#include "api/jobs.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "api/form.h"
#include "api/task_api.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "model/job_json.h"

namespace headgate::api {
namespace {

using model::JobState;

constexpr std::size_t kDefaultPage = 20;
constexpr std::size_t kLargestPage = 100;

edge::Response json_response(std::string body) {
  edge::Response response;
  response.body = std::move(body);
  return response;
}

/// A whole number from 0 to `most`.
Result<std::uint64_t> number(const std::string& name, const std::string& text, std::uint64_t most) {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || value > most) {
    return fail(invalid_request(
        "'" + name + "' must be a whole number from 0 to " + std::to_string(most) + ".", name));
  }
  return value;
}

Result<void> refuse_others(const std::map<std::string, std::string>& parameters,
                           std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : parameters) {
    if (std::ranges::find(known, name) == known.end()) {
      return fail(invalid_request("There is no parameter '" + name.substr(0, 64) + "' here.",
                                  name.substr(0, 64)));
    }
  }
  return {};
}

Result<JobState> state_named(const std::string& name) {
  for (std::size_t i = 0; i < model::kJobStateNames.size(); ++i) {
    if (model::kJobStateNames[i] == name) {
      return static_cast<JobState>(i);
    }
  }
  return fail(
      invalid_request("'status' must be one of: queued, running, succeeded, failed, "
                      "cancelled, expired.",
                      "status"));
}

Result<stores::JobFilter> filter_of(const Call& call) {
  auto parameters = parse_query(call.http.query);
  if (!parameters) {
    return fail(parameters.error());
  }
  auto known = refuse_others(*parameters, {"status", "model", "client_id", "after", "limit"});
  if (!known) {
    return fail(known.error());
  }
  stores::JobFilter filter;
  filter.owner = visible_owner(call.context);
  filter.limit = kDefaultPage;
  for (const auto& [name, value] : *parameters) {
    if (name == "status") {
      auto state = state_named(value);
      if (!state) {
        return fail(state.error());
      }
      filter.state = *state;
    } else if (name == "limit") {
      auto limit = number(name, value, kLargestPage);
      if (!limit || *limit == 0) {
        return fail(invalid_request("'limit' must be a whole number from 1 to 100.", "limit"));
      }
      filter.limit = static_cast<std::size_t>(*limit);
    } else {
      (name == "model"       ? filter.model
       : name == "client_id" ? filter.client_id
                             : filter.after) = value;
    }
  }
  return filter;
}

}  // namespace

std::string visible_owner(const model::RequestContext& context) {
  return context.principal->scopes.allows(model::Scope::Admin) ? "" : context.principal->id;
}

Error no_such_job(const std::string& id) {
  return not_found("There is no job " + id + ".", "job_not_found");
}

std::string_view status_word(JobState state, JobWords words) {
  if (words == JobWords::Ours) {
    return name_of(state);
  }
  switch (state) {
    case JobState::Queued:
      return "queued";
    case JobState::Running:
      return words == JobWords::Api ? "processing" : "running";
    case JobState::Succeeded:
      return "completed";
    case JobState::Failed:
      return "failed";
    case JobState::Expired:
      return words == JobWords::Api ? "timeout" : "failed";
    case JobState::Cancelled:
      return "cancelled";
  }
  return "failed";
}

Task<Result<std::string>> show_job(const JobDesk& desk, model::Job job, JobWords words) {
  std::string result;
  if (job.state == JobState::Succeeded) {
    auto read = co_await desk.queue->store().result(job.seq);
    if (!read) {
      co_return fail(read.error());
    }
    result = std::move(*read);
  }
  if (words == JobWords::TaskApi) {
    co_return task_json(job, result);
  }
  std::optional<std::size_t> position;
  if (job.state == JobState::Queued) {
    position = desk.queue->lines().position(job.model, job.seq);
  }
  co_return model::job_json(
      job, {.status = status_word(job.state, words), .result = result, .position = position});
}

Task<Result<edge::Response>> ShowJob::handle(Call call) const {
  auto parameters = parse_query(call.http.query);
  if (!parameters) {
    co_return fail(parameters.error());
  }
  auto known = refuse_others(*parameters, {"wait"});
  if (!known) {
    co_return fail(known.error());
  }
  std::uint64_t wait = 0;
  if (const auto given = parameters->find("wait"); given != parameters->end()) {
    auto seconds = number("wait", given->second, static_cast<std::uint64_t>(kLongestWait.count()));
    if (!seconds) {
      co_return fail(seconds.error());
    }
    wait = *seconds;
  }
  auto job =
      co_await desk_.queue->store().find(call.path_values.front(), visible_owner(call.context));
  if (!job) {
    co_return fail(job.error());
  }
  if (words_ == JobWords::TaskApi && !is_task(*job)) {
    co_return fail(no_such_job(job->id));
  }
  if (wait != 0 && !is_terminal(job->state)) {
    const SteadyTime until = std::chrono::steady_clock::now() + std::chrono::seconds(wait);
    auto waited = co_await desk_.submission->await_end(std::move(*job), call.context.cancel, until);
    if (!waited) {
      co_return fail(waited.error());
    }
    job = std::move(waited->job);
  }
  auto shown = co_await show_job(desk_, std::move(*job), words_);
  if (!shown) {
    co_return fail(shown.error());
  }
  co_return json_response(std::move(*shown));
}

Task<Result<edge::Response>> CancelJob::handle(Call call) const {
  auto job = co_await desk_.queue->cancel(call.path_values.front(), visible_owner(call.context));
  if (!job) {
    co_return fail(job.error());
  }
  auto shown = co_await show_job(desk_, std::move(*job), words_);
  if (!shown) {
    co_return fail(shown.error());
  }
  co_return json_response(std::move(*shown));
}

Task<Result<edge::Response>> ListJobs::handle(Call call) const {
  auto filter = filter_of(call);
  if (!filter) {
    co_return fail(filter.error());
  }
  const std::size_t limit = filter->limit++;  // one more shows whether there are more
  auto jobs = co_await desk_.queue->store().list(std::move(*filter));
  if (!jobs) {
    co_return fail(jobs.error());
  }
  const bool more = jobs->size() > limit;
  jobs->resize(std::min(jobs->size(), limit));
  std::string body = R"({"object":"list","data":[)";
  for (const model::Job& job : *jobs) {
    body.append(&job == jobs->data() ? "" : ",");
    body.append(model::job_json(
        job, {.status = name_of(job.state), .result = {}, .position = std::nullopt}));
  }
  body.append(R"(],"has_more":)").append(more ? "true" : "false");
  body.append(R"(,"last_id":)")
      .append(jobs->empty() ? "null" : json_quote(jobs->back().id))
      .append("}");
  co_return json_response(std::move(body));
}

Task<Result<edge::Response>> RedeliverWebhook::handle(Call call) const {
  auto job =
      co_await desk_.queue->store().find(call.path_values.front(), visible_owner(call.context));
  if (!job) {
    co_return fail(job.error());
  }
  if (!is_terminal(job->state) || job->webhook_url.empty()) {
    Error error = invalid_request(job->webhook_url.empty()
                                      ? "This job named no webhook."
                                      : "The job has not ended: there is nothing to tell yet.");
    error.kind = ErrorKind::Conflict;
    co_return fail(std::move(error));
  }
  auto again = co_await desk_.webhooks->redeliver(job->id, unix_ms(*desk_.clock));
  if (!again) {
    co_return fail(again.error());
  }
  desk_.webhook_due();
  edge::Response response = json_response(R"({"id":)" + json_quote(job->id) + R"(,"deliveries":)" +
                                          std::to_string(*again) + "}");
  response.status = 202;
  co_return response;
}

namespace {

/// How long those that started had waited, callers and jobs.
std::string waits_json(const std::array<queue::WaitTimes, queue::kKinds>& waits) {
  const auto one = [](const queue::WaitTimes& times) {
    constexpr double kUsual = 0.95;
    return R"({"count":)" + std::to_string(times.count()) + R"(,"mean_seconds":)" +
           std::to_string(times.mean_seconds()) + R"(,"p95_seconds":)" +
           std::to_string(times.quantile_seconds(kUsual)) + "}";
  };
  return R"({"callers":)" + one(waits[static_cast<std::size_t>(queue::Kind::Caller)]) +
         R"(,"jobs":)" + one(waits[static_cast<std::size_t>(queue::Kind::Job)]) + "}";
}

}  // namespace

Task<Result<edge::Response>> ShowQueue::handle(Call call) const {
  auto name = public_name_(call.path_values.front());
  if (!name) {
    co_return fail(name.error());
  }
  co_await desk_.caller_totals->flush();
  auto counts = co_await desk_.queue->store().counts();
  if (!counts) {
    co_return fail(counts.error());
  }
  stores::JobCounts ended = (*counts)[*name];
  ended += desk_.caller_totals->pending(*name);  // if they cannot be written now
  const queue::LineView view = desk_.queue->lines().view(*name);
  const SteadyTime now = std::chrono::steady_clock::now();
  std::string body = R"({"model":)" + json_quote(*name);
  const auto add = [&body](std::string_view member, const std::string& value) {
    body.append(",\"").append(member).append("\":").append(value);
  };
  const auto concurrent =
      static_cast<double>(std::max<std::size_t>(1, view.settings.max_concurrent));
  add("processing", std::to_string(view.running));
  add("waiting", std::to_string(view.waiting_callers + view.waiting_jobs));
  add("waiting_callers", std::to_string(view.waiting_callers));
  add("waiting_jobs", std::to_string(view.waiting_jobs));
  add("delayed_jobs", std::to_string(view.delayed_jobs));
  add("max_concurrent", std::to_string(view.settings.max_concurrent));
  add("max_waiting", std::to_string(view.settings.max_waiting));
  add("max_backlog", std::to_string(view.settings.max_backlog));
  add("total_processed", std::to_string(ended.succeeded));
  add("total_failed", std::to_string(ended.failed));
  add("total_timeout", std::to_string(ended.expired));
  add("total_cancelled", std::to_string(ended.cancelled));
  add("utilization", std::to_string(static_cast<double>(view.running) / concurrent));
  add("drain_rate", std::to_string(view.drain_rate));
  add("rejected", R"({"queue_full":)" + std::to_string(view.rejected_callers) +
                      R"(,"backlog_full":)" + std::to_string(view.rejected_jobs) +
                      R"(,"wait_timeout":)" + std::to_string(view.gave_up) + "}");
  std::string classes;
  for (std::size_t i = 0; i < model::kPriorities; ++i) {
    const queue::Line::ClassState& at = view.classes[i];
    const auto age = at.oldest ? std::chrono::duration<double>(now - *at.oldest).count() : 0.0;
    classes.append(classes.empty() ? "" : ",")
        .append(json_quote(model::kPriorityNames[i]))
        .append(R"(:{"running":)" + std::to_string(at.running) + R"(,"waiting":)" +
                std::to_string(at.waiting_callers + at.waiting_jobs) + R"(,"oldest_seconds":)" +
                std::to_string(std::max(0.0, age)) + R"(,"waits":)" + waits_json(view.waits[i]) +
                "}");
  }
  add("classes", "{" + classes + "}");
  co_return json_response(body.append("}"));
}

}  // namespace headgate::api
