#include "app/limiter_adapter.h"

#include <utility>

#include "api/token_hints.h"
#include "app/request_spending.h"
#include "base/encoding.h"
#include "limits/estimate.h"

namespace headgate::app {
namespace {

using limits::TokenUse;
using Record = RequestSpending::Record;

/// What a request is expected to use and cost.
struct Expected {
  TokenUse tokens;
  std::int64_t micro_usd = 0;
  limits::Estimate sum() const {
    return {.tokens = tokens.input + tokens.output, .micro_usd = micro_usd};
  }
};

/// What is asked of models, and not of the document engine.
std::optional<model::Kind> metered_kind(std::string_view name) {
  using enum model::Kind;
  for (const model::Kind kind :
       {Chat, Completion, Embedding, Image, Speech, Transcription, Moderation, Rerank}) {
    if (name == model::name_of(kind)) {
      return kind;
    }
  }
  return std::nullopt;  // documents are read here and cost neither tokens nor money
}

Expected expect(model::Kind kind, std::string_view body, const limits::PriceList& prices) {
  const api::TokenHints hints = api::read_token_hints(body);
  Expected expected{.tokens = limits::estimate_tokens({.kind = kind,
                                                       .body = body,
                                                       .max_tokens = hints.max_tokens,
                                                       .choices = hints.choices,
                                                       .characters = hints.characters})};
  expected.micro_usd = limits::micro_usd(prices.highest(hints.model), expected.tokens);
  return expected;
}

/// What is known of it; below 0 is not.
TokenUse known_use(const model::RequestContext& context) {
  return {.input = context.input_tokens,
          .output = context.output_tokens,
          .images = context.images,
          .characters = context.characters,
          .audio_ms = context.audio_ms};
}

bool is_known(const TokenUse& use) {
  return use.input >= 0 || use.output >= 0 || use.images >= 0 || use.characters >= 0 ||
         use.audio_ms >= 0;
}

/// What the request asks for; one that names no class is refused later, for that.
model::Priority priority_of(const edge::Request& request) {
  const auto name = request.field("x-priority");
  return name ? model::priority_named(ascii_lower(*name)).value_or(model::Priority::Normal)
              : model::Priority::Normal;
}

/// Money that is limited goes through the store, unless the request is free.
Record record_for(const limits::Budgets& budgets, const model::Principal& principal,
                  const Expected& expected) {
  return expected.micro_usd > 0 && budgets.limit_money(principal) ? Record::OnDisk
                                                                  : Record::Counted;
}

limits::Caller caller_of(const model::RequestContext& context) {
  using enum limits::Caller::Counts;
  return {.principal = *context.principal,
          .client = context.client_id,
          .route = context.route,
          .counts = context.kind.empty() ? OnRoute : Everywhere};
}

}  // namespace

Result<std::shared_ptr<void>> LimiterAdapter::admit(const edge::Request& request,
                                                    model::RequestContext& context,
                                                    std::string& fields) const {
  if (!context.kind.empty() && parts_.overload->overloaded()) {
    if (auto refused = parts_.overload->refuse(priority_of(request))) {
      add_limits(context, fields);
      return fail(std::move(*refused));
    }
  }
  const bool limited = metered_kind(context.kind) && parts_.budgets->limit(*context.principal);
  auto permit = limited ? admit_estimated(request.body, context)
                        : parts_.limiter->admit(caller_of(context), context.started);
  if (!permit) {
    add_limits(context, fields);
    return fail(std::move(permit.error()));
  }
  limits::append_limit_fields(fields, permit->status());
  add_token_limits(context, fields);
  if (!permit->holds_slot()) {
    return std::shared_ptr<void>();
  }
  return std::shared_ptr<void>(std::make_shared<limits::Permit>(std::move(*permit)));
}

void LimiterAdapter::add_limits(const model::RequestContext& context, std::string& fields) const {
  limits::append_limit_fields(fields, parts_.limiter->status(caller_of(context), context.started));
  add_token_limits(context, fields);
}

void LimiterAdapter::add_token_limits(const model::RequestContext& context,
                                      std::string& fields) const {
  if (parts_.budgets->limit(*context.principal)) {
    limits::append_token_fields(fields, parts_.budgets->token_status(*context.principal));
  }
}

Result<limits::Permit> LimiterAdapter::admit_estimated(std::string_view body,
                                                       model::RequestContext& context) const {
  const model::Principal& principal = *context.principal;
  const Expected expected = expect(*metered_kind(context.kind), body, *parts_.ledger->prices());
  auto admitted =
      parts_.limiter->admit(caller_of(context), context.started, *parts_.budgets, expected.sum());
  if (!admitted) {
    return fail(std::move(admitted.error()));
  }
  auto spending =
      std::make_unique<RequestSpending>(*parts_.ledger, context, RequestSpending::Of::Caller);
  spending->hold(std::move(admitted->reservation), expected.tokens,
                 record_for(*parts_.budgets, principal, expected));
  context.spending = std::move(spending);
  return std::move(admitted->permit);
}

Result<void> LimiterAdapter::admit_job(std::string_view body,
                                       model::RequestContext& context) const {
  const model::Principal& principal = *context.principal;
  auto spending =
      std::make_unique<RequestSpending>(*parts_.ledger, context, RequestSpending::Of::Job);
  const auto kind = metered_kind(context.kind);
  if (kind && parts_.budgets->limit(principal)) {
    std::string padded(body);
    padded.append(edge::kBodyPadding, '\0');
    const Expected expected =
        expect(*kind, std::string_view(padded).substr(0, body.size()), *parts_.ledger->prices());
    auto reservation = parts_.budgets->reserve(principal, expected.sum());
    if (!reservation) {
      Error& error = reservation.error();
      if (error.kind == ErrorKind::RateLimited && !error.retry_after) {
        error.kind = ErrorKind::Unprocessable;  // it would wait for ever
      }
      return fail(std::move(error));
    }
    spending->hold(std::move(*reservation), expected.tokens,
                   record_for(*parts_.budgets, principal, expected));
  }
  context.spending = std::move(spending);
  return {};
}

std::optional<std::int64_t> LimiterAdapter::cost_of(const model::RequestContext& context) const {
  if (context.usage_counted) {
    return context.micro_usd;
  }
  if (context.cache == model::CacheOutcome::Hit) {
    return 0;
  }
  const TokenUse use = known_use(context);
  if (context.attempts == 0 || !is_known(use)) {
    return std::nullopt;
  }
  const limits::Price price =
      parts_.ledger->prices()->of(context.answering_model(), context.provider, context.target);
  return limits::micro_usd(price, use);
}

void count_finished(limits::UsageLedger& ledger, const model::RequestContext& context, int status) {
  const TokenUse use = known_use(context);
  const bool known = is_known(use);
  if (context.usage_counted || context.attempts == 0 || context.model.empty() ||
      (status >= 400 && !known)) {
    return;
  }
  ledger.count({.principal = context.principal->id,
                .model = context.answering_model(),
                .provider = context.provider,
                .target = context.target,
                .tokens = use,
                .estimated = context.usage_estimated});
}

}  // namespace headgate::app
