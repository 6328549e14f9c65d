#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "api/route.h"
#include "base/blocking_pool.h"

namespace headgate::api {

/// What a reload of the configuration changed.
struct ReloadReport {
  std::vector<std::string> changed;        ///< paths of options now in force
  std::vector<std::string> needs_restart;  ///< paths of changed options that wait for a restart
};

/// POST /admin/config/reload: reads the configuration again, as SIGHUP does. 422 with the reasons,
/// and no change, if anything in it is wrong.
class ReloadEndpoint final : public Endpoint {
 public:
  /// `reload` may block; it runs on `pool`, which is borrowed.
  ReloadEndpoint(std::function<Result<ReloadReport>()> reload, BlockingPool& pool)
      : reload_(std::move(reload)), pool_(pool) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  std::function<Result<ReloadReport>()> reload_;
  BlockingPool& pool_;
};

}  // namespace headgate::api
