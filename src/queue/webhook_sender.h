#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/count.h"
#include "base/event_loop.h"
#include "base/signal.h"
#include "base/task.h"
#include "base/task_group.h"
#include "config/settings.h"
#include "stores/webhook_store.h"
#include "upstream/fetch.h"

namespace headgate::queue {

struct WebhookSenderSettings {
  std::vector<config::Secret> keys;  ///< see load_webhook_keys
  config::WebhookSettings webhooks;
  config::FetchSettings fetch;  ///< which URLs may be called
};

/// Attempts since the start, by what came of them.
struct WebhookStats {
  std::uint64_t delivered = 0;
  std::uint64_t retried = 0;  ///< tried again later
  std::uint64_t failed = 0;   ///< given up
};

/// Delivers the webhooks of ended jobs, at least once each: what it cannot note is sent again.
///
/// One look at the store starts what is due, at most 16 attempts at once and two to one host. An
/// answer of 2xx delivers, 410 and the last attempt fail for good, anything else is tried again by
/// next_delivery(). Redirects are not followed. Belongs to one event loop.
class WebhookSender final {
 public:
  /// Borrows all; `fetcher` is the loop's own. Outlives the loop's last callback.
  WebhookSender(EventLoop& loop, stores::WebhookStore& store, upstream::Fetcher& fetcher,
                const Clock& clock, WebhookSenderSettings settings);

  /// Begins to look and send. On the loop, once.
  void start();
  /// Breaks off attempts under way (they stay pending) and returns when all has ended, or at
  /// `until` (false). On the loop.
  Task<bool> stop(SteadyTime until);
  /// Something may be due: looks soon. Without it a look comes when the store has said that the
  /// next is due, and every ten seconds. Any thread.
  void wake();
  /// Any thread.
  WebhookStats stats() const;

 private:
  Task<void> run();
  /// Starts what is due; when to look again.
  Task<SteadyTime> look();
  std::size_t start_of(std::vector<stores::WebhookDelivery> deliveries);
  std::vector<std::string> busy_hosts() const;
  std::size_t under_way_to(const std::string& host) const;

  Task<void> deliver(stores::WebhookDelivery delivery);
  Task<Result<int>> attempt(const stores::WebhookDelivery& delivery);
  stores::WebhookOutcome outcome_of(const stores::WebhookDelivery& delivery,
                                    const Result<int>& status);
  /// Tries until the outcome is noted or the sender stops.
  Task<void> note(const stores::WebhookDelivery& delivery, stores::WebhookOutcome outcome);
  void report(const stores::WebhookDelivery& delivery, const stores::WebhookOutcome& outcome);

  EventLoop& loop_;
  stores::WebhookStore& store_;
  upstream::Fetcher& fetcher_;
  const Clock& clock_;
  WebhookSenderSettings settings_;
  TaskGroup tasks_;
  Signal wake_;
  std::atomic<bool> wake_posted_{false};
  CancelSource stop_;
  std::map<std::string, std::string> under_way_;  // delivery id -> host
  std::vector<std::string> ended_during_look_;    // ids; the look may still show them as due
  bool store_failing_ = false;                    // said so in the log
  std::minstd_rand random_;
  Count delivered_;
  Count retried_;
  Count failed_;
};

}  // namespace headgate::queue
