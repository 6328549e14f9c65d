#pragma once

#include <cstdint>
#include <string>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "config/settings.h"
#include "upstream/client.h"
#include "upstream/resolver.h"

namespace headgate::upstream {

struct FetchLimits {
  std::uint64_t max_bytes = 0;
  SteadyTime deadline = SteadyTime::max();  ///< of the request; the settings' timeout applies too
  CancelSource* cancel = nullptr;
};

struct Fetched {
  std::string bytes;
  std::string final_url;  ///< after redirects
};

/// Fetches URLs that callers name, and posts to them, under the outbound policy.
///
/// A name is resolved once; all its addresses must pass check_address (unless the host is in
/// allow_private_hosts) and the connection goes to one of those very addresses, so that a second
/// DNS answer cannot lead elsewhere. Each redirect is checked as if it had been the caller's URL.
/// Sent are Host, User-Agent and Accept fields and nothing of the caller's: no cookies, credentials
/// or Referer. Where a proxy is configured it is asked for a tunnel (CONNECT) to the
/// checked address, for http too: the policy's answer is never left to the proxy's own resolver.
class Fetcher final {
 public:
  /// Borrows both; used on the client's loop.
  Fetcher(Client& client, Resolver& resolver) : client_(client), resolver_(resolver) {}

  /// The body of a 200 answer. Refusals are InvalidRequest `url_not_allowed`, a body over
  /// `max_bytes` is TooLarge, other failures are InvalidRequest `url_fetch_failed`; ClientLeft and
  /// the passing of `limits.deadline` (Timeout) stay what they are. `settings` outlives the call.
  Task<Result<Fetched>> fetch(std::string url, const config::FetchSettings& settings,
                              FetchLimits limits);

  /// The status of the answer to a POST of `body` with `fields` (whole lines) beside those above.
  /// Redirects are answers like any other. The answer's body is read up to `limits.max_bytes` and
  /// dropped. Failures as those of fetch(). A call that failed may have been received.
  Task<Result<int>> post(std::string url, std::string fields, std::string body,
                         const config::FetchSettings& settings, FetchLimits limits);

 private:
  Client& client_;
  Resolver& resolver_;
};

}  // namespace headgate::upstream
