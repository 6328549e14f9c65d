#pragma once

#include <string>
#include <vector>

#include "config/settings.h"

namespace headgate::config {

/// What a reload changes.
struct ReloadPlan {
  /// The new snapshot: what was loaded, with the running value of every option that needs a
  /// restart, so that it never claims what is not so.
  Settings settings;
  std::vector<std::string> live;     ///< paths of changed options that take effect now
  std::vector<std::string> restart;  ///< paths of changed options that wait for a restart
};

/// Compares the running settings with freshly loaded ones. Pure.
ReloadPlan plan_reload(const Settings& running, Settings loaded);

}  // namespace headgate::config
