#include "app/scraped_metrics.h"

#include <functional>
#include <utility>
#include <vector>

namespace headgate::app {
namespace {

using observe::MetricKind;
using observe::Sample;

void add_server(observe::Metrics& metrics, const edge::Server& server) {
  const auto add = [&](MetricKind kind, const char* name, const char* help,
                       std::uint64_t edge::ServerStats::* figure) {
    metrics.on_scrape({.name = name, .help = help, .kind = kind}, [&server, figure] {
      return std::vector<Sample>{{{}, static_cast<double>(server.stats().*figure)}};
    });
  };
  using edge::ServerStats;
  add(MetricKind::Gauge, "headgate_connections", "Open client connections",
      &ServerStats::open_connections);
  add(MetricKind::Gauge, "headgate_requests_in_flight", "Requests being answered",
      &ServerStats::in_flight);
  add(MetricKind::Counter, "headgate_connections_accepted_total",
      "Client connections accepted, with those over the limit", &ServerStats::accepted);
  add(MetricKind::Counter, "headgate_connections_refused_total",
      "Client connections closed because of server.max_connections", &ServerStats::refused);
}

upstream::ClientStats sum(dispatch::Clients& clients) {
  upstream::ClientStats total;
  for (std::size_t i = 0; i < clients.size(); ++i) {
    const upstream::ClientStats stats = clients.at(i)->stats();
    total.opened += stats.opened;
    total.reused += stats.reused;
    total.retried += stats.retried;
    total.dirty += stats.dirty;
    total.idle += stats.idle;
  }
  return total;
}

void add_upstream(observe::Metrics& metrics, dispatch::Clients& clients) {
  metrics.on_scrape({.name = "headgate_upstream_connections_total",
                     .help = "Connections to model servers, by what became of them: opened, reused "
                             "for a request, retried because the server had closed it, dropped in "
                             "the middle of an answer",
                     .kind = MetricKind::Counter,
                     .labels = {"event"}},
                    [&clients] {
                      const upstream::ClientStats total = sum(clients);
                      return std::vector<Sample>{{{"opened"}, static_cast<double>(total.opened)},
                                                 {{"reused"}, static_cast<double>(total.reused)},
                                                 {{"retried"}, static_cast<double>(total.retried)},
                                                 {{"dropped"}, static_cast<double>(total.dirty)}};
                    });
  metrics.on_scrape(
      {.name = "headgate_upstream_idle_connections",
       .help = "Connections to model servers that wait for a request",
       .kind = MetricKind::Gauge},
      [&clients] { return std::vector<Sample>{{{}, static_cast<double>(sum(clients).idle)}}; });
}

void add_workers(observe::Metrics& metrics, const documents::WorkerPool& workers) {
  metrics.on_scrape({.name = "headgate_document_pages_total",
                     .help = "Pages read by the document workers, by outcome",
                     .kind = MetricKind::Counter,
                     .labels = {"outcome"}},
                    [&workers] {
                      const auto counters = workers.counters();
                      return std::vector<Sample>{
                          {{"read"}, static_cast<double>(counters.pages_read)},
                          {{"failed"}, static_cast<double>(counters.pages_failed)}};
                    });
  metrics.on_scrape({.name = "headgate_document_page_seconds_total",
                     .help = "Time that document workers spent on pages",
                     .kind = MetricKind::Counter},
                    [&workers] {
                      const auto milliseconds =
                          static_cast<double>(workers.counters().page_milliseconds);
                      return std::vector<Sample>{{{}, milliseconds / 1000}};
                    });
  metrics.on_scrape({.name = "headgate_document_worker_events_total",
                     .help = "Document workers: pages timed out, processes that died unasked, "
                             "workers started again",
                     .kind = MetricKind::Counter,
                     .labels = {"event"}},
                    [&workers] {
                      const auto counters = workers.counters();
                      return std::vector<Sample>{
                          {{"timeout"}, static_cast<double>(counters.timeouts)},
                          {{"crash"}, static_cast<double>(counters.crashes)},
                          {{"restart"}, static_cast<double>(counters.restarts)}};
                    });
  metrics.on_scrape({.name = "headgate_document_workers",
                     .help = "Document workers that are up, and that read a page now",
                     .kind = MetricKind::Gauge,
                     .labels = {"state"}},
                    [&workers] {
                      const auto counters = workers.counters();
                      return std::vector<Sample>{{{"ready"}, static_cast<double>(counters.ready)},
                                                 {{"busy"}, static_cast<double>(counters.busy)}};
                    });
  metrics.on_scrape({.name = "headgate_document_pages_waiting",
                     .help = "Pages in line for a document worker",
                     .kind = MetricKind::Gauge},
                    [&workers] {
                      const auto waiting = workers.counters().waiting;
                      return std::vector<Sample>{{{}, static_cast<double>(waiting)}};
                    });
}

}  // namespace

void add_scraped_metrics(observe::Metrics& metrics, const edge::Server& server,
                         dispatch::Clients& clients, const documents::WorkerPool& workers) {
  add_server(metrics, server);
  add_upstream(metrics, clients);
  add_workers(metrics, workers);
}

void add_cache_metrics(observe::Metrics& metrics, const dispatch::ResponseCache& cache) {
  metrics.on_scrape({.name = "headgate_cache_lookups_total",
                     .help = "Kept answers that were looked for, by result",
                     .kind = MetricKind::Counter,
                     .labels = {"result"}},
                    [&cache] {
                      const dispatch::ResponseCache::Stats stats = cache.stats();
                      return std::vector<Sample>{{{"hit"}, static_cast<double>(stats.hits)},
                                                 {{"miss"}, static_cast<double>(stats.misses)}};
                    });
  const auto add = [&](MetricKind kind, const char* name, const char* help,
                       std::uint64_t dispatch::ResponseCache::Stats::* figure) {
    metrics.on_scrape({.name = name, .help = help, .kind = kind}, [&cache, figure] {
      return std::vector<Sample>{{{}, static_cast<double>(cache.stats().*figure)}};
    });
  };
  using Stats = dispatch::ResponseCache::Stats;
  add(MetricKind::Counter, "headgate_cache_kept_total", "Answers that were kept", &Stats::kept);
  add(MetricKind::Counter, "headgate_cache_evictions_total",
      "Kept answers that were dropped before their time to make room", &Stats::evicted);
  add(MetricKind::Gauge, "headgate_cache_answers", "Answers that are kept", &Stats::answers);
  add(MetricKind::Gauge, "headgate_cache_bytes", "Memory of the kept answers", &Stats::bytes);
}

}  // namespace headgate::app
