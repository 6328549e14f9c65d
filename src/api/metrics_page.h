#pragma once

#include "api/route.h"
#include "base/blocking_pool.h"
#include "observe/metrics.h"

namespace headgate::api {

/// GET /metrics in the Prometheus text format 0.0.4; written off the event loop.
class MetricsEndpoint final : public Endpoint {
 public:
  MetricsEndpoint(const observe::Metrics& metrics, BlockingPool& pool)
      : metrics_(metrics), pool_(pool) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  const observe::Metrics& metrics_;
  BlockingPool& pool_;
};

}  // namespace headgate::api
