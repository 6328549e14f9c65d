#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "model/request_context.h"
#include "observe/log.h"
#include "observe/outcome.h"

namespace headgate::observe {

class Metrics;

struct RequestLogOptions {
  std::size_t loops = 1;
  log::Format format = log::Format::Auto;  ///< Auto: text on a terminal, JSON lines elsewhere
  log::Level level = log::Level::Info;     ///< Warning: only 4xx and 5xx; Error: only 5xx
  int fd = 1;                              ///< stdout
  std::string path;                        ///< if set, this file is appended to instead of `fd`
  std::size_t ring_slots = 4096;           ///< lines that may wait per loop, 1 KiB each
};

/// One line for each request: who, what, where to, how long; never a prompt, a key, a document or a
/// query string.
///
/// `record` copies a compact record into the calling thread's ring (see shard.h); one background
/// thread formats and writes. When rings are full or the destination takes nothing, lines are
/// dropped and counted, and a warning goes to the general log at most once a minute.
class RequestLog final {
 public:
  explicit RequestLog(RequestLogOptions options);
  /// Calls stop().
  ~RequestLog();
  RequestLog(const RequestLog&) = delete;
  RequestLog& operator=(const RequestLog&) = delete;

  /// Notes one finished request. Any thread; does not block, allocate or fail.
  void record(const model::RequestContext& context, const Outcome& outcome);

  void set_level(log::Level level);
  /// Lines lost so far.
  std::uint64_t dropped() const;
  /// Registers headgate_log_lines_dropped_total; scrapes must end before this log dies.
  void add_metrics(Metrics& metrics) const;
  /// Opens `path` again (after log rotation) before the next line. Nothing to do for stdout.
  void reopen();
  /// Writes what is waiting, for at most two seconds, then ends the thread. Later records are
  /// dropped. A second call does nothing.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headgate::observe
