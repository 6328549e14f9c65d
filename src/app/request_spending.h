#pragma once

#include <cstdint>
#include <memory>

#include "limits/pricing.h"
#include "limits/usage_ledger.h"
#include "model/request_context.h"

namespace headgate::app {

/// What one request may cost, and where that is written. Without a reservation it only counts.
class RequestSpending final : public model::Spending {
 public:
  enum class Record : std::uint8_t { Counted, OnDisk };
  enum class Of : std::uint8_t { Caller, Job };
  /// Borrows both.
  RequestSpending(limits::UsageLedger& ledger, model::RequestContext& context, Of of)
      : ledger_(ledger), context_(context), of_(of), prices_(ledger.prices()) {}
  ~RequestSpending() override;

  void hold(limits::Reservation reservation, limits::TokenUse expected, Record record);

  Task<Result<void>> begin() override;
  Task<void> settle(End end) override;
  model::UsageBatch hand_over() override;
  void handed_over(HandedOver outcome) override;
  Task<void> write() override;

 private:
  bool counts(End end) const;
  limits::Use use() const;
  void fix(End end);
  void write_later();

  limits::UsageLedger& ledger_;
  model::RequestContext& context_;
  const Of of_;
  /// Shared with the ledger: those of the request's beginning hold to its end.
  const std::shared_ptr<const limits::PriceList> prices_;
  limits::Charge charge_;
  limits::TokenUse expected_;
  Record record_ = Record::Counted;
  bool on_disk_ = false;      // the reservation is
  bool settled_ = false;      // the fields below are known
  bool unwritten_ = false;    // what was used has yet to be written
  bool handed_over_ = false;  // and may have been by now
  limits::TokenUse used_;
  bool estimated_ = false;
  model::UsageRecord usage_;
};

}  // namespace headgate::app
