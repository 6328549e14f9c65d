#pragma once

#include "api/document_endpoints.h"
#include "api/jobs.h"
#include "api/route.h"

namespace headgate::api {

/// POST /classify_file: a form with a `file` (and an `industry`, which the embedded engine does not
/// need), answered as /v1/classify.
class ClassifyFile final : public Endpoint {
 public:
  /// Borrows what answers /v1/classify.
  explicit ClassifyFile(const Endpoint& classify) : classify_(classify) {}
  Task<Result<edge::Response>> handle(Call call) const override;
  Result<JobPlan> plan(const edge::Request& request) const override;

 private:
  const Endpoint& classify_;
};

/// POST /classify_file_async: the same as a job; what is known already is answered at once.
class ClassifyFileLater final : public Endpoint {
 public:
  /// Borrows both.
  ClassifyFileLater(const JobDesk& desk, const Documents& classify)
      : desk_(desk), classify_(classify) {}
  Task<Result<edge::Response>> handle(Call call) const override;
  Queueing queueing(const edge::Request& /*request*/) const override {
    return Queueing::ByEndpoint;
  }

 private:
  const JobDesk& desk_;
  const Documents& classify_;
};

/// GET /classification_result/{id}: 202 until the job has ended, then 200 with its result or 500
/// with its error; 404 for what is no classification.
class ClassificationResult final : public Endpoint {
 public:
  explicit ClassificationResult(const JobDesk& desk) : desk_(desk) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  const JobDesk& desk_;
};

}  // namespace headgate::api
