#include "dispatch/dispatcher.h"

#include <algorithm>
#include <utility>

#include "dispatch/attempt.h"
#include "dispatch/relay.h"

namespace headgate::dispatch {
namespace {

/// Room for them and for the limits' fields.
constexpr std::size_t kUsualFields = 384;

/// Header fields that say who answered.
void add_answer_fields(edge::Response& response, const model::RequestContext& context) {
  response.fields.reserve(kUsualFields);
  response.add_field("x-headgate-model", context.model);
  response.add_field("x-headgate-provider", context.provider);
  response.add_field("x-headgate-attempts", std::to_string(context.attempts));
  response.add_field("x-headgate-cache", "off");
}

edge::Response event_response(std::unique_ptr<Attempt> attempt,
                              std::unique_ptr<providers::StreamRelay> relay) {
  edge::Response response;
  response.content_type = "text/event-stream; charset=utf-8";
  response.fields = "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n";
  add_answer_fields(response, attempt->context());
  response.stream = relay_events(std::move(attempt), std::move(relay));
  return response;
}

queue::Lines::Caller caller_of(const routing::Model& model, const model::RequestContext& context) {
  return {.model = model.name,
          .priority = context.priority,
          .owner = context.principal->id,
          .client = context.client_id,
          .at = std::chrono::steady_clock::now()};
}

}  // namespace

Error reads_documents_only(const std::string& model) {
  return invalid_request("The model '" + model + "' reads documents; it has no chat or embeddings.",
                         "model");
}

bool try_enter_line(queue::Lines& lines, const routing::Model& model,
                    model::RequestContext& context) {
  if (context.ledger != nullptr || context.principal == nullptr) {
    return true;
  }
  if (context.cancel.cancelled()) {
    return false;  // waiting says so
  }
  context.slot = lines.try_enter(caller_of(model, context));
  return context.slot != nullptr;
}

Task<Result<void>> wait_in_line(queue::Lines& lines, const routing::Model& model,
                                model::RequestContext& context) {
  const queue::Lines::Caller caller = caller_of(model, context);
  auto slot = co_await lines.enter(caller, context.cancel,
                                   std::min(context.deadline, caller.at + model.wait_timeout));
  context.queue_time = std::chrono::steady_clock::now() - caller.at;
  if (!slot) {
    co_return fail(slot.error());
  }
  context.slot = std::move(*slot);
  co_return Result<void>{};
}

Task<Result<edge::Response>> Dispatcher::run(const model::InferenceRequest& request,
                                             model::RequestContext& context) const {
  auto model = catalogs_.here()->find(request.model);
  if (!model) {
    co_return fail(model.error());
  }
  context.model = (*model)->name;
  const auto remote = std::ranges::find(
      (*model)->targets, false, [](const routing::Target& target) { return target.embedded; });
  if (remote == (*model)->targets.end()) {
    co_return fail(reads_documents_only(request.model));
  }
  if (!try_enter_line(lines_, **model, context)) {
    auto entered = co_await wait_in_line(lines_, **model, context);
    if (!entered) {
      co_return fail(entered.error());
    }
  }
  if (context.spending) {
    auto reserved = co_await context.spending->begin();
    if (!reserved) {
      co_return fail(reserved.error());
    }
  }
  if (context.ledger != nullptr) {
    auto noted = co_await context.ledger->begin(remote->provider, remote->name.model);
    if (!noted) {
      co_return fail(noted.error());
    }
  }
  auto attempt = Attempt::start(*clients_.here(), *model, *remote, request, context);
  if (!attempt) {
    co_return fail(attempt.error());
  }
  const bool stream = request.delivery == model::Delivery::Stream;
  context.streamed = stream;
  if (stream) {
    // The relay waits for the head itself: it knows how to keep a silent line open.
    co_return event_response(std::move(*attempt), remote->protocol->stream_relay(request));
  }
  auto there = co_await (*attempt)->await_answer(SteadyTime::max());
  if (!there) {
    co_return fail(there.error());
  }
  auto checked = check_content_type(**attempt, request.delivery);
  if (!checked) {
    co_return fail(checked.error());
  }
  edge::Response response;
  if ((*attempt)->head().body == upstream::ResponseHead::Body::Length) {
    response.stream_length = (*attempt)->head().length;
  }
  add_answer_fields(response, context);
  response.stream = relay_whole(std::move(*attempt));
  co_return response;
}

}  // namespace headgate::dispatch
