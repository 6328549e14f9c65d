#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace headgate::observe {

enum class MetricKind : std::uint8_t { Counter, Gauge, Histogram };

/// What a metric is called and means. Labels must come from closed or bounded sets.
struct MetricDescription {
  std::string name;  ///< Prometheus style: unit and `_total` included
  std::string help;
  MetricKind kind = MetricKind::Counter;
  std::vector<std::string> labels = {};
  std::vector<double> buckets = {};  ///< histograms: ascending upper bounds in seconds
};

/// One value of a metric that is asked for when somebody scrapes.
struct Sample {
  std::vector<std::string> labels;  ///< values, in the order of the description
  double value = 0;
};

struct Family;  // a declared metric; private to metrics.cc

/// One series of a histogram that is asked for when somebody scrapes.
struct HistogramSample {
  std::vector<std::string> labels;
  std::vector<std::uint64_t> counts;  ///< of each bucket, and of all above the last
  double sum = 0;
};

/// One set of label values of one family, resolved once and then a plain index. Cheap to copy,
/// valid as long as its Metrics. A default-constructed one swallows what it is given.
struct Series {
  const Family* family = nullptr;
  std::uint32_t cell = 0;
};

/// The calling thread's share of all counters. Valid on that thread only.
class LocalCells final {
 public:
  /// Adds to a counter or gauge; negative amounts for gauges only.
  void add(Series series, std::int64_t amount = 1) const {
    if (series.family != nullptr) {
      bump(series.cell, static_cast<std::uint64_t>(amount));
    }
  }
  /// Adds one observation to a histogram; negative ones count as zero.
  void observe(Series series, std::chrono::nanoseconds value) const;

 private:
  friend class Metrics;
  enum class Writers : std::uint8_t { One, Many };
  LocalCells(std::atomic<std::uint64_t>* cells, Writers writers)
      : cells_(cells), writers_(writers) {}
  void bump(std::uint32_t cell, std::uint64_t amount) const {
    std::atomic<std::uint64_t>& target = cells_[cell];
    if (writers_ == Writers::One) {
      target.store(target.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
    } else {
      target.fetch_add(amount, std::memory_order_relaxed);
    }
  }

  std::atomic<std::uint64_t>* cells_;
  Writers writers_;
};

/// All metrics of the process: counters, gauges and histograms kept per event loop (see shard.h)
/// and summed when scraped, and callbacks that are asked when scraped. Safe from any thread.
class Metrics final {
 public:
  /// `loops` shards besides the shared one; threads claim theirs with ShardClaim(1..loops).
  explicit Metrics(std::size_t loops);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// Declares a metric; a second declaration of the same name returns the first. Null once the
  /// fixed number of families is used up. Takes a lock: at start, not per request.
  const Family* declare(MetricDescription description);
  /// The series with these label values, made if new. A family holds a bounded number; further
  /// ones share a series whose labels are all `_other`. Takes a lock: keep the result.
  Series series(const Family* family, std::initializer_list<std::string_view> values);
  Series series(const Family* family, std::span<const std::string_view> values);
  /// A metric without labels, declared and resolved in one step.
  Series single(MetricDescription description);

  /// Registers a metric whose samples `ask` yields at each scrape. `ask` must be thread safe, must
  /// not block and must outlive the last scrape. Counters and gauges only.
  void on_scrape(MetricDescription description, std::function<std::vector<Sample>()> ask);
  /// As on_scrape(), for histograms.
  void on_scrape_histogram(MetricDescription description,
                           std::function<std::vector<HistogramSample>()> ask);

  LocalCells local();
  void add(Series series, std::int64_t amount = 1) { local().add(series, amount); }
  void observe(Series series, std::chrono::nanoseconds value) { local().observe(series, value); }

  /// Sum over all shards of a counter or gauge.
  std::int64_t value(Series series) const;
  /// Everything in the Prometheus text format 0.0.4. Costs up to milliseconds with many series:
  /// not on an event loop.
  std::string scrape() const;

  std::size_t shards() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Registers process_resident_memory_bytes, process_open_fds, process_max_fds,
/// process_cpu_seconds_total, process_start_time_seconds and headgate_build_info{version}.
void add_process_metrics(Metrics& metrics, std::string version);

}  // namespace headgate::observe
