#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/request_context.h"
#include "observe/metrics.h"
#include "observe/outcome.h"

namespace headgate::observe {

/// What is counted about requests. Names and labels of the gateways this replaces are kept; see
/// the table in request_metrics.cc.
class RequestMetrics final {
 public:
  /// Borrows `metrics`.
  RequestMetrics(Metrics& metrics, const Clock& clock);
  ~RequestMetrics();
  RequestMetrics(const RequestMetrics&) = delete;
  RequestMetrics& operator=(const RequestMetrics&) = delete;

  /// The model names that may become labels; any other counts as `_other`. Any thread; after a
  /// reload, call it again.
  void set_models(const std::vector<std::string>& names);

  /// Once for each request. No allocation and no hashing of labels once warm.
  void request_finished(const model::RequestContext& context, const Outcome& outcome);

 private:
  struct Impl;
  Metrics& metrics_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headgate::observe
