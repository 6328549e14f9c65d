#include "dispatch/dispatcher.h"

#include <algorithm>
#include <utility>

#include "dispatch/attempts.h"
#include "dispatch/streamed_answer.h"
#include "dispatch/whole_answer.h"

namespace headgate::dispatch {
namespace {

queue::Lines::Caller caller_of(const routing::Model& model, const model::RequestContext& context) {
  return {.model = model.name,
          .priority = context.priority,
          .owner = context.principal->id,
          .client = context.client_id,
          .at = std::chrono::steady_clock::now()};
}

}  // namespace

Result<void> check_kind(const routing::Model& model, model::Kind kind) {
  if (std::ranges::all_of(model.targets, &routing::Target::embedded)) {
    return fail(invalid_request("The model '" + model.name + "' reads documents; it has no " +
                                    std::string(name_of(kind)) + ".",
                                "model"));
  }
  if (!routing::serves(model, kind)) {
    return fail(invalid_request("The model '" + model.name + "' is of the kind " + model.kind +
                                    ", not " + std::string(name_of(kind)) + ".",
                                "model"));
  }
  return {};
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

Task<Result<edge::Response>> Dispatcher::run(model::InferenceRequest request,
                                             model::RequestContext& context) const {
  auto model = services_.catalogs.here()->find(request.model);
  if (!model) {
    co_return fail(model.error());
  }
  context.model = (*model)->name;
  if (auto able = check_kind(**model, request.kind); !able) {
    co_return fail(able.error());
  }
  if (!try_enter_line(lines_, **model, context)) {
    auto entered = co_await wait_in_line(lines_, **model, context);
    if (!entered) {
      co_return fail(entered.error());
    }
  }
  auto attempts =
      std::make_unique<Attempts>(services_, std::move(*model), std::move(request), context);
  auto chosen = attempts->choose();
  if (!chosen) {
    co_return fail(chosen.error());
  }
  context.streamed = attempts->request().delivery == model::Delivery::Stream;
  co_return co_await (context.streamed ? answer_streamed(std::move(attempts))
                                       : answer_whole(std::move(attempts)));
}

}  // namespace headgate::dispatch
