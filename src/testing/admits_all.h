#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/service.h"
#include "testing/free_of_charge.h"

namespace headgate::testing {

/// Lets everybody in, for nothing.
class AdmitsAll final : public api::Admission {
 public:
  using Spend = std::function<std::unique_ptr<model::Spending>()>;
  /// `spend` makes what each job spends with.
  explicit AdmitsAll(Spend spend = [] { return std::make_unique<FreeOfCharge>(); })
      : spend_(std::move(spend)) {}
  Result<std::shared_ptr<void>> admit(const edge::Request&, model::RequestContext&,
                                      std::string&) const override {
    return std::shared_ptr<void>();
  }
  Result<void> admit_job(std::string_view, model::RequestContext& context) const override {
    context.spending = spend_();
    return {};
  }
  void add_limits(const model::RequestContext&, std::string&) const override {}
  std::optional<std::int64_t> cost_of(const model::RequestContext&) const override {
    return std::nullopt;
  }

 private:
  const Spend spend_;
};

}  // namespace headgate::testing
