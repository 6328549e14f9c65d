#include "api/responses.h"

#include <utility>

#include "api/caller_deadline.h"
#include "api/inference.h"
#include "api/own_body.h"
#include "api/request_members.h"
#include "base/encoding.h"
#include "base/json_view.h"
#include "dialects/responses.h"

namespace headgate::api {
namespace {

constexpr std::string_view kPath = "/v1/responses";
constexpr std::string_view kIdPrefix = "resp_";
/// A conversation that is put together again.
constexpr std::size_t kMaxBody = 32U << 20U;

Error no_such_response(const std::string& id) {
  return not_found("There is no stored response " + id +
                       ". Only those made with \"background\": true are stored, for as long as "
                       "their jobs.",
                   "response_not_found");
}

Result<ResponsesRequest> parse(const edge::Request& http) {
  auto json = require_json(http);
  if (!json) {
    return fail(json.error());
  }
  return parse_responses_request(http.body);
}

/// The job of a response, with the request's bytes.
Task<Result<stores::LoadedJob>> find_response(const JobDesk& desk, std::string id,
                                              std::string owner) {
  if (!id.starts_with(kIdPrefix)) {
    co_return fail(no_such_response(id));
  }
  stores::JobStore& store = desk.queue->store();
  auto job = co_await store.find(id.substr(kIdPrefix.size()), std::move(owner));
  if (!job) {
    co_return fail(job.error().kind == ErrorKind::NotFound ? no_such_response(id) : job.error());
  }
  auto loaded = co_await store.load(job->seq);
  if (!loaded) {
    co_return fail(loaded.error().kind == ErrorKind::NotFound ? no_such_response(id)
                                                              : loaded.error());
  }
  if (loaded->request.path != kPath) {
    co_return fail(no_such_response(id));
  }
  co_return loaded;
}

/// The response that `job` is, as it stands.
Task<Result<std::string>> object_of(const JobDesk& desk, const model::Job& job,
                                    std::string_view request_body) {
  using State = dialects::ResponseState;
  const dialects::AnswerFrame frame{.request_id = job.id,
                                    .model = job.model,
                                    .created = job.created_at / 1000,
                                    .request_body = request_body};
  switch (job.state) {
    case model::JobState::Queued:
      co_return encode_response_state(frame, State::Queued, nullptr);
    case model::JobState::Running:
      co_return encode_response_state(frame, State::InProgress, nullptr);
    case model::JobState::Cancelled:
      co_return encode_response_state(frame, State::Cancelled, nullptr);
    case model::JobState::Failed:
    case model::JobState::Expired: {
      const Error error = ending_error(job);
      co_return encode_response_state(frame, State::Failed, &error);
    }
    case model::JobState::Succeeded:
      break;
  }
  auto result = co_await desk.queue->store().result(job.seq);
  if (!result) {
    co_return fail(result.error());
  }
  co_return with_job_names(std::move(*result), job);
}

Task<Result<edge::Response>> answer_with(const JobDesk& desk, const model::Job& job,
                                         std::string_view request_body) {
  auto object = co_await object_of(desk, job, request_body);
  if (!object) {
    co_return fail(object.error());
  }
  edge::Response response;
  response.body = std::move(*object);
  co_return response;
}

/// What stands between the brackets of an array; `input` may be a text instead.
std::string items_of(const JsonView& input) {
  if (input.is_string()) {
    return R"({"role":"user","content":)" + std::string(input.raw()) + "}";
  }
  std::string items;
  for (const JsonView& item : input.items()) {
    items.append(items.empty() ? "" : ",").append(item.raw());
  }
  return items;
}

void append_items(std::string& list, const std::string& items) {
  list.append(list.empty() || items.empty() ? "" : ",").append(items);
}

}  // namespace

std::string with_job_names(std::string result, const model::Job& job) {
  const JsonView root{std::string_view(result)};
  const auto replace = [&result](model::Span where, const std::string& with) {
    result.replace(where.begin, where.end - where.begin, with);
  };
  if (!root["id"].given() || !root["created_at"].given()) {
    return result;
  }
  const model::Span id = span_of(result, root["id"].raw());
  const model::Span created = span_of(result, root["created_at"].raw());
  replace(created, std::to_string(job.created_at / 1000));  // it stands behind the id
  replace(id, json_quote(dialects::response_id(job.id)));
  return result;
}

std::string continue_response(std::string_view body, std::string_view input,
                              std::string_view earlier_body, std::string_view earlier_result) {
  std::string items = items_of(JsonView(earlier_body)["input"]);
  append_items(items, items_of(JsonView(earlier_result)["output"]));
  append_items(items, items_of(JsonView(input)));
  const model::Span where = span_of(body, input);
  return std::string(body.substr(0, where.begin))
      .append("[")
      .append(items)
      .append("]")
      .append(body.substr(where.end));
}

Queueing CreateResponse::queueing(const edge::Request& request) const {
  // Cheaper than to read every body twice; an escaped name is refused anyway.
  if (request.body.find("\"background\"") == std::string_view::npos) {
    return Queueing::IfPreferred;
  }
  const auto asked = parse(request);
  return asked && asked->background ? Queueing::ByEndpoint : Queueing::IfPreferred;
}

Task<Result<edge::Response>> CreateResponse::handle(Call call) const {
  auto asked = parse(call.http);
  if (!asked) {
    co_return fail(asked.error());
  }
  const bool is_job = call.context.ledger != nullptr;
  std::string body;  // unless it is the client's
  if (!asked->previous.empty() && !is_job) {
    auto joined = co_await with_previous(*asked, call.context.principal->id);
    if (!joined) {
      co_return fail(joined.error());
    }
    body = std::move(*joined);
  } else if (is_job && asked->inference.delivery == model::Delivery::Stream) {
    body = without_stream(asked->inference);  // nobody reads a job's answer as it comes
  }
  if (call.context.principal) {
    const bool own = body.empty();
    auto resolved = items_.resolve(own ? call.http.body : std::string_view(body),
                                   own ? asked->inference.messages : JsonView(body)["input"].raw(),
                                   call.context.principal->id);
    if (!resolved) {
      co_return fail(resolved.error());
    }
    if (!resolved->empty()) {
      body = std::move(*resolved);
    }
  }
  if (asked->background && !is_job) {
    co_return co_await queue(call, body.empty() ? std::string(call.http.body) : std::move(body));
  }
  take_sdk_timeout(call.http, asked->inference.delivery, call.context);
  auto response =
      co_await (body.empty() ? dispatcher_.run(std::move(asked->inference), call.context)
                             : run(std::move(body), call.context));
  if (response && asked->store) {
    items_.keep_from(*response, call.context);
  }
  co_return response;
}

Task<Result<edge::Response>> CreateResponse::run(std::string text,
                                                 model::RequestContext& context) const {
  auto body = own_body(std::move(text));
  auto asked = parse_responses_request(*body);
  if (!asked) {
    co_return fail(asked.error());
  }
  co_return co_await run_own(dispatcher_, std::move(asked->inference), std::move(body), context);
}

Task<Result<edge::Response>> CreateResponse::queue(Call call, std::string body) const {
  auto accepted = co_await desk_.submission->submit(call, *this, kPath, call.context.kind,
                                                    std::move(body), "application/json");
  if (!accepted) {
    co_return fail(accepted.error());
  }
  auto response = co_await answer_with(desk_, accepted->job, call.http.body);
  if (response && accepted->replayed) {
    response->add_field("Idempotent-Replayed", "true");
  }
  co_return response;
}

Task<Result<std::string>> CreateResponse::with_previous(const ResponsesRequest& asked,
                                                        std::string_view owner) const {
  const auto refuse = [&](std::string message) {
    return fail(invalid_request(std::move(message), "previous_response_id"));
  };
  auto earlier = co_await find_response(desk_, asked.previous, std::string(owner));
  if (!earlier) {
    co_return earlier.error().kind == ErrorKind::NotFound ? refuse(earlier.error().message)
                                                          : fail(earlier.error());
  }
  if (earlier->job.state != model::JobState::Succeeded) {
    co_return refuse("The response " + asked.previous + " is not complete.");
  }
  auto result = co_await desk_.queue->store().result(earlier->job.seq);
  if (!result) {
    co_return fail(result.error());
  }
  const model::InferenceRequest& inference = asked.inference;
  if (inference.body.size() + earlier->request.body.size() + result->size() > kMaxBody) {
    co_return fail(too_large("The conversation so far is larger than 32 MiB."));
  }
  co_return continue_response(inference.body, inference.messages, earlier->request.body, *result);
}

Result<JobPlan> CreateResponse::plan(const edge::Request& request) const {
  auto asked = parse(request);
  if (!asked) {
    return fail(asked.error());
  }
  if (!asked->previous.empty() && !asked->background) {
    return fail(invalid_request(
        "'previous_response_id' does not go with Prefer: respond-async; use \"background\": true.",
        "previous_response_id"));
  }
  auto decoded = dialects::decode_responses(request.body);
  if (!decoded) {
    return fail(decoded.error());  // now, not when the job runs
  }
  return plan_inference(asked->inference, catalogs_);
}

Task<Result<edge::Response>> ShowResponse::handle(Call call) const {
  auto found = co_await find_response(desk_, call.path_values.front(), visible_owner(call.context));
  if (!found) {
    co_return fail(found.error());
  }
  co_return co_await answer_with(desk_, found->job, found->request.body);
}

Task<Result<edge::Response>> CancelResponse::handle(Call call) const {
  const std::string owner = visible_owner(call.context);
  auto found = co_await find_response(desk_, call.path_values.front(), owner);
  if (!found) {
    co_return fail(found.error());
  }
  auto job = co_await desk_.queue->cancel(found->job.id, owner);
  if (!job) {
    co_return fail(job.error());
  }
  co_return co_await answer_with(desk_, *job, found->request.body);
}

}  // namespace headgate::api
