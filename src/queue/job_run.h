#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "queue/job_queue.h"

namespace headgate::queue {

/// What a run of a job came to.
enum class RunEnd : std::uint8_t {
  Ended,    ///< the job has ended, here or elsewhere
  PutBack,  ///< the job waits on disk: `delay` says how long
};

/// One turn of a job on one event loop: loads it, has it carried out, and writes what came of it.
class JobRun final : public model::AttemptLedger, private Deadline {
 public:
  enum class Stop : std::uint8_t { No, Cancelled, TimedOut, Expired, GatewayStops };

  /// Borrows all.
  JobRun(const JobQueue::Parts& parts, JobWatch& watch, model::JobSeq seq, EventLoop& loop)
      : parts_(parts), watch_(watch), seq_(seq), loop_(loop) {}

  Task<RunEnd> run();

  /// Breaks off what is under way. On the run's loop.
  void stop(Stop why);
  EventLoop& loop() const { return loop_; }
  /// After RunEnd::PutBack.
  const stores::LoadedJob& loaded() const { return loaded_; }
  std::chrono::milliseconds delay() const { return delay_; }
  bool retried() const { return retried_; }

  Task<Result<void>> begin(std::string_view provider, std::string_view target) override;

 private:
  void on_deadline() override;
  void prepare();
  Task<Result<std::string>> carry_out();
  Task<Result<void>> keep_deltas(std::vector<std::string> deltas);
  Task<RunEnd> conclude(Result<std::string> result);
  Task<RunEnd> put_back(std::chrono::milliseconds delay);
  Task<RunEnd> finish(stores::JobEnding ending);
  void end_attempt(std::string_view outcome, const std::string& error);
  stores::JobEnding failure(const Error& error, model::JobState state) const;

  const JobQueue::Parts& parts_;
  JobWatch& watch_;
  const model::JobSeq seq_;
  EventLoop& loop_;
  stores::LoadedJob loaded_;
  std::vector<model::JobAttempt> attempts_;
  std::int64_t fence_ = 0;
  model::RequestContext context_;
  std::chrono::milliseconds delay_{0};
  Stop stop_ = Stop::No;
  bool held_ = true;  // false: the store has given the job to somebody else, or ended it
  bool retried_ = false;
};

}  // namespace headgate::queue
