#include "observe/request_metrics.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <optional>
#include <set>

#include "observe/active_users.h"
#include "observe/shard.h"

namespace headgate::observe {
namespace {

constexpr std::array<std::string_view, 7> kMethods = {"GET",    "POST", "PUT",    "PATCH",
                                                      "DELETE", "HEAD", "OPTIONS"};
constexpr std::string_view kOther = "_other";
constexpr std::string_view kUnmatched = "_unmatched";  // no route has the path
constexpr int kClientLeft = 499;

std::size_t method_index(std::string_view method) {
  return static_cast<std::size_t>(std::ranges::find(kMethods, method) - kMethods.begin());
}

std::string_view method_name(std::size_t index) {
  return index < kMethods.size() ? kMethods[index] : kOther;
}

/// The families, in one place: name, meaning, labels, bounds.
struct Families {
  explicit Families(Metrics& metrics)
      : requests(metrics.declare({.name = "gateway_requests_total",
                                  .help = "Requests answered",
                                  .kind = MetricKind::Counter,
                                  .labels = {"method", "endpoint", "status"},
                                  .buckets = {}})),
        duration(metrics.declare({.name = "gateway_request_duration_seconds",
                                  .help = "From a request's first byte to its answer's last",
                                  .kind = MetricKind::Histogram,
                                  .labels = {"method", "endpoint"},
                                  .buckets = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                              0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300}})),
        inference(metrics.declare({.name = "inference_requests_total",
                                   .help = "Inference requests answered",
                                   .kind = MetricKind::Counter,
                                   .labels = {"endpoint", "status", "model", "type"},
                                   .buckets = {}})),
        latency(metrics.declare({.name = "inference_latency_seconds",
                                 .help = "Inference latency",
                                 .kind = MetricKind::Histogram,
                                 .labels = {"endpoint"},
                                 .buckets = {1, 2, 5, 10, 20, 30, 60, 120}})),
        operation(metrics.declare(
            {.name = "gen_ai_client_operation_duration_seconds",
             .help = "Time of an inference operation",
             .kind = MetricKind::Histogram,
             .labels = {"gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model"},
             .buckets = {0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48,
                         40.96, 81.92}})),
        input_tokens(tokens(metrics, "gen_ai_client_inference_usage_input_tokens_total",
                            "Input tokens, as providers reported them or else estimated")),
        output_tokens(tokens(metrics, "gen_ai_client_inference_usage_output_tokens_total",
                             "Output tokens, as providers reported them or else estimated")),
        attempts(metrics.declare({.name = "headgate_upstream_attempts_total",
                                  .help = "Calls of a provider's targets, retries included",
                                  .kind = MetricKind::Counter,
                                  .labels = {"provider"},
                                  .buckets = {}})),
        estimated(metrics.declare({.name = "headgate_usage_estimated_total",
                                   .help = "Inference requests whose tokens were estimated because "
                                           "the provider told none",
                                   .kind = MetricKind::Counter,
                                   .labels = {"provider"},
                                   .buckets = {}})),
        overhead(metrics.single({.name = "headgate_overhead_seconds",
                                 .help = "Time of an inference request that was not spent waiting "
                                         "for an upstream or in a queue",
                                 .kind = MetricKind::Histogram,
                                 .labels = {},
                                 .buckets = {0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005,
                                             0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 1}})),
        client_left(metrics.single({.name = "headgate_client_left_total",
                                    .help = "Requests whose client closed before the answer's end",
                                    .kind = MetricKind::Counter,
                                    .labels = {},
                                    .buckets = {}})) {}

  static const Family* tokens(Metrics& metrics, const char* name, const char* help) {
    return metrics.declare({.name = name,
                            .help = help,
                            .kind = MetricKind::Counter,
                            .labels = {"gen_ai_operation_name", "gen_ai_provider_name",
                                       "gen_ai_request_model", "gen_ai_token_modality"},
                            .buckets = {}});
  }

  const Family* requests;
  const Family* duration;
  const Family* inference;
  const Family* latency;
  const Family* operation;
  const Family* input_tokens;
  const Family* output_tokens;
  const Family* attempts;
  const Family* estimated;
  Series overhead;
  Series client_left;
};

/// What decides the labels of a request. Route and kind are static texts: their addresses do.
struct Key {
  const char* route = nullptr;
  const char* kind = nullptr;
  std::size_t method = 0;
  int status = 0;
  std::string_view model;
  std::string_view provider;
};

/// The series of one combination of labels, found again by Key.
struct Entry {
  bool filled = false;
  const char* route = nullptr;
  const char* kind = nullptr;
  std::size_t method = 0;
  int status = 0;
  std::string model;
  std::string provider;
  Series requests, duration, inference, latency, operation, input_tokens, output_tokens, attempts;
  Series estimated;

  bool matches(const Key& key) const {
    return filled && route == key.route && kind == key.kind && method == key.method &&
           status == key.status && model == key.model && provider == key.provider;
  }
};

std::uint64_t last_bytes(std::string_view text) {
  std::uint64_t bytes = 0;
  const std::size_t length = std::min(text.size(), sizeof bytes);
  if (length > 0) {
    std::memcpy(&bytes, text.data() + (text.size() - length), length);
  }
  return bytes;
}

std::size_t slot_of(const Key& key, std::size_t slots) {
  std::uint64_t mixed = reinterpret_cast<std::uintptr_t>(key.route);
  mixed = (mixed ^ static_cast<std::uint64_t>(key.status)) * 0x9E3779B97F4A7C15ULL;
  mixed = (mixed ^ (last_bytes(key.model) + key.model.size())) * 0x9E3779B97F4A7C15ULL;
  mixed = (mixed ^ (last_bytes(key.provider) + key.method)) * 0x9E3779B97F4A7C15ULL;
  return static_cast<std::size_t>(mixed >> 40U) % slots;
}

constexpr std::size_t kCacheSlots = 512;

struct Cache {
  std::uint64_t generation = 0;
  std::vector<Entry> entries{kCacheSlots};
};

}  // namespace

struct RequestMetrics::Impl {
  Impl(Metrics& owner, const Clock& time)
      : metrics(owner), clock(time), families(owner), users(owner.shards()) {
    for (std::size_t i = 1; i < owner.shards(); ++i) {
      caches.push_back(std::make_unique<Cache>());
    }
  }

  void fill(Entry& entry, const Key& key, std::string_view route, std::string_view kind) {
    entry.filled = true;
    entry.route = key.route;
    entry.kind = key.kind;
    entry.method = key.method;
    entry.status = key.status;
    entry.model = key.model;
    entry.provider = key.provider;
    const std::string_view endpoint = route.empty() ? kUnmatched : route;
    const std::string status = std::to_string(key.status);
    const std::string_view method = method_name(key.method);
    entry.requests = metrics.series(families.requests, {method, endpoint, status});
    entry.duration = metrics.series(families.duration, {method, endpoint});
    if (kind.empty()) {
      entry.inference = entry.latency = entry.operation = {};
      entry.input_tokens = entry.output_tokens = entry.attempts = entry.estimated = {};
      return;
    }
    const std::string model = label_of(key.model);
    const std::string_view provider = key.provider.empty() ? kOther : key.provider;
    entry.inference = metrics.series(families.inference, {endpoint, status, model, kind});
    entry.latency = metrics.series(families.latency, {endpoint});
    entry.operation = metrics.series(families.operation, {kind, provider, model});
    entry.input_tokens = metrics.series(families.input_tokens, {kind, provider, model, "unknown"});
    entry.output_tokens =
        metrics.series(families.output_tokens, {kind, provider, model, "unknown"});
    entry.attempts =
        key.provider.empty() ? Series{} : metrics.series(families.attempts, {provider});
    entry.estimated =
        key.provider.empty() ? Series{} : metrics.series(families.estimated, {provider});
  }

  std::string label_of(std::string_view model) const {
    const std::lock_guard lock(mutex);
    return std::string(models.contains(model) ? model : kOther);
  }

  /// The series for `key`: from the calling loop's cache, or into `spare` on other threads.
  const Entry& resolve(const Key& key, const model::RequestContext& context,
                       std::optional<Entry>& spare) {
    const std::size_t shard = current_shard();
    if (shard == 0 || shard > caches.size()) {
      fill(spare.emplace(), key, context.route, context.kind);
      return *spare;
    }
    Cache& cache = *caches[shard - 1];
    const std::uint64_t now = generation.load(std::memory_order_acquire);
    if (cache.generation != now) {
      for (Entry& entry : cache.entries) {
        entry.filled = false;
      }
      cache.generation = now;
    }
    Entry& entry = cache.entries[slot_of(key, kCacheSlots)];
    if (!entry.matches(key)) {
      fill(entry, key, context.route, context.kind);
    }
    return entry;
  }

  Metrics& metrics;
  const Clock& clock;
  Families families;
  ActiveUsers users;
  std::vector<std::unique_ptr<Cache>> caches;  // of shard 1, 2, ...
  std::atomic<std::uint64_t> generation{1};
  mutable std::mutex mutex;
  std::set<std::string, std::less<>> models;  // guarded by mutex
};

RequestMetrics::RequestMetrics(Metrics& metrics, const Clock& clock)
    : metrics_(metrics), impl_(std::make_unique<Impl>(metrics, clock)) {
  metrics.on_scrape({.name = "gateway_active_users",
                     .help = "Distinct users and keys seen in the last five minutes",
                     .kind = MetricKind::Gauge,
                     .labels = {},
                     .buckets = {}},
                    [impl = impl_.get()] {
                      return std::vector<Sample>{
                          {{}, static_cast<double>(impl->users.count(impl->clock.steady()))}};
                    });
}

RequestMetrics::~RequestMetrics() = default;

void RequestMetrics::set_models(const std::vector<std::string>& names) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->models = {names.begin(), names.end()};
  }
  impl_->generation.fetch_add(1, std::memory_order_release);
}

void RequestMetrics::request_finished(const model::RequestContext& context,
                                      const Outcome& outcome) {
  const LocalCells cells = metrics_.local();
  if (context.principal) {
    impl_->users.seen(context.principal->id, outcome.ended);
  }
  if (outcome.status == kClientLeft) {
    cells.add(impl_->families.client_left);
  }

  const bool inference = !context.kind.empty();
  const Key key{.route = context.route.empty() ? nullptr : context.route.data(),
                .kind = inference ? context.kind.data() : nullptr,
                .method = method_index(outcome.method),
                .status = outcome.status,
                .model = inference ? std::string_view(context.model) : std::string_view(),
                .provider = inference ? std::string_view(context.provider) : std::string_view()};
  std::optional<Entry> spare;
  const Entry& entry = impl_->resolve(key, context, spare);
  const std::chrono::nanoseconds duration = outcome.ended - context.started;
  cells.add(entry.requests);
  cells.observe(entry.duration, duration);
  if (!inference) {
    return;
  }
  cells.add(entry.inference);
  cells.observe(entry.latency, duration);
  cells.observe(entry.operation, duration);
  cells.add(entry.input_tokens, std::max<std::int64_t>(context.input_tokens, 0));
  cells.add(entry.output_tokens, std::max<std::int64_t>(context.output_tokens, 0));
  cells.add(entry.attempts, context.attempts);
  cells.add(entry.estimated, context.usage_estimated ? 1 : 0);
  if (context.attempts > 0) {
    cells.observe(impl_->families.overhead, duration - context.upstream_wait - context.queue_time);
  }
}

}  // namespace headgate::observe
