#pragma once

#include <string>
#include <vector>

#include "config/settings.h"

namespace headgate::config {

struct CheckResult {
  std::vector<std::string> problems;  ///< any of them is a refused start
  std::vector<std::string> warnings;
};

/// What no single option can show: references between parts, listeners that would be open to
/// others in clear text, secrets that everyone knows.
CheckResult check_settings(const Settings& settings);

}  // namespace headgate::config
