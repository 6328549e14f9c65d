#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/blocking_pool.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "upstream/address.h"

namespace headgate::upstream {

/// What getaddrinfo says of `host`: both families, in the order the system prefers. Blocks.
Result<std::vector<IpAddress>> system_lookup(const std::string& host);

/// Name resolution off the event loops. Answers are kept for 30 s, failures for 2 s, at most 1024
/// names; whoever asks for a name that is being looked up waits for that one answer. Safe from any
/// thread. The pool must be joined before the loops that asked are destroyed.
class Resolver final {
 public:
  /// Called on the pool's threads, several at once.
  using Lookup = std::function<Result<std::vector<IpAddress>>(const std::string& host)>;

  /// Borrows both.
  Resolver(BlockingPool& pool, const Clock& clock, Lookup lookup = system_lookup);
  ~Resolver();

  /// The addresses of `host` (a name or an IP literal), families in turn, at least one. Failures:
  /// Dns; ConnectTimeout at `until`; ClientLeft when `cancel` (if given) fires.
  Task<Result<std::vector<IpAddress>>> resolve(std::string host,
                                               SteadyTime until = SteadyTime::max(),
                                               CancelSource* cancel = nullptr);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with look-ups that may outlast us
};

}  // namespace headgate::upstream
