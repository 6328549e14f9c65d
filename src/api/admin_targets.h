#pragma once

#include "api/route.h"
#include "base/per_loop.h"
#include "routing/router.h"

namespace headgate::api {

/// GET /admin/targets: where models are asked, how each target and its breaker is doing.
class ListTargets final : public Endpoint {
 public:
  /// Borrows `routers`.
  explicit ListTargets(PerLoop<routing::Router>& routers) : routers_(routers) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  PerLoop<routing::Router>& routers_;
};

/// POST /admin/targets/open and /close with ?provider=P&target=T: holds a target's breaker open
/// until it is closed, or closes it and wakes its keys.
class TurnTarget final : public Endpoint {
 public:
  enum class To : std::uint8_t { Open, Closed };
  /// Borrows `routers`.
  TurnTarget(PerLoop<routing::Router>& routers, To to) : routers_(routers), to_(to) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  PerLoop<routing::Router>& routers_;
  To to_;
};

}  // namespace headgate::api
