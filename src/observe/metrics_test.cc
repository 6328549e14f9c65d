#include "observe/metrics.h"

#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "observe/shard.h"

namespace headgate::observe {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

MetricDescription counter(std::string name, std::vector<std::string> labels) {
  return {.name = std::move(name),
          .help = "help",
          .kind = MetricKind::Counter,
          .labels = std::move(labels),
          .buckets = {}};
}

TEST(Metrics, SumsTheShardsOfAllLoops) {
  Metrics metrics(2);
  const Series hits = metrics.single(counter("hits_total", {}));
  std::vector<std::thread> threads;
  for (const std::size_t shard : {0U, 0U, 1U, 2U}) {
    threads.emplace_back([&metrics, hits, shard] {
      const ShardClaim claim(shard);
      for (int i = 0; i < 10000; ++i) {
        metrics.add(hits);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(metrics.value(hits), 40000);
  EXPECT_THAT(metrics.scrape(), HasSubstr("# TYPE hits_total counter\nhits_total 40000\n"));
}

TEST(Metrics, GaugesMayFallOnAnotherShardThanTheyRose) {
  Metrics metrics(1);
  const Series open = metrics.single(
      {.name = "open", .help = "help", .kind = MetricKind::Gauge, .labels = {}, .buckets = {}});
  metrics.add(open, 2);
  {
    const ShardClaim claim(1);
    metrics.add(open, -1);
  }
  EXPECT_EQ(metrics.value(open), 1);
  EXPECT_THAT(metrics.scrape(), HasSubstr("\nopen 1\n"));
}

TEST(Metrics, HistogramsAreCumulativeAndIncludeTheirBound) {
  Metrics metrics(1);
  const Series time = metrics.single({.name = "time_seconds",
                                      .help = "help",
                                      .kind = MetricKind::Histogram,
                                      .labels = {},
                                      .buckets = {0.00001, 0.001, 1}});
  metrics.observe(time, microseconds(10));
  metrics.observe(time, microseconds(11));
  metrics.observe(time, milliseconds(1500));
  metrics.observe(time, milliseconds(-5));

  const std::string text = metrics.scrape();

  EXPECT_THAT(text, HasSubstr("time_seconds_bucket{le=\"1e-05\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("time_seconds_bucket{le=\"0.001\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("time_seconds_bucket{le=\"1\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("time_seconds_bucket{le=\"+Inf\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("time_seconds_count 4\n"));
  EXPECT_THAT(text, HasSubstr("time_seconds_sum 1.500021\n"));
}

TEST(Metrics, EscapesLabelValues) {
  Metrics metrics(1);
  metrics.add(metrics.series(metrics.declare(counter("a_total", {"x"})), {"q\"\\\n"}));
  EXPECT_THAT(metrics.scrape(), HasSubstr("a_total{x=\"q\\\"\\\\\\n\"} 1\n"));
}

TEST(Metrics, ManyLabelValuesEndInOneSharedSeries) {
  Metrics metrics(1);
  const Family* family = metrics.declare(counter("wild_total", {"value"}));
  for (int i = 0; i < 5000; ++i) {
    metrics.add(metrics.series(family, {std::to_string(i)}));
  }
  const std::string text = metrics.scrape();
  EXPECT_THAT(text, HasSubstr("wild_total{value=\"_other\"} 2952\n"));
  EXPECT_THAT(text, Not(HasSubstr("value=\"4999\"")));
}

TEST(Metrics, DeclaringTwiceYieldsTheSameFamily) {
  Metrics metrics(1);
  EXPECT_EQ(metrics.declare(counter("a_total", {})), metrics.declare(counter("a_total", {})));
}

TEST(Metrics, AsksCallbacksAtEachScrape) {
  Metrics metrics(1);
  double value = 1;
  metrics.on_scrape({.name = "pool_size",
                     .help = "help",
                     .kind = MetricKind::Gauge,
                     .labels = {"provider"},
                     .buckets = {}},
                    [&] { return std::vector<Sample>{{{"local"}, value}}; });
  EXPECT_THAT(metrics.scrape(), HasSubstr("pool_size{provider=\"local\"} 1\n"));
  value = 2;
  EXPECT_THAT(metrics.scrape(), HasSubstr("pool_size{provider=\"local\"} 2\n"));
}

TEST(Metrics, AsksForHistogramsWhenScraped) {
  Metrics metrics(1);
  metrics.on_scrape_histogram(
      {.name = "wait_seconds",
       .help = "help",
       .kind = MetricKind::Histogram,
       .labels = {"class"},
       .buckets = {1, 5}},
      [] {
        return std::vector<HistogramSample>{{.labels = {"low"}, .counts = {2, 1, 4}, .sum = 50}};
      });
  const std::string text = metrics.scrape();
  EXPECT_THAT(text, HasSubstr("# TYPE wait_seconds histogram\n"));
  EXPECT_THAT(text, HasSubstr("wait_seconds_bucket{class=\"low\",le=\"1\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("wait_seconds_bucket{class=\"low\",le=\"5\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("wait_seconds_bucket{class=\"low\",le=\"+Inf\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("wait_seconds_count{class=\"low\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("wait_seconds_sum{class=\"low\"} 50\n"));
}

TEST(Metrics, ReportsTheProcess) {
  Metrics metrics(1);
  add_process_metrics(metrics, "1.2.3");
  const std::string text = metrics.scrape();
  EXPECT_THAT(text, HasSubstr("headgate_build_info{version=\"1.2.3\"} 1\n"));
  for (const char* name : {"process_resident_memory_bytes ", "process_open_fds ",
                           "process_start_time_seconds ", "process_cpu_seconds_total "}) {
    const std::size_t at = text.find(std::string("\n") + name);
    ASSERT_NE(at, std::string::npos) << name;
    EXPECT_GT(std::stod(text.substr(text.find(' ', at + 1))), 0) << name;
  }
}

}  // namespace
}  // namespace headgate::observe
