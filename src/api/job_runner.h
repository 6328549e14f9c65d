#pragma once

#include <span>

#include "api/route.h"
#include "api/service.h"
#include "queue/job_queue.h"

namespace headgate::api {

/// Carries out jobs by the endpoints that answer the same requests of callers.
class EndpointRunner final : public queue::JobRunner {
 public:
  /// Borrows both; before the first run.
  void use(std::span<const Route> routes, const Admission& admission) {
    routes_ = routes;
    admission_ = &admission;
  }
  Task<Result<std::string>> run(const model::JobRequest& request, model::RequestContext& context,
                                const queue::DeltaSink& deltas) const override;

 private:
  std::span<const Route> routes_;
  const Admission* admission_ = nullptr;
};

}  // namespace headgate::api
