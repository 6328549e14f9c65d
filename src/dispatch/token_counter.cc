#include "dispatch/token_counter.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "dialects/dialect.h"
#include "dispatch/attempt.h"
#include "dispatch/needs.h"
#include "limits/estimate.h"

namespace headgate::dispatch {
namespace {

/// A client waits for the count before it asks its question.
constexpr std::chrono::seconds kPatience{5};
constexpr std::size_t kMaxAnswer = 64U << 10U;

TokenCount estimate_of(const model::InferenceRequest& request) {
  return {.tokens = limits::estimate_tokens({.kind = request.kind, .body = request.body}).input,
          .by = TokenCount::By::Estimate};
}

/// The request as the neutral model; a count needs no max_tokens, an answer does.
Result<model::ChatRequest> decode(const model::InferenceRequest& request) {
  std::string body(request.body);
  if (request.dialect == model::Dialect::Anthropic && request.max_output == 0) {
    body.insert(body.find('{') + 1, R"("max_tokens":1,)");
  }
  auto chat = dialects::dialect_for(request.dialect).decode(body);
  if (chat && request.max_output == 0) {
    chat->max_tokens.reset();
  }
  return chat;
}

bool is_callers_fault(const Error& error) {
  return error.kind == ErrorKind::InvalidRequest || error.kind == ErrorKind::TooLarge ||
         error.kind == ErrorKind::ClientLeft;
}

Task<Result<std::string>> read_answer(Attempt& attempt, SteadyTime until) {
  auto there = co_await attempt.await_answer(until);
  if (!there) {
    co_return fail(there.error());
  }
  std::string body;
  while (*there && body.size() <= kMaxAnswer) {
    auto piece = co_await attempt.read(until);
    if (!piece) {
      co_return fail(piece.error());
    }
    if (!*piece) {
      break;
    }
    if ((*piece)->empty()) {
      co_return body;
    }
    body.append(**piece);
  }
  co_return fail(timed_out("The model server did not count in time."));
}

}  // namespace

Task<Result<TokenCount>> TokenCounter::count(model::InferenceRequest request,
                                             model::RequestContext& context) const {
  const SteadyTime now = std::chrono::steady_clock::now();
  const std::shared_ptr<const routing::Catalog> catalog = services_.catalogs.here();
  auto model = catalog->find(request.model);
  if (!model) {
    co_return estimate_of(request);
  }
  context.model = (*model)->name;
  routing::Router& router = services_.routers.here();
  routing::Ask ask;
  ask.model = *model;
  ask.needs = needs_of(request);
  ask.client = context.client_id;
  ask.user = request.user;
  ask.time = std::chrono::system_clock::now();
  if (context.principal != nullptr) {
    ask.principal = context.principal->name;
  }
  const routing::Plan plan = router.plan(ask, *catalog, now);
  routing::Lease lease;
  for (const routing::Candidate& candidate : plan.candidates) {
    lease = router.begin(plan, candidate, now);
    if (lease) {
      break;
    }
  }
  if (!lease || lease.target().protocol == nullptr) {
    co_return estimate_of(request);
  }
  const routing::Target& target = lease.target();
  const providers::Provider& provider = *target.protocol;
  Result<providers::WireRequest> wire = fail(internal_error("no count was asked for"));
  if (provider.passes(request.dialect, request.kind)) {
    wire = provider.encode_own_count(request, target.name);
  } else {
    auto chat = decode(request);
    if (!chat) {
      co_return fail(chat.error());
    }
    wire = provider.encode_count(*chat, target.name);
  }
  if (!wire) {
    co_return estimate_of(request);
  }
  Attempt attempt(*services_.clients.here(), std::move(lease), std::move(*wire), context);
  auto body = co_await read_answer(attempt, now + kPatience);
  context.attempts = 0;
  if (!body) {
    if (is_callers_fault(body.error())) {
      co_return fail(body.error());
    }
    co_return estimate_of(request);
  }
  const auto tokens = provider.decode_count(*body);
  if (!tokens) {
    co_return estimate_of(request);
  }
  co_return TokenCount{.tokens = *tokens, .by = TokenCount::By::Vendor};
}

}  // namespace headgate::dispatch
