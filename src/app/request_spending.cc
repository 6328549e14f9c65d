#include "app/request_spending.h"

#include <algorithm>
#include <utility>

#include "base/event_loop.h"
#include "base/ids.h"
#include "limits/estimate.h"

namespace headgate::app {

using limits::TokenUse;

RequestSpending::~RequestSpending() {
  if (!settled_) {
    fix(End::Cut);
  }
  write_later();
}

void RequestSpending::hold(limits::Reservation reservation, TokenUse expected, Record record) {
  charge_.reservation = std::move(reservation);
  expected_ = expected;
  record_ = record;
}

Task<Result<void>> RequestSpending::begin() {
  if (record_ == Record::OnDisk && !on_disk_) {
    charge_.written = {.id = uuid_v7(),
                       .estimate = {.day = charge_.reservation.day(),
                                    .principal = context_.principal->id,
                                    .model = context_.model,
                                    .requests = 1,
                                    .input_tokens = expected_.input,
                                    .output_tokens = expected_.output,
                                    .micro_usd = charge_.reservation.estimate().micro_usd,
                                    .estimated = 1}};
    auto opened = co_await ledger_.open(charge_);
    if (!opened) {
      co_return opened;
    }
    on_disk_ = true;
  }
  charge_.reservation.keep();
  co_return Result<void>();
}

Task<void> RequestSpending::settle(End end) {
  if (settled_) {
    co_return;
  }
  fix(end);
  if (of_ == Of::Caller) {
    co_await write();
  }
}

model::UsageBatch RequestSpending::hand_over() {
  model::UsageBatch batch;
  if (!unwritten_) {
    return batch;
  }
  handed_over_ = true;
  if (on_disk_) {
    batch.settlements.push_back({.id = charge_.written.id, .used = usage_});
  } else {
    batch.records.push_back(usage_);
  }
  return batch;
}

void RequestSpending::handed_over(HandedOver outcome) {
  if (!std::exchange(handed_over_, false) || outcome == HandedOver::Refused) {
    return;
  }
  unwritten_ = false;
  if (!on_disk_) {
    ledger_.add_spend(usage_);
  }
}

Task<void> RequestSpending::write() {
  if (unwritten_ && on_disk_) {
    unwritten_ = false;
    co_await ledger_.settle(std::move(charge_), used_, std::move(usage_));
    co_return;
  }
  write_later();
}

void RequestSpending::write_later() {
  if (!std::exchange(unwritten_, false)) {
    return;
  }
  if (on_disk_) {
    ledger_.settle_later(std::move(charge_), used_, std::move(usage_));
  } else if (!handed_over_ && EventLoop::current() != nullptr) {
    ledger_.count(use());
  }
}

limits::Use RequestSpending::use() const {
  return {.principal = context_.principal->id,
          .model = context_.answering_model(),
          .provider = context_.provider,
          .target = context_.target,
          .tokens = used_,
          .estimated = estimated_};
}

/// Of a request without a reservation on disk: whether there is anything to count.
bool RequestSpending::counts(End end) const {
  return context_.attempts != 0 && !context_.model.empty() &&
         !(end == End::Refused && !used_.any()) && EventLoop::current() != nullptr;
}

/// Settles in the budgets at once what was used, and what it costs for the context.
void RequestSpending::fix(End end) {
  settled_ = true;
  used_ = limits::tokens_used(context_, expected_, end);
  const std::int64_t tokens = used_.input + used_.output;
  estimated_ = context_.usage_estimated ||
               used_.input > std::max<std::int64_t>(context_.input_tokens, 0) ||
               used_.output > std::max<std::int64_t>(context_.output_tokens, 0);
  if (!on_disk_ && !counts(end)) {
    charge_.reservation.settle(tokens, 0);
    return;
  }
  usage_ = ledger_.record_of(use(), *prices_);
  if (on_disk_) {
    usage_.day = charge_.written.estimate.day;
    usage_.model = charge_.written.estimate.model;
    usage_.requests = used_.any() ? 1 : 0;
    usage_.estimated = used_.any() ? usage_.estimated : 0;
  }
  charge_.reservation.settle(tokens, on_disk_ ? usage_.micro_usd : 0);
  context_.micro_usd = usage_.micro_usd;
  context_.usage_counted = true;
  unwritten_ = true;
}

}  // namespace headgate::app
