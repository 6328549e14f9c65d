#include "app/limiter_adapter.h"

#include <utility>

#include "api/token_hints.h"
#include "base/encoding.h"
#include "base/event_loop.h"
#include "base/ids.h"
#include "limits/estimate.h"

namespace headgate::app {
namespace {

using limits::TokenUse;

/// What a request is expected to use and cost.
struct Expected {
  TokenUse tokens;
  std::int64_t micro_usd = 0;
  limits::Estimate sum() const {
    return {.tokens = tokens.input + tokens.output, .micro_usd = micro_usd};
  }
};

std::optional<model::Kind> text_kind(std::string_view name) {
  for (const model::Kind kind :
       {model::Kind::Chat, model::Kind::Completion, model::Kind::Embedding}) {
    if (name == model::name_of(kind)) {
      return kind;
    }
  }
  return std::nullopt;  // documents are read here and cost neither tokens nor money
}

Expected expect(model::Kind kind, std::string_view body, const limits::PriceList& prices) {
  const api::TokenHints hints = api::read_token_hints(body);
  Expected expected{
      .tokens = limits::estimate_tokens(
          {.kind = kind, .body = body, .max_tokens = hints.max_tokens, .choices = hints.choices})};
  expected.micro_usd = limits::micro_usd(prices.highest(hints.model), expected.tokens);
  return expected;
}

/// What one request may cost, and where that is written. Without a reservation it only counts.
class RequestSpending final : public model::Spending {
 public:
  enum class Record : std::uint8_t { Counted, OnDisk };
  RequestSpending(limits::UsageLedger& ledger, model::RequestContext& context)
      : ledger_(ledger), context_(context) {}
  ~RequestSpending() override {
    if (settled_) {
      return;
    }
    const TokenUse used = limits::tokens_used(context_, expected_, End::Cut);
    if (on_disk_) {
      ledger_.settle_later(std::move(charge_), used, record_of(used));
    } else if (EventLoop::current() != nullptr) {
      settle_in_memory(used, End::Cut);
    }
  }

  void hold(limits::Reservation reservation, TokenUse expected, Record record) {
    charge_.reservation = std::move(reservation);
    expected_ = expected;
    record_ = record;
  }

  Task<Result<void>> begin() override {
    if (record_ == Record::OnDisk && !on_disk_) {
      charge_.written = {.id = uuid_v7(),
                         .estimate = {.day = charge_.reservation.day(),
                                      .principal = context_.principal->id,
                                      .model = context_.model,
                                      .requests = 1,
                                      .input_tokens = expected_.input,
                                      .output_tokens = expected_.output,
                                      .micro_usd = charge_.reservation.estimate().micro_usd}};
      auto opened = co_await ledger_.open(charge_);
      if (!opened) {
        co_return opened;
      }
      on_disk_ = true;
    }
    charge_.reservation.keep();
    co_return Result<void>();
  }

  Task<void> settle(End end) override {
    if (std::exchange(settled_, true)) {
      co_return;
    }
    const TokenUse used = limits::tokens_used(context_, expected_, end);
    if (!on_disk_) {
      settle_in_memory(used, end);
      co_return;
    }
    stores::UsageRecord record = record_of(used);
    context_.micro_usd = record.micro_usd;
    context_.usage_counted = true;
    co_await ledger_.settle(std::move(charge_), used, std::move(record));
  }

 private:
  std::int64_t cost_of(TokenUse used) const {
    return limits::micro_usd(
        ledger_.prices()->of(context_.model, context_.provider, context_.target), used);
  }
  stores::UsageRecord record_of(TokenUse used) const {
    const bool nothing = used.input == 0 && used.output == 0;
    return {.day = charge_.written.estimate.day,
            .principal = charge_.written.estimate.principal,
            .model = charge_.written.estimate.model,
            .requests = nothing ? 0 : 1,
            .input_tokens = used.input,
            .output_tokens = used.output,
            .micro_usd = cost_of(used)};
  }
  void settle_in_memory(TokenUse used, End end) {
    charge_.reservation.settle(used.input + used.output, 0);
    if (context_.attempts == 0 || context_.model.empty() ||
        (end == End::Refused && used.input + used.output == 0)) {
      return;
    }
    context_.micro_usd = cost_of(used);
    context_.usage_counted = true;
    ledger_.count({.principal = context_.principal->id,
                   .model = context_.model,
                   .provider = context_.provider,
                   .target = context_.target,
                   .tokens = used});
  }

  limits::UsageLedger& ledger_;
  model::RequestContext& context_;
  limits::Charge charge_;
  TokenUse expected_;
  Record record_ = Record::Counted;
  bool on_disk_ = false;
  bool settled_ = false;
};

/// What the request asks for; one that names no class is refused later, for that.
model::Priority priority_of(const edge::Request& request) {
  const auto name = request.field("x-priority");
  return name ? model::priority_named(ascii_lower(*name)).value_or(model::Priority::Normal)
              : model::Priority::Normal;
}

/// Money that is limited goes through the store, unless the request is free.
RequestSpending::Record record_for(const limits::Budgets& budgets,
                                   const model::Principal& principal, const Expected& expected) {
  return expected.micro_usd > 0 && budgets.limit_money(principal)
             ? RequestSpending::Record::OnDisk
             : RequestSpending::Record::Counted;
}

}  // namespace

Result<std::shared_ptr<void>> LimiterAdapter::admit(const edge::Request& request,
                                                    model::RequestContext& context,
                                                    std::string& fields) const {
  if (parts_.overload->overloaded()) {
    if (auto refused = parts_.overload->refuse(priority_of(request))) {
      limits::append_limit_fields(fields,
                                  parts_.limiter->status(*context.principal, context.started));
      return fail(std::move(*refused));
    }
  }
  const bool limited = parts_.budgets->limit(*context.principal) && text_kind(context.kind);
  auto permit = limited ? admit_estimated(request.body, context, fields)
                        : parts_.limiter->admit(*context.principal, context.started);
  if (!permit) {
    limits::append_limit_fields(fields,
                                parts_.limiter->status(*context.principal, context.started));
    return fail(std::move(permit.error()));
  }
  limits::append_limit_fields(fields, permit->status());
  if (!permit->holds_slot()) {
    return std::shared_ptr<void>();
  }
  return std::shared_ptr<void>(std::make_shared<limits::Permit>(std::move(*permit)));
}

Result<limits::Permit> LimiterAdapter::admit_estimated(std::string_view body,
                                                       model::RequestContext& context,
                                                       std::string& fields) const {
  const model::Principal& principal = *context.principal;
  const Expected expected = expect(*text_kind(context.kind), body, *parts_.ledger->prices());
  auto admitted =
      parts_.limiter->admit(principal, context.started, *parts_.budgets, expected.sum());
  limits::append_token_fields(fields, parts_.budgets->token_status(principal));
  if (!admitted) {
    return fail(std::move(admitted.error()));
  }
  auto spending = std::make_unique<RequestSpending>(*parts_.ledger, context);
  spending->hold(std::move(admitted->reservation), expected.tokens,
                 record_for(*parts_.budgets, principal, expected));
  context.spending = std::move(spending);
  return std::move(admitted->permit);
}

Result<void> LimiterAdapter::admit_job(std::string_view body,
                                       model::RequestContext& context) const {
  const model::Principal& principal = *context.principal;
  auto spending = std::make_unique<RequestSpending>(*parts_.ledger, context);
  const auto kind = text_kind(context.kind);
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

void count_finished(limits::UsageLedger& ledger, const model::RequestContext& context, int status) {
  const bool known = context.input_tokens >= 0 || context.output_tokens >= 0;
  if (context.usage_counted || context.attempts == 0 || context.model.empty() ||
      (status >= 400 && !known)) {
    return;
  }
  ledger.count({.principal = context.principal->id,
                .model = context.model,
                .provider = context.provider,
                .target = context.target,
                .tokens = {.input = context.input_tokens, .output = context.output_tokens}});
}

}  // namespace headgate::app
