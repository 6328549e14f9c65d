#include "observe/request_log.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "observe/line_sink.h"
#include "observe/metrics.h"
#include "observe/record_ring.h"
#include "observe/request_record.h"
#include "observe/shard.h"

namespace headgate::observe {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kBatchBytes = 128 << 10;
constexpr milliseconds kPause{10};      // between rounds while requests come in
constexpr milliseconds kIdlePause{40};  // while none come: a burst must fit the ring
constexpr milliseconds kPatience{200};  // for a slow reader, per batch
constexpr milliseconds kStopPatience{2000};
constexpr std::chrono::minutes kWarnEvery{1};

using Ring = RecordRing<RequestRecord>;

std::unique_ptr<LineSink> open_sink(const RequestLogOptions& options) {
  if (options.path.empty()) {
    return std::make_unique<LineSink>(options.fd, LineSink::Ownership::Borrowed);
  }
  const int fd =
      open(options.path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
  if (fd < 0) {
    log::warning("cannot open the request log", {{"path", options.path}});
    return nullptr;
  }
  return std::make_unique<LineSink>(fd, LineSink::Ownership::Owned);
}

}  // namespace

struct RequestLog::Impl {
  explicit Impl(RequestLogOptions given) : options(std::move(given)), level(options.level) {
    for (std::size_t i = 0; i <= options.loops; ++i) {
      rings.push_back(std::make_unique<Ring>(options.ring_slots));
    }
    sink = open_sink(options);
    format = options.format;
    if (format == log::Format::Auto) {
      format = sink && sink->terminal() ? log::Format::Text : log::Format::Json;
    }
    thread = std::thread([this] { run(); });
  }

  bool wanted(int status) const {
    switch (level.load(std::memory_order_relaxed)) {
      case log::Level::Error:
        return status >= 500;
      case log::Level::Warning:
        return status >= 400;
      default:
        return true;
    }
  }

  bool push(Ring& ring, const model::RequestContext& context, const Outcome& outcome) {
    RequestRecord* slot = ring.begin_push();
    if (slot == nullptr) {
      dropped.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    slot->assign(context, outcome);
    ring.push();
    return true;
  }

  /// Formats up to a batch of one ring into `text`; the number of lines.
  std::size_t format_batch(Ring& ring) {
    std::size_t lines = 0;
    while (text.size() < kBatchBytes) {
      const RequestRecord* record = ring.front();
      if (record == nullptr) {
        break;
      }
      const std::int64_t wall = unix_milliseconds(record->ended);
      if (format == log::Format::Json) {
        add_json_line(text, *record, wall, time);
      } else {
        add_text_line(text, *record, wall, time);
      }
      ring.pop();
      ++lines;
    }
    return lines;
  }

  std::int64_t unix_milliseconds(SteadyTime steady) const {
    return (wall_offset + std::chrono::duration_cast<milliseconds>(steady.time_since_epoch()))
        .count();
  }

  /// The wall clock may be set while we run: follow it.
  void read_clocks() {
    wall_offset = std::chrono::duration_cast<milliseconds>(
        std::chrono::system_clock::now().time_since_epoch() -
        std::chrono::duration_cast<std::chrono::nanoseconds>(
            SteadyClock::now().time_since_epoch()));
  }

  /// Writes up to a batch of each ring, waiting for a slow reader until `until`.
  enum class Found : std::uint8_t { Nothing, Some, Full };
  Found round(SteadyTime until) {
    Found found = Found::Nothing;
    read_clocks();
    for (const auto& ring : rings) {
      text.clear();
      const std::size_t lines = format_batch(*ring);
      if (lines == 0) {
        continue;
      }
      found = std::max(found, text.size() < kBatchBytes ? Found::Some : Found::Full);
      const auto patience = std::chrono::duration_cast<milliseconds>(until - SteadyClock::now());
      const std::size_t written = sink ? sink->write(text.text(), patience) : 0;
      if (written < text.size()) {
        const auto rest = text.text().substr(written);
        dropped.fetch_add(static_cast<std::uint64_t>(std::ranges::count(rest, '\n')),
                          std::memory_order_relaxed);
      }
    }
    return found;
  }

  void warn_about_losses() {
    const std::uint64_t now_dropped = dropped.load(std::memory_order_relaxed);
    const auto now = SteadyClock::now();
    if (now_dropped == warned_dropped || (warned_at && now - *warned_at < kWarnEvery)) {
      return;
    }
    log::warning("request log lines were dropped",
                 {{"lines", now_dropped - warned_dropped}, {"total", now_dropped}});
    warned_dropped = now_dropped;
    warned_at = now;
  }

  void run() {
    // A closed pipe is an error to count here, and every other signal is for the main thread.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    pthread_setname_np(pthread_self(), "request-log");
    Found found = Found::Some;
    while (!pause(found)) {
      if (reopening.exchange(false)) {
        sink = open_sink(options);
      }
      found = round(SteadyClock::now() + kPatience);
      warn_about_losses();
    }
    const auto until = SteadyClock::now() + kStopPatience;
    while (round(until) != Found::Nothing) {
    }
    warned_at.reset();
    warn_about_losses();
  }

  /// Waits for the next round; true if the log is to stop.
  bool pause(Found found) {
    std::unique_lock lock(mutex);
    if (found != Found::Full) {
      wake.wait_for(lock, found == Found::Some ? kPause : kIdlePause, [this] { return stopping; });
    }
    return stopping;
  }

  const RequestLogOptions options;
  std::atomic<log::Level> level;
  std::vector<std::unique_ptr<Ring>> rings;  // [0] is shared, under shared_mutex
  std::mutex shared_mutex;
  std::atomic<std::uint64_t> dropped{0};
  std::atomic<bool> closed{false};
  std::atomic<bool> reopening{false};

  // Of the log's thread.
  std::unique_ptr<LineSink> sink;
  log::Format format = log::Format::Json;
  TextBuffer text;
  TimeText time;
  milliseconds wall_offset{0};
  std::uint64_t warned_dropped = 0;
  std::optional<SteadyTime> warned_at;

  std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false;  // guarded by mutex
  std::thread thread;
};

RequestLog::RequestLog(RequestLogOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}

RequestLog::~RequestLog() { stop(); }

void RequestLog::record(const model::RequestContext& context, const Outcome& outcome) {
  Impl& impl = *impl_;
  if (!impl.wanted(outcome.status)) {
    return;
  }
  if (impl.closed.load(std::memory_order_relaxed)) {
    impl.dropped.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const std::size_t shard = current_shard();
  if (shard == 0 || shard >= impl.rings.size()) {
    const std::lock_guard lock(impl.shared_mutex);
    impl.push(*impl.rings[0], context, outcome);
    return;
  }
  impl.push(*impl.rings[shard], context, outcome);
}

void RequestLog::set_level(log::Level level) {
  impl_->level.store(level, std::memory_order_relaxed);
}

std::uint64_t RequestLog::dropped() const { return impl_->dropped.load(std::memory_order_relaxed); }

void RequestLog::add_metrics(Metrics& metrics) const {
  metrics.on_scrape({.name = "headgate_log_lines_dropped_total",
                     .help = "Request log lines lost to a full ring, disk or pipe",
                     .kind = MetricKind::Counter,
                     .labels = {},
                     .buckets = {}},
                    [this] { return std::vector<Sample>{{{}, static_cast<double>(dropped())}}; });
}

void RequestLog::reopen() {
  if (!impl_->options.path.empty()) {
    impl_->reopening.store(true);
  }
}

void RequestLog::stop() {
  if (impl_->closed.exchange(true)) {
    return;
  }
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_one();
  impl_->thread.join();
}

}  // namespace headgate::observe
