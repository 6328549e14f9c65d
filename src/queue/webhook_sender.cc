#include "queue/webhook_sender.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/clock.h"
#include "observe/log.h"
#include "queue/webhook_rules.h"
#include "queue/webhook_signature.h"

namespace headgate::queue {
namespace {

namespace log = observe::log;
using std::chrono::milliseconds;
using stores::WebhookDelivery;
using stores::WebhookOutcome;
using stores::WebhookState;

constexpr std::size_t kMaxAtOnce = 16;
constexpr std::size_t kMaxPerHost = 2;
static_assert(kMaxAtOnce / kMaxPerHost <= stores::kMaxBusyHosts);
constexpr std::uint64_t kMaxAnswer = 4 << 10;  // bytes read of an answer nobody looks at
constexpr milliseconds kLongestPause{10'000};
constexpr milliseconds kStorePause{500};  // between tries while the store is out of order
constexpr int kGone = 410;

}  // namespace

WebhookSender::WebhookSender(EventLoop& loop, stores::WebhookStore& store,
                             upstream::Fetcher& fetcher, const Clock& clock,
                             WebhookSenderSettings settings)
    : loop_(loop),
      store_(store),
      fetcher_(fetcher),
      clock_(clock),
      settings_(std::move(settings)),
      random_(std::random_device{}()) {
  settings_.fetch.timeout = settings_.webhooks.timeout;
}

void WebhookSender::start() { tasks_.spawn(run()); }

Task<bool> WebhookSender::stop(SteadyTime until) {
  stop_.cancel();
  wake_.notify();
  const bool ended = co_await tasks_.close(until);
  co_return ended;
}

void WebhookSender::wake() {
  if (!wake_posted_.exchange(true)) {
    loop_.post([this] {
      wake_posted_ = false;
      wake_.notify();
    });
  }
}

WebhookStats WebhookSender::stats() const {
  return {.delivered = delivered_.get(), .retried = retried_.get(), .failed = failed_.get()};
}

Task<void> WebhookSender::run() {
  while (!stop_.cancelled()) {
    const SteadyTime again = co_await look();
    if (!stop_.cancelled()) {
      co_await wake_.wait_until(again);
    }
  }
}

Task<SteadyTime> WebhookSender::look() {
  while (under_way_.size() < kMaxAtOnce) {
    ended_during_look_.clear();
    const std::int64_t looked_at = unix_ms(clock_);
    auto due = co_await store_.due(looked_at, kMaxAtOnce, busy_hosts());
    if (!due) {
      if (!std::exchange(store_failing_, true)) {
        log::error("webhooks wait for the store", due.error());
      }
      co_return std::chrono::steady_clock::now() + kStorePause;
    }
    store_failing_ = false;
    if (stop_.cancelled() || start_of(std::move(due->deliveries)) == 0) {
      const milliseconds next{due->next_at.value_or(looked_at + kLongestPause.count()) - looked_at};
      co_return std::chrono::steady_clock::now() + std::min(next, kLongestPause);
    }
  }
  co_return std::chrono::steady_clock::now() + kLongestPause;  // the end of an attempt wakes us
}

std::size_t WebhookSender::start_of(std::vector<WebhookDelivery> deliveries) {
  std::size_t started = 0;
  for (WebhookDelivery& delivery : deliveries) {
    std::string host = stores::webhook_host(delivery.url);
    if (under_way_.size() < kMaxAtOnce && under_way_to(host) < kMaxPerHost &&
        !under_way_.contains(delivery.id) &&
        std::ranges::count(ended_during_look_, delivery.id) == 0) {
      under_way_.emplace(delivery.id, std::move(host));
      tasks_.spawn(deliver(std::move(delivery)));
      ++started;
    }
  }
  return started;
}

std::size_t WebhookSender::under_way_to(const std::string& host) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(under_way_, [&](const auto& one) { return one.second == host; }));
}

std::vector<std::string> WebhookSender::busy_hosts() const {
  std::vector<std::string> hosts;
  for (const auto& [id, host] : under_way_) {
    if (std::ranges::count(hosts, host) == 0 && under_way_to(host) >= kMaxPerHost) {
      hosts.push_back(host);
    }
  }
  return hosts;
}

Task<void> WebhookSender::deliver(WebhookDelivery delivery) {
  const auto status = co_await attempt(delivery);
  if (status || status.error().kind != ErrorKind::ClientLeft) {
    co_await note(delivery, outcome_of(delivery, status));
  }
  ended_during_look_.push_back(delivery.id);
  under_way_.erase(delivery.id);
  wake_.notify();
}

Task<Result<int>> WebhookSender::attempt(const WebhookDelivery& delivery) {
  const std::int64_t timestamp = unix_ms(clock_) / 1000;
  std::string fields =
      "Content-Type: application/json\r\nwebhook-id: " + delivery.id +
      "\r\nwebhook-timestamp: " + std::to_string(timestamp) + "\r\nwebhook-signature: " +
      webhook_signature(settings_.keys, delivery.id, timestamp, delivery.body) + "\r\n";
  auto status =
      co_await fetcher_.post(delivery.url, std::move(fields), delivery.body, settings_.fetch,
                             {.max_bytes = kMaxAnswer, .cancel = &stop_});
  co_return status;
}

WebhookOutcome WebhookSender::outcome_of(const WebhookDelivery& delivery,
                                         const Result<int>& status) {
  WebhookOutcome outcome;
  outcome.attempt = delivery.attempts + 1;
  outcome.status = status.value_or(0);
  if (outcome.status >= 200 && outcome.status < 300) {
    outcome.state = WebhookState::Delivered;
    return outcome;
  }
  outcome.error =
      status ? "The receiver answered " + std::to_string(*status) + "." : status.error().message;
  if (outcome.status == kGone || outcome.attempt >= settings_.webhooks.max_attempts) {
    outcome.state = WebhookState::Failed;
    return outcome;
  }
  outcome.state = WebhookState::Pending;
  const double random = std::uniform_real_distribution<>()(random_);
  outcome.next_at = next_delivery(outcome.attempt, unix_ms(clock_), random);
  return outcome;
}

Task<void> WebhookSender::note(const WebhookDelivery& delivery, WebhookOutcome outcome) {
  report(delivery, outcome);
  while (true) {
    const auto noted = co_await store_.note(delivery.id, outcome);
    if (noted || noted.error().kind == ErrorKind::NotFound || stop_.cancelled()) {
      co_return;
    }
    if (!std::exchange(store_failing_, true)) {
      log::error("webhooks wait for the store", noted.error());
    }
    Signal pause;
    const OnCancel stopped(stop_, [&pause] { pause.notify(); });
    co_await pause.wait_until(std::chrono::steady_clock::now() + kStorePause);
  }
}

void WebhookSender::report(const WebhookDelivery& delivery, const WebhookOutcome& outcome) {
  switch (outcome.state) {
    case WebhookState::Delivered:
      delivered_.add(1);
      return;
    case WebhookState::Pending:
      retried_.add(1);
      log::debug("webhook not delivered yet",
                 {{"job", delivery.job_id}, {"attempt", outcome.attempt}, {"why", outcome.error}});
      return;
    case WebhookState::Failed:
      failed_.add(1);
      log::warning("webhook given up", {{"job", delivery.job_id},
                                        {"host", stores::webhook_host(delivery.url)},
                                        {"attempt", outcome.attempt},
                                        {"why", outcome.error}});
      return;
  }
}

}  // namespace headgate::queue
