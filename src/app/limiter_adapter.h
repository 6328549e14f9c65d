#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/service.h"
#include "app/overload_watch.h"
#include "limits/limiter.h"
#include "limits/usage_ledger.h"

namespace headgate::app {

/// Admission by the limiter, unless the gateway is overloaded, and what requests cost by the
/// ledger.
class LimiterAdapter final : public api::Admission {
 public:
  struct Parts {
    limits::Limiter* limiter;
    limits::Budgets* budgets;
    limits::UsageLedger* ledger;
    const OverloadWatch* overload;
  };
  /// Borrows what `parts` points to.
  explicit LimiterAdapter(Parts parts) : parts_(parts) {}

  Result<std::shared_ptr<void>> admit(const edge::Request& request, model::RequestContext& context,
                                      std::string& fields) const override;
  void add_limits(const model::RequestContext& context, std::string& fields) const override;
  Result<void> admit_job(std::string_view body, model::RequestContext& context) const override;
  std::optional<std::int64_t> cost_of(const model::RequestContext& context) const override;

 private:
  Result<limits::Permit> admit_estimated(std::string_view body,
                                         model::RequestContext& context) const;
  void add_token_limits(const model::RequestContext& context, std::string& fields) const;

  const Parts parts_;
};

/// Counts a finished request that had no model::Spending.
void count_finished(limits::UsageLedger& ledger, const model::RequestContext& context, int status);

}  // namespace headgate::app
