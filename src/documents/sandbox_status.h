#pragma once

#include <string>

namespace headgate::documents {

/// One line of a worker's sandbox for /ready details: "landlock" -> "on (abi 4)".
struct SandboxStatus {
  std::string mechanism;
  std::string state;
};

}  // namespace headgate::documents
