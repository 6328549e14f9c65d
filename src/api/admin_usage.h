#pragma once

#include "api/route.h"
#include "stores/usage_store.h"

namespace headgate::api {

/// GET /admin/usage?principal&model&from&to&group&limit&after: what was used, by day, principal and
/// model, or by the one of them that `group` names. `from` and `to` are days (UTC), both included.
/// What principals without a budget use shows up within about a second.
class UsageReport final : public Endpoint {
 public:
  /// Borrows `store`.
  explicit UsageReport(stores::UsageStore& store) : store_(store) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  stores::UsageStore& store_;
};

}  // namespace headgate::api
