#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "config/settings.h"
#include "providers/provider.h"
#include "providers/remote_jobs.h"
#include "routing/catalog.h"
#include "upstream/client.h"

namespace headgate::dispatch {

/// Where a target's jobs are, in copies: its catalog may be replaced and its caller leave.
struct RemotePlace {
  /// `key` is the header lines of a credential.
  RemotePlace(const routing::Target& target, std::string_view key);
  /// One call there. Points into this and `wire`.
  upstream::OutgoingRequest outgoing(const providers::WireRequest& wire, SteadyTime until) const;

  const providers::RemoteJobs* jobs;
  const providers::Provider* protocol;
  upstream::Origin origin;
  std::string base_path;
  providers::TargetName name;
  std::string credential;
  config::TimeoutSettings timeouts;
  std::shared_ptr<routing::TargetHealth> health;  // shared with the catalogs
};

struct RemoteAnswer {
  int status = 0;
  std::string body;
  std::string retry_after;
  bool good() const { return status >= 200 && status <= 299; }
};

/// Makes a call and reads its answer to the end, up to `longest` bytes.
Task<Result<RemoteAnswer>> ask(upstream::Client& client, const upstream::OutgoingRequest& request,
                               std::size_t longest);

/// The answer to handing over `wire`, or why it was not taken. That of an answer which leaves it in
/// doubt whether it was is permanent: the work is not handed over again.
struct HandedOver {
  Result<std::string> id;
  int status = 0;  ///< of the answer; 0: none came
};
Task<HandedOver> hand_over(upstream::Client& client, const RemotePlace& place,
                           const providers::WireRequest& wire, SteadyTime until);

/// Tells the provider that nobody waits for its job, a few times if need be.
Task<void> cancel_remotely(upstream::Client& client, RemotePlace place, std::string id);

}  // namespace headgate::dispatch
