#pragma once

#include <string>
#include <utility>

#include "model/request_context.h"

namespace headgate::testing {

/// Costs nothing and writes nothing.
class FreeOfCharge : public model::Spending {
 public:
  Task<Result<void>> begin() override { co_return Result<void>(); }
  Task<void> settle(End /*end*/) override { co_return; }
  model::UsageBatch hand_over() override { return {}; }
  void handed_over(HandedOver /*outcome*/) override {}
  Task<void> write() override { co_return; }
};

/// Notes how it ended, once: "complete;", "cut;" or "refused;".
class NotedSpending final : public FreeOfCharge {
 public:
  explicit NotedSpending(std::string& notes) : notes_(notes) {}
  Task<void> settle(End end) override {
    if (!std::exchange(settled_, true)) {
      notes_ += end == End::Complete ? "complete;" : end == End::Cut ? "cut;" : "refused;";
    }
    co_return;
  }

 private:
  std::string& notes_;
  bool settled_ = false;
};

}  // namespace headgate::testing
