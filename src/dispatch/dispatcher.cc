#include "dispatch/dispatcher.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "dispatch/attempts.h"
#include "dispatch/cached_answer.h"
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

std::shared_ptr<const KeptAnswer> find_kept(ResponseCache& cache, const Sha256& key,
                                            const model::RequestContext& context) {
  return context.cache_wish.use == model::CacheWish::Use::Full
             ? cache.find(key, std::chrono::steady_clock::now())
             : nullptr;
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
    const bool too_late = slot.error().kind == ErrorKind::Overloaded &&
                          std::chrono::steady_clock::now() >= context.deadline;
    co_return fail(too_late
                       ? timed_out("The time for this request ran out while it waited in line.")
                       : slot.error());
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
  std::optional<Sha256> cache_key;
  if (cache_ != nullptr && (*model)->cache.ttl.count() != 0) {
    cache_key = dispatch::cache_key(**model, request, context);
    if (cache_key) {
      if (auto kept = find_kept(*cache_, *cache_key, context)) {
        co_return answer_from(std::move(kept), request.delivery, context,
                              std::chrono::steady_clock::now());
      }
      context.cache = model::CacheOutcome::Miss;
    }
  }
  if (!try_enter_line(lines_, **model, context)) {
    auto entered = co_await wait_in_line(lines_, **model, context);
    if (!entered) {
      co_return fail(entered.error());
    }
  }
  const std::chrono::milliseconds ttl = (*model)->cache.ttl;
  const model::Dialect dialect = request.dialect;
  auto attempts =
      std::make_unique<Attempts>(services_, std::move(*model), std::move(request), context);
  auto chosen = attempts->choose();
  if (!chosen) {
    co_return fail(chosen.error());
  }
  context.streamed = attempts->request().delivery == model::Delivery::Stream;
  auto answer = co_await (context.streamed ? answer_streamed(std::move(attempts))
                                           : answer_whole(std::move(attempts)));
  if (answer && cache_key) {
    keep_answer(*cache_, *cache_key, ttl, dialect, *answer, context);
  }
  co_return answer;
}

}  // namespace headgate::dispatch
