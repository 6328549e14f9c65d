#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "model/job.h"

namespace headgate::stores {

enum class WebhookState : std::uint8_t { Pending, Delivered, Failed };

/// Word that a job has ended, on its way to the URL that the job named. Times are Unix
/// milliseconds.
struct WebhookDelivery {
  std::string id;  ///< "msg_" and a UUIDv7: the same for every attempt
  std::string job_id;
  std::string url;
  std::string body;  ///< JSON
  WebhookState state = WebhookState::Pending;
  std::uint32_t attempts = 0;  ///< since it was made, or asked for again
  std::int64_t next_at = 0;    ///< of the next attempt, while pending
  int last_status = 0;         ///< of the receiver's last answer; 0: none
  std::string last_error;      ///< why the last attempt did not succeed; empty: it did
  std::int64_t created_at = 0;
};

/// What came of an attempt.
struct WebhookOutcome {
  std::uint32_t attempt = 1;  ///< its number
  WebhookState state = WebhookState::Delivered;
  std::int64_t next_at = 0;  ///< if it stays pending
  int status = 0;
  std::string error;
};

struct DueWebhooks {
  std::vector<WebhookDelivery> deliveries;  ///< the longest due first
  std::optional<std::int64_t> next_at;      ///< when the first that is not due yet will be
};

/// The host that `url` names, in lower case, without its port.
std::string webhook_host(const std::string& url);

/// What a receiver is told of a job that ended at `ended_at` in the terminal `state`; `job_json` is
/// the job as GET /v1/jobs/{id} shows it.
std::string webhook_body(model::JobState state, std::int64_t ended_at, std::string_view job_json);

/// Most hosts that due() passes over.
inline constexpr std::size_t kMaxBusyHosts = 8;

/// Deliveries of webhooks. JobStore makes one in the same change that ends a job that named a URL,
/// and forgets it with the job.
///
/// Durable as JobStore is; safe from any event loop. Implementations must pass
/// testing/webhook_store_contract.h.
class WebhookStore {
 public:
  virtual ~WebhookStore() = default;
  /// Up to `limit` pending deliveries whose time has come, none to `busy_hosts` (at most
  /// kMaxBusyHosts of webhook_host).
  virtual Task<Result<DueWebhooks>> due(std::int64_t now, std::size_t limit,
                                        std::vector<std::string> busy_hosts) = 0;
  /// Counts an attempt and says what came of it. One that did not deliver changes nothing if the
  /// delivery was asked for again since it began. NotFound if the delivery is forgotten.
  virtual Task<Result<void>> note(std::string id, WebhookOutcome outcome) = 0;
  /// Oldest first.
  virtual Task<Result<std::vector<WebhookDelivery>>> of_job(std::string job_id) = 0;
  /// Makes a delivery, or all of a job, due now, with all attempts before it; `id` is the one's or
  /// the other's. Returns how many; NotFound if there is none.
  virtual Task<Result<std::size_t>> redeliver(std::string id, std::int64_t now) = 0;
};

}  // namespace headgate::stores
