#include "app/overload_watch.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <pthread.h>

#include "observe/log.h"

namespace headgate::app {
namespace {

namespace log = observe::log;
using limits::Overload;
using observe::MetricKind;
using observe::Sample;

constexpr std::chrono::milliseconds kEach{100};
/// The memory is looked at once in as many measurements.
constexpr unsigned kMemoryEach = 10;

constexpr std::array<std::string_view, 3> kLevels = {"none", "low", "normal"};
constexpr std::array<std::string_view, 2> kReasons = {"lag", "memory"};

std::string_view name_of(Overload::Level level) { return kLevels[static_cast<std::size_t>(level)]; }
std::string_view name_of(Overload::Reason reason) {
  return kReasons[static_cast<std::size_t>(reason)];
}

}  // namespace

OverloadWatch::OverloadWatch(std::span<EventLoop* const> loops, const Clock& clock,
                             const config::OverloadSettings& settings)
    : clock_(clock), loops_(loops.size()), lag_(loops, clock), overload_(settings) {
  set(settings);
}

OverloadWatch::~OverloadWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void OverloadWatch::start(Changed changed) {
  changed_ = std::move(changed);
  thread_ = std::thread([this] { run(); });
}

void OverloadWatch::set(const config::OverloadSettings& settings) {
  all_memory_ = settings.memory != 0 ? settings.memory : memory_.available();
  hold_ = settings.hold.count();
  const std::lock_guard lock(mutex_);
  overload_.set(settings);
}

void OverloadWatch::run() {
  ::pthread_setname_np(::pthread_self(), "overload");
  for (unsigned turn = 0;; ++turn) {
    measure(turn % kMemoryEach == 0);
    std::unique_lock lock(mutex_);
    if (wake_.wait_for(lock, kEach, [this] { return stopping_; })) {
      return;
    }
  }
}

double OverloadWatch::used_memory() const {
  const std::uint64_t all = all_memory_;
  return all == 0 ? 0 : static_cast<double>(memory_.resident()) / static_cast<double>(all);
}

void OverloadWatch::measure(bool memory_too) {
  const SteadyTime now = clock_.steady();
  const auto lag = lag_.measure();
  State state;
  {
    const std::lock_guard lock(mutex_);
    overload_.measure_lag(lag, now);
    if (memory_too) {
      overload_.measure_memory(used_memory(), now);
    }
    state = {.level = overload_.level(), .reason = overload_.reason()};
  }
  const State before = state_.exchange(state);
  if (state.level == before.level) {
    return;
  }
  if (state.level == Level::None) {
    log::info("no longer overloaded");
  } else {
    log::warning("overloaded: requests are refused up to this priority",
                 {{"priority", name_of(state.level)},
                  {"reason", name_of(state.reason)},
                  {"loop_lag_ms", lag.count()},
                  {"memory_used", used_memory()}});
  }
  changed_(state.level);
}

Error OverloadWatch::refusal(model::Priority priority, State state) const {
  shed_[static_cast<std::size_t>(priority)][static_cast<std::size_t>(state.reason)].fetch_add(
      1, std::memory_order_relaxed);
  constexpr std::chrono::milliseconds kSoonest{1000};
  Error error = headgate::overloaded("The gateway is overloaded; requests of " +
                                         std::string(model::name_of(priority)) +
                                         " priority are refused for now.",
                                     std::max(kSoonest, std::chrono::milliseconds(hold_)));
  error.code = "overloaded";
  return error;
}

void OverloadWatch::add_metrics(observe::Metrics& metrics) const {
  metrics.on_scrape({.name = "headgate_overload_level",
                     .help = "0: nobody is refused, 1: low priority is, 2: normal is as well",
                     .kind = MetricKind::Gauge},
                    [this] {
                      const Level level = state_.load().level;
                      return std::vector<Sample>{{{}, static_cast<double>(level)}};
                    });
  metrics.on_scrape({.name = "headgate_shed_requests_total",
                     .help = "Requests refused because the gateway was overloaded",
                     .kind = MetricKind::Counter,
                     .labels = {"class", "reason"}},
                    [this] {
                      std::vector<Sample> samples;
                      for (std::size_t i = 0; i < shed_.size(); ++i) {
                        for (std::size_t reason = 0; reason < kReasons.size(); ++reason) {
                          samples.push_back({{std::string(model::kPriorityNames[i]),
                                              std::string(kReasons[reason])},
                                             static_cast<double>(shed_[i][reason].load())});
                        }
                      }
                      return samples;
                    });
  metrics.on_scrape({.name = "headgate_loop_lag_seconds",
                     .help = "How long something that is ready waits for its event loop",
                     .kind = MetricKind::Gauge,
                     .labels = {"loop"}},
                    [this] {
                      std::vector<Sample> samples;
                      for (std::size_t i = 0; i < loops_; ++i) {
                        samples.push_back({{std::to_string(i)},
                                           std::chrono::duration<double>(lag_.last(i)).count()});
                      }
                      return samples;
                    });
  metrics.on_scrape({.name = "headgate_memory_used_ratio",
                     .help = "Resident memory as a share of limits.overload.memory",
                     .kind = MetricKind::Gauge},
                    [this] { return std::vector<Sample>{{{}, used_memory()}}; });
}

}  // namespace headgate::app
