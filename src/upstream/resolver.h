#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/blocking_pool.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "upstream/address.h"

namespace headgate::upstream {

/// DNS through the system's resolver (getaddrinfo), off the event loop, both families. Answers are
/// kept for 30 s, failures for 2 s, at most 1024 names. Safe from any thread.
class Resolver final {
 public:
  /// Borrows both.
  Resolver(BlockingPool& pool, const Clock& clock);
  ~Resolver();

  /// The addresses of `host` (a name or an IP literal) in the order the system prefers, at least
  /// one; a failure of phase Dns otherwise.
  Task<Result<std::vector<IpAddress>>> resolve(std::string host);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headgate::upstream
