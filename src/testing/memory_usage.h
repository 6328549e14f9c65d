#pragma once

#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "stores/usage_store.h"

namespace headgate::testing {

/// A UsageStore in memory for those who write to one; its disk can be made to fail.
class MemoryUsage final : public stores::UsageStore {
 public:
  Task<Result<void>> open_reservation(stores::OpenReservation reservation) override {
    if (broken) {
      co_return fail(overloaded("disk full", std::chrono::seconds(1)));
    }
    open.emplace(reservation.id, reservation.estimate);
    co_return Result<void>();
  }
  Task<Result<void>> settle(stores::Settlement settlement) override {
    stores::UsageBatch batch;
    batch.settlements.push_back(std::move(settlement));
    co_return co_await write(std::move(batch));
  }
  Task<Result<void>> write(stores::UsageBatch batch) override {
    if (broken) {
      co_return fail(overloaded("disk full", std::chrono::seconds(1)));
    }
    for (const stores::Settlement& settlement : batch.settlements) {
      if (open.erase(settlement.id) != 0) {
        add(settlement.used);
      }
    }
    for (const stores::UsageRecord& record : batch.records) {
      add(record);
    }
    ++writes;
    co_return Result<void>();
  }
  Task<Result<stores::UsagePage>> query(stores::UsageQuery) override {
    co_return stores::UsagePage();
  }
  Result<std::uint64_t> recover() override { return 0; }
  Result<std::vector<stores::PrincipalSpend>> spent(UtcDay) override {
    return std::vector<stores::PrincipalSpend>();
  }

  /// What is written of one principal, over all days and models.
  stores::UsageRecord of(const std::string& principal) const {
    stores::UsageRecord sum;
    for (const auto& [key, record] : used) {
      if (record.principal == principal) {
        sum.requests += record.requests;
        sum.input_tokens += record.input_tokens;
        sum.output_tokens += record.output_tokens;
        sum.micro_usd += record.micro_usd;
        sum.estimated += record.estimated;
      }
    }
    return sum;
  }

  std::map<std::string, stores::UsageRecord> open;
  std::map<std::tuple<UtcDay, std::string, std::string>, stores::UsageRecord> used;
  int writes = 0;
  bool broken = false;

 private:
  void add(const stores::UsageRecord& record) {
    auto& sum = used[{record.day, record.principal, record.model}];
    sum.day = record.day;
    sum.principal = record.principal;
    sum.model = record.model;
    sum.requests += record.requests;
    sum.input_tokens += record.input_tokens;
    sum.output_tokens += record.output_tokens;
    sum.micro_usd += record.micro_usd;
    sum.estimated += record.estimated;
  }
};

}  // namespace headgate::testing
