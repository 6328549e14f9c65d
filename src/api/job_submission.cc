#include "api/job_submission.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <boost/json.hpp>

#include "api/idempotency.h"
#include "api/json_walker.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "base/http_text.h"
#include "config/units.h"
#include "limits/pricing.h"
#include "model/job_json.h"

namespace headgate::api {
namespace {

constexpr std::size_t kMaxUrl = 2048;

/// Finds the member webhook_url of the outermost object.
class WebhookMember final : public JsonVisitor {
 public:
  void member(const JsonMember& member) override {
    if (member.name == "webhook_url") {
      found = member;
    }
  }
  void inner_member(const JsonMember&) override {}
  std::optional<JsonMember> found;
};

/// Cuts a member out of an object, with the comma that parts it from its neighbours.
void cut_member(std::string& body, const JsonMember& member) {
  auto begin = static_cast<std::size_t>(member.name.data() - body.data()) - 1;
  auto end = static_cast<std::size_t>(member.value.data() - body.data()) + member.value.size();
  const std::size_t after = body.find_first_not_of(" \t\r\n", end);
  if (body[after] == ',') {
    end = after + 1;
  } else {
    const std::size_t before = body.find_last_not_of(" \t\r\n", begin - 1);
    begin = body[before] == ',' ? before : begin;
  }
  body.erase(begin, end - begin);
}

/// The webhook that a JSON body names; it is ours and goes no further. Empty if there is none.
Result<std::string> take_webhook(std::string& body) {
  if (body.find("\"webhook_url\"") == std::string::npos) {
    return std::string();
  }
  WebhookMember visitor;
  auto walked = walk_json(body, visitor);
  if (!walked) {
    return fail(walked.error());
  }
  if (!visitor.found) {
    return std::string();
  }
  boost::system::error_code ec;
  const boost::json::value value = boost::json::parse(visitor.found->value, ec);
  if (ec || !value.is_string() || value.get_string().size() > kMaxUrl) {
    return fail(
        invalid_request("'webhook_url' must be a URL of at most 2048 characters.", "webhook_url"));
  }
  std::string url(value.get_string());
  cut_member(body, *visitor.found);
  return url;
}

Result<std::optional<std::int64_t>> deadline_of(const edge::Request& request,
                                                std::string_view field, std::int64_t now) {
  const auto text = request.field(ascii_lower(field));
  if (!text) {
    return std::optional<std::int64_t>();
  }
  const auto within = config::parse_duration(*text);
  if (!within || within->count() <= 0) {
    return fail(invalid_request(
        std::string(field) + " must be a duration above 0, such as 300ms, 30s, 5m or 24h.",
        std::string(field)));
  }
  return std::optional(now + within->count());
}

}  // namespace

Result<model::JobRequest> JobSubmission::make_request(const Call& call) const {
  const std::int64_t now = unix_ms(*parts_.clock);
  auto start_by = deadline_of(call.http, "X-Job-Start-Within", now);
  if (!start_by) {
    return fail(start_by.error());
  }
  auto finish_by = deadline_of(call.http, "X-Job-Finish-Within", now);
  if (!finish_by) {
    return fail(finish_by.error());
  }
  model::JobRequest request;
  request.principal = *call.context.principal;
  request.client_id = call.context.client_id;
  request.priority = call.context.priority;
  request.start_by = *start_by;
  request.finish_by = *finish_by;
  request.request_id = call.context.request_id;
  request.traceparent = call.context.traceparent;
  return request;
}

Task<Result<AcceptedJob>> JobSubmission::submit(Call call, const Endpoint& endpoint,
                                                std::string_view path, std::string_view kind,
                                                std::string body, std::string content_type) const {
  // Letting it in has shown that the budget allows it; from here on its run pays.
  call.context.spending.reset();
  auto preference = parse_prefer(call.http);
  if (!preference) {
    co_return fail(preference.error());
  }
  auto claim = idempotency_claim(call, unix_ms(*parts_.clock));
  if (!claim) {
    co_return fail(claim.error());
  }
  if (*claim) {
    // Before anything else is asked, even for room: what was accepted stays so.
    auto earlier = co_await parts_.queue->store().find_by_key(**claim, unix_ms(*parts_.clock));
    if (!earlier) {
      co_return fail(earlier.error());
    }
    if (*earlier) {
      call.context.model = (*earlier)->model;
      co_return co_await after_wait({.job = std::move(**earlier), .result = {}, .replayed = true},
                                    *preference, call.context.cancel);
    }
  }
  auto request = make_request(call);
  if (!request) {
    co_return fail(request.error());
  }
  request->path = path;
  request->kind = kind;
  request->body = std::move(body);
  request->content_type = std::move(content_type);
  if (is_media_type(request->content_type, "application/json")) {
    auto webhook = take_webhook(request->body);
    if (!webhook) {
      co_return fail(webhook.error());
    }
    request->webhook_url = std::move(*webhook);
  }
  if (const auto webhook = call.http.field("x-webhook-url");
      webhook && request->webhook_url.empty()) {
    request->webhook_url = *webhook;
  }
  if (request->webhook_url.size() > kMaxUrl) {
    co_return fail(
        invalid_request("The webhook's URL must be at most 2048 characters.", "webhook_url"));
  }
  if (!request->webhook_url.empty()) {
    auto allowed = parts_.check_webhook(request->webhook_url);
    if (!allowed) {
      co_return fail(allowed.error());
    }
  }
  std::vector<edge::Field> fields = {{"content-type", request->content_type}};
  fields.insert(fields.end(), call.http.fields.begin(), call.http.fields.end());
  edge::Request asked;
  asked.method = edge::Method::Post;
  asked.method_name = "POST";
  asked.path = path;
  asked.fields = fields;
  request->body.reserve(request->body.size() + edge::kBodyPadding);
  asked.body = request->body;
  auto plan = endpoint.plan(asked);
  if (!plan) {
    co_return fail(plan.error());
  }
  request->model = std::move(plan->model);
  request->work = plan->work;
  call.context.model = request->model;

  auto submitted = co_await parts_.queue->submit(std::move(*request), *claim);
  if (!submitted) {
    co_return fail(submitted.error());
  }
  co_return co_await after_wait(
      {.job = std::move(submitted->job), .result = {}, .replayed = submitted->replayed},
      *preference, call.context.cancel);
}

Task<AcceptedJob> JobSubmission::after_wait(AcceptedJob accepted, Preference preference,
                                            CancelSource& cancel) const {
  if (!preference.wait) {
    co_return accepted;
  }
  auto waited =
      co_await await_end(accepted.job, cancel, std::chrono::steady_clock::now() + *preference.wait);
  if (waited) {
    accepted.job = std::move(waited->job);
    accepted.result = std::move(waited->result);
  }
  co_return accepted;  // it is on disk, whatever has become of the wait
}

Task<Result<edge::Response>> JobSubmission::make_job(const Route& route, Call call) const {
  auto preference = parse_prefer(call.http);
  if (!preference) {
    co_return fail(preference.error());
  }
  auto accepted =
      co_await submit(call, *route.endpoint, route.pattern, route.kind, std::string(call.http.body),
                      std::string(call.http.field("content-type").value_or("")));
  if (!accepted) {
    co_return fail(accepted.error());
  }
  auto response = accepted_response(*accepted, *preference);
  if (response) {
    response->add_field("Preference-Applied", "respond-async");
  }
  co_return response;
}

Task<Result<AcceptedJob>> JobSubmission::await_end(model::Job job, CancelSource& cancel,
                                                   SteadyTime until) const {
  const auto watcher = parts_.queue->watch().watch(job.seq);
  OnCancel wake(cancel, [&] { watcher->wake(); });
  while (true) {
    auto now = co_await parts_.queue->store().find(job.id, "");
    if (!now) {
      co_return fail(now.error());
    }
    AcceptedJob seen{.job = std::move(*now), .result = {}, .replayed = false};
    if (is_terminal(seen.job.state)) {
      auto result = co_await parts_.queue->store().result(seen.job.seq);
      if (!result) {
        co_return fail(result.error());
      }
      seen.result = std::move(*result);
      co_return seen;
    }
    if (cancel.cancelled()) {
      co_return fail(client_left());
    }
    if (parts_.queue->watch().closed()) {
      co_return seen;  // the gateway stops
    }
    const bool in_time = co_await watcher->wait_until(until);
    if (!in_time) {
      co_return seen;
    }
  }
}

Error ending_error(const model::Job& job) {
  if (job.state == model::JobState::Cancelled) {
    Error cancelled = invalid_request("The job was cancelled.");
    cancelled.kind = ErrorKind::Conflict;
    cancelled.code = "cancelled";
    return cancelled;
  }
  boost::system::error_code ec;
  const boost::json::value parsed = boost::json::parse(job.error_json, ec);
  const auto text = [&](std::string_view name) {
    const boost::json::value* member =
        !ec && parsed.is_object() ? parsed.get_object().if_contains(name) : nullptr;
    return member != nullptr && member->is_string() ? std::string(member->get_string())
                                                    : std::string();
  };
  Error error;
  error.kind = ErrorKind::UpstreamFailed;
  const std::string type = text("type");
  for (const ErrorKind kind : {ErrorKind::InvalidRequest, ErrorKind::NotFound, ErrorKind::Forbidden,
                               ErrorKind::RateLimited, ErrorKind::Overloaded, ErrorKind::Timeout,
                               ErrorKind::Internal, ErrorKind::UpstreamFailed}) {
    if (wire_type(kind) == type) {
      error.kind = kind;
      break;
    }
  }
  error.message = text("message");
  error.code = text("code");
  error.param = text("param");
  const boost::json::value* details =
      !ec && parsed.is_object() ? parsed.get_object().if_contains("details") : nullptr;
  if (details != nullptr && details->is_object()) {
    error.details_json = boost::json::serialize(*details);
  }
  return error;
}

void add_job_fields(edge::Response& response, const AcceptedJob& accepted) {
  response.add_field("Location", "/v1/jobs/" + accepted.job.id);
  if (response.status == 202) {
    response.add_field("Retry-After", "1");
  } else {
    response.add_field("x-headgate-cost",
                       limits::usd_text(limits::micro_usd_of(accepted.job.cost)));
  }
  if (accepted.replayed) {
    response.add_field("Idempotent-Replayed", "true");
  }
}

Result<edge::Response> told_response(
    AcceptedJob accepted, const Preference& preference,
    const std::function<std::string(const AcceptedJob& accepted)>& tell) {
  model::Job& job = accepted.job;
  if (!preference.wait) {
    accepted.result.clear();
    job.state = model::JobState::Queued;
    job.attempts.clear();
    job.started_at = job.completed_at = std::nullopt;
    job.error_json.clear();
  } else if (is_terminal(job.state) && job.state != model::JobState::Succeeded) {
    return fail(ending_error(job));
  }
  edge::Response response;
  response.status = is_terminal(job.state) ? 200 : 202;
  response.body = tell(accepted);
  add_job_fields(response, accepted);
  return response;
}

Result<edge::Response> accepted_response(const AcceptedJob& accepted,
                                         const Preference& preference) {
  edge::Response response;
  if (preference.wait && is_terminal(accepted.job.state)) {
    if (accepted.job.state != model::JobState::Succeeded) {
      return fail(ending_error(accepted.job));
    }
    response.body = accepted.result;
  } else {
    response.status = 202;
    response.body = model::job_json(accepted.job, {.status = name_of(accepted.job.state),
                                                   .result = accepted.result,
                                                   .position = std::nullopt});
  }
  add_job_fields(response, accepted);
  return response;
}

}  // namespace headgate::api
