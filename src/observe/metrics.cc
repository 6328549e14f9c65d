#include "observe/metrics.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <mutex>
#include <sstream>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "observe/shard.h"

namespace headgate::observe {

/// Immutable but for `series`, which Metrics' mutex guards.
struct Family {
  MetricDescription description;
  std::vector<std::int64_t> bounds;  // nanoseconds; histograms only
  std::uint32_t cells_per_series = 1;
  std::uint32_t overflow_cell = 0;
  std::map<std::vector<std::string>, std::uint32_t> series;
};

namespace {

// 256 KiB a shard: some 2,000 series with histograms among them; touched only where used.
constexpr std::uint32_t kCells = 32768;
constexpr std::size_t kMaxFamilies = 128;
constexpr std::size_t kMaxSeriesPerFamily = 2048;
constexpr std::string_view kOther = "_other";

prometheus::MetricType type_of(MetricKind kind) {
  switch (kind) {
    case MetricKind::Counter:
      return prometheus::MetricType::Counter;
    case MetricKind::Gauge:
      return prometheus::MetricType::Gauge;
    case MetricKind::Histogram:
      return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

struct Asked {
  MetricDescription description;
  std::function<std::vector<Sample>()> ask;
};

struct AskedHistogram {
  MetricDescription description;
  std::function<std::vector<HistogramSample>()> ask;
};

std::vector<prometheus::ClientMetric::Label> labels_of(const MetricDescription& description,
                                                       const std::vector<std::string>& values) {
  std::vector<prometheus::ClientMetric::Label> labels;
  for (std::size_t i = 0; i < description.labels.size() && i < values.size(); ++i) {
    labels.push_back({description.labels[i], values[i]});
  }
  return labels;
}

prometheus::MetricFamily family_head(const MetricDescription& description) {
  prometheus::MetricFamily out;
  out.name = description.name;
  out.help = description.help;
  out.type = type_of(description.kind);
  return out;
}

void set_value(prometheus::ClientMetric& metric, MetricKind kind, double value) {
  (kind == MetricKind::Counter ? metric.counter.value : metric.gauge.value) = value;
}

prometheus::MetricFamily ask_histograms(const AskedHistogram& asked) {
  prometheus::MetricFamily out = family_head(asked.description);
  const std::vector<double>& bounds = asked.description.buckets;
  for (const HistogramSample& sample : asked.ask()) {
    prometheus::ClientMetric metric;
    metric.label = labels_of(asked.description, sample.labels);
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < sample.counts.size(); ++i) {
      count += sample.counts[i];
      if (i < bounds.size()) {
        metric.histogram.bucket.push_back({count, bounds[i]});
      }
    }
    metric.histogram.sample_count = count;
    metric.histogram.sample_sum = sample.sum;
    out.metric.push_back(std::move(metric));
  }
  return out;
}

prometheus::MetricFamily ask_samples(const Asked& asked) {
  prometheus::MetricFamily out = family_head(asked.description);
  for (const Sample& sample : asked.ask()) {
    prometheus::ClientMetric metric;
    metric.label = labels_of(asked.description, sample.labels);
    set_value(metric, asked.description.kind, sample.value);
    out.metric.push_back(std::move(metric));
  }
  return out;
}

}  // namespace

void LocalCells::observe(Series series, std::chrono::nanoseconds value) const {
  if (series.family == nullptr) {
    return;
  }
  const std::int64_t nanoseconds = std::max<std::int64_t>(value.count(), 0);
  const std::vector<std::int64_t>& bounds = series.family->bounds;
  std::uint32_t bucket = 0;
  while (bucket < bounds.size() && nanoseconds > bounds[bucket]) {
    ++bucket;
  }
  // Cells of a histogram: one a bucket, the one above all bounds, the sum.
  bump(series.cell + bucket, 1);
  bump(series.cell + static_cast<std::uint32_t>(bounds.size()) + 1,
       static_cast<std::uint64_t>(nanoseconds));
}

struct Metrics::Impl final : prometheus::Collectable {
  explicit Impl(std::size_t shard_count) {
    for (std::size_t i = 0; i < shard_count; ++i) {
      shards.push_back(std::make_unique<std::atomic<std::uint64_t>[]>(kCells));
    }
  }

  std::uint64_t sum(std::uint32_t cell) const {
    std::uint64_t total = 0;
    for (const auto& cells : shards) {
      total += cells[cell].load(std::memory_order_relaxed);
    }
    return total;
  }

  prometheus::ClientMetric metric_of(const Family& family, const std::vector<std::string>& values,
                                     std::uint32_t cell) const {
    prometheus::ClientMetric metric;
    metric.label = labels_of(family.description, values);
    if (family.description.kind != MetricKind::Histogram) {
      set_value(metric, family.description.kind,
                static_cast<double>(static_cast<std::int64_t>(sum(cell))));
      return metric;
    }
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < family.bounds.size(); ++i) {
      count += sum(cell + static_cast<std::uint32_t>(i));
      metric.histogram.bucket.push_back({count, family.description.buckets[i]});
    }
    const auto above = cell + static_cast<std::uint32_t>(family.bounds.size());
    count += sum(above);
    metric.histogram.sample_count = count;
    metric.histogram.sample_sum = static_cast<double>(sum(above + 1)) * 1e-9;
    return metric;
  }

  bool touched(const Family& family, std::uint32_t cell) const {
    for (std::uint32_t i = 0; i < family.cells_per_series; ++i) {
      if (sum(cell + i) != 0) {
        return true;
      }
    }
    return false;
  }

  prometheus::MetricFamily collect(const Family& family) const {
    prometheus::MetricFamily out = family_head(family.description);
    for (const auto& [values, cell] : family.series) {
      out.metric.push_back(metric_of(family, values, cell));
    }
    if (!family.description.labels.empty() && touched(family, family.overflow_cell)) {
      out.metric.push_back(metric_of(
          family, std::vector<std::string>(family.description.labels.size(), std::string(kOther)),
          family.overflow_cell));
    }
    return out;
  }

  std::vector<prometheus::MetricFamily> Collect() const override {
    std::vector<prometheus::MetricFamily> out;
    std::vector<Asked> callbacks;
    std::vector<AskedHistogram> histograms;
    {
      const std::lock_guard lock(mutex);
      callbacks = asked;
      histograms = asked_histograms;
      for (const Family& family : families) {
        out.push_back(collect(family));
      }
    }
    for (const Asked& callback : callbacks) {  // outside the lock: they may use the registry
      out.push_back(ask_samples(callback));
    }
    for (const AskedHistogram& callback : histograms) {
      out.push_back(ask_histograms(callback));
    }
    std::erase_if(out,
                  [](const prometheus::MetricFamily& family) { return family.metric.empty(); });
    return out;
  }

  std::vector<std::unique_ptr<std::atomic<std::uint64_t>[]>> shards;  // [0] is shared
  mutable std::mutex mutex;
  std::deque<Family> families;                   // guarded by mutex; addresses are stable
  std::vector<Asked> asked;                      // guarded by mutex
  std::vector<AskedHistogram> asked_histograms;  // guarded by mutex
  std::uint32_t next_cell = 0;                   // guarded by mutex
};

Metrics::Metrics(std::size_t loops) : impl_(std::make_unique<Impl>(loops + 1)) {}
Metrics::~Metrics() = default;

const Family* Metrics::declare(MetricDescription description) {
  const std::lock_guard lock(impl_->mutex);
  for (const Family& family : impl_->families) {
    if (family.description.name == description.name) {
      return &family;
    }
  }
  Family family;
  for (const double bound : description.buckets) {
    family.bounds.push_back(std::llround(bound * 1e9));
  }
  if (description.kind == MetricKind::Histogram) {
    family.cells_per_series = static_cast<std::uint32_t>(family.bounds.size()) + 2;
  }
  if (impl_->families.size() >= kMaxFamilies ||
      impl_->next_cell + family.cells_per_series > kCells) {
    return nullptr;
  }
  family.overflow_cell = impl_->next_cell;
  impl_->next_cell += family.cells_per_series;
  family.description = std::move(description);
  return &impl_->families.emplace_back(std::move(family));
}

Series Metrics::series(const Family* family, std::initializer_list<std::string_view> values) {
  return series(family, std::span<const std::string_view>(values.begin(), values.size()));
}

Series Metrics::series(const Family* family, std::span<const std::string_view> values) {
  if (family == nullptr) {
    return {};
  }
  std::vector<std::string> key(values.begin(), values.end());
  key.resize(family->description.labels.size());
  const std::lock_guard lock(impl_->mutex);
  // The registry owns every Family; callers only hold them as const.
  auto& known = const_cast<Family*>(family)->series;
  if (const auto found = known.find(key); found != known.end()) {
    return {family, found->second};
  }
  const bool only_one = family->description.labels.empty();
  if (!only_one && (known.size() >= kMaxSeriesPerFamily ||
                    impl_->next_cell + family->cells_per_series > kCells)) {
    return {family, family->overflow_cell};
  }
  std::uint32_t cell = family->overflow_cell;
  if (!only_one) {
    cell = impl_->next_cell;
    impl_->next_cell += family->cells_per_series;
  }
  known.emplace(std::move(key), cell);
  return {family, cell};
}

Series Metrics::single(MetricDescription description) {
  return series(declare(std::move(description)), {});
}

void Metrics::on_scrape(MetricDescription description, std::function<std::vector<Sample>()> ask) {
  const std::lock_guard lock(impl_->mutex);
  impl_->asked.push_back({std::move(description), std::move(ask)});
}

void Metrics::on_scrape_histogram(MetricDescription description,
                                  std::function<std::vector<HistogramSample>()> ask) {
  const std::lock_guard lock(impl_->mutex);
  impl_->asked_histograms.push_back({std::move(description), std::move(ask)});
}

LocalCells Metrics::local() {
  const std::size_t shard = current_shard();
  if (shard == 0 || shard >= impl_->shards.size()) {
    return {impl_->shards[0].get(), LocalCells::Writers::Many};
  }
  return {impl_->shards[shard].get(), LocalCells::Writers::One};
}

std::int64_t Metrics::value(Series series) const {
  return series.family == nullptr ? 0 : static_cast<std::int64_t>(impl_->sum(series.cell));
}

std::string Metrics::scrape() const {
  const prometheus::Collectable& source = *impl_;
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, source.Collect());
  return std::move(out).str();
}

std::size_t Metrics::shards() const { return impl_->shards.size(); }

}  // namespace headgate::observe
