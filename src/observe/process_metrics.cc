#include <cstdio>
#include <ctime>
#include <fstream>
#include <sstream>
#include <string>

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include "observe/metrics.h"

namespace headgate::observe {
namespace {

double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double total = 0;
  double resident = 0;
  file >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double open_descriptors() {
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr) {
    return 0;
  }
  double count = -3;                    // ".", ".." and the descriptor that reads the folder
  while (readdir(folder) != nullptr) {  // NOLINT(concurrency-mt-unsafe): the stream is our own
    count += 1;
  }
  closedir(folder);
  return count;
}

double max_descriptors() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<double>(limit.rlim_cur);
}

double cpu_seconds() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

/// Unix seconds: boot time plus field 22 of /proc/self/stat, which counts ticks since boot.
double start_seconds() {
  std::ifstream file("/proc/self/stat");
  std::string text;
  std::getline(file, text);
  std::istringstream fields(text.substr(text.rfind(')') + 1));  // the name may hold spaces
  std::string skipped;
  for (int field = 3; field < 22; ++field) {
    fields >> skipped;
  }
  double ticks = 0;
  fields >> ticks;
  double boot = 0;
  std::ifstream stat("/proc/stat");
  while (std::getline(stat, text)) {
    if (text.starts_with("btime ")) {
      boot = std::stod(text.substr(6));
    }
  }
  return boot + ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

void add_one(Metrics& metrics, MetricKind kind, const char* name, const char* help,
             double (*read)()) {
  metrics.on_scrape({.name = name, .help = help, .kind = kind, .labels = {}, .buckets = {}},
                    [read] { return std::vector<Sample>{{{}, read()}}; });
}

}  // namespace

void add_process_metrics(Metrics& metrics, std::string version) {
  add_one(metrics, MetricKind::Gauge, "process_resident_memory_bytes", "Resident memory size",
          &resident_bytes);
  add_one(metrics, MetricKind::Gauge, "process_open_fds", "Open file descriptors",
          &open_descriptors);
  add_one(metrics, MetricKind::Gauge, "process_max_fds", "Limit of open file descriptors",
          &max_descriptors);
  add_one(metrics, MetricKind::Counter, "process_cpu_seconds_total",
          "User and system CPU time of the process", &cpu_seconds);
  const double started = start_seconds();
  metrics.on_scrape({.name = "process_start_time_seconds",
                     .help = "Start of the process in seconds since the epoch",
                     .kind = MetricKind::Gauge,
                     .labels = {},
                     .buckets = {}},
                    [started] { return std::vector<Sample>{{{}, started}}; });
  metrics.on_scrape({.name = "headgate_build_info",
                     .help = "Always 1; the version is a label",
                     .kind = MetricKind::Gauge,
                     .labels = {"version"},
                     .buckets = {}},
                    [version = std::move(version)] { return std::vector<Sample>{{{version}, 1}}; });
}

}  // namespace headgate::observe
