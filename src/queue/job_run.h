#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/signal.h"
#include "queue/job_queue.h"
#include "queue/write_trouble.h"

namespace headgate::queue {

/// What a run of a job came to.
enum class RunEnd : std::uint8_t {
  Ended,    ///< the job has ended, here or elsewhere
  PutBack,  ///< the job waits on disk: `delay` says how long
  Left,     ///< the store did not let it be settled: the queue's look for lost jobs finds it
};

/// One turn of a job on one event loop: loads it, has it carried out, and writes what came of it.
///
/// The slot goes back as soon as no upstream works for the job any more, except while too much
/// waits to be written already. A job that is running on disk when it is loaded belongs to nobody
/// (the queue has one run of a job at a time): a begin or an end of its was in doubt, and its last
/// attempt counts as made.
class JobRun final : public model::AttemptLedger, private Deadline {
 public:
  enum class Stop : std::uint8_t { No, Cancelled, TimedOut, Expired, GatewayStops };

  /// What the runs of a queue share. Borrowed.
  struct Shared {
    const JobQueue::Parts& parts;
    JobWatch& watch;
    std::atomic<std::size_t> unwritten{0};  ///< bytes of ends that are on their way to disk
    WriteTrouble trouble{};
  };

  JobRun(Shared& shared, model::JobSeq seq, EventLoop& loop, std::unique_ptr<model::HeldSlot> slot)
      : shared_(shared), parts_(shared.parts), seq_(seq), loop_(loop), slot_(std::move(slot)) {}

  /// Once. An exception on the way fails the job.
  /// What it used is settled, or on its way to be, when the task ends.
  Task<RunEnd> run();

  /// Breaks off what is under way. On the run's loop.
  void stop(Stop why);
  EventLoop& loop() const { return loop_; }
  /// After RunEnd::PutBack.
  const stores::LoadedJob& loaded() const { return loaded_; }
  std::chrono::milliseconds delay() const { return delay_; }
  bool retried() const { return retried_; }

  Task<Result<void>> begin(std::string_view provider, std::string_view target) override;
  void failed(const Error& error) override;
  Task<Result<void>> remote(std::string_view id) override;
  const model::JobAttempt* under_way() const override;
  bool leaves_remote() const override { return stop_ == Stop::GatewayStops; }

 private:
  void on_deadline() override;
  Task<RunEnd> run_to_an_end();
  Task<RunEnd> proceed();
  Task<bool> load();
  Task<void> fail_unreadable(Error why);
  bool overdue() const;
  void prepare();
  Task<Result<std::string>> carry_out();
  Task<Result<void>> keep_deltas(std::vector<std::string> deltas);
  Task<Result<bool>> append(const std::vector<std::string>& deltas);
  Task<Result<bool>> deltas_are_there();
  Task<RunEnd> conclude(Result<std::string> result);
  Task<RunEnd> put_back(std::chrono::milliseconds delay);
  Task<RunEnd> finish(stores::JobEnding ending);
  enum class Whose : std::uint8_t { Ours, Others, Unknown };
  /// Of the end that stands in the way of ours, after a try that may have been written.
  Task<Result<Whose>> whose_end();
  Task<void> pause();
  /// After the `failures`-th failure of what must be written.
  Task<void> pause_after(const Error& error, std::size_t failures, WriteTrouble::Waiter& waiter);
  void tell_of_end() const;
  void end_attempt(std::string_view outcome, const std::string& error);
  stores::JobEnding failure(const Error& error, model::JobState state) const;

  Shared& shared_;
  const JobQueue::Parts& parts_;
  const model::JobSeq seq_;
  EventLoop& loop_;
  std::unique_ptr<model::HeldSlot> slot_;
  stores::LoadedJob loaded_;
  std::vector<model::JobAttempt> attempts_;
  std::int64_t fence_ = 0;
  std::int64_t last_event_ = 0;  // of the deltas that are known to be on disk
  model::RequestContext context_;
  Signal stopped_;
  std::chrono::milliseconds delay_{0};
  Stop stop_ = Stop::No;
  bool loads_ = false;  // `loaded_` is the job
  bool taken_ = false;  // on disk it runs, under `fence_`
  bool held_ = true;    // false: the store has given the job to somebody else, or ended it
  bool gateway_stops_ = false;
  bool end_tried_ = false;  // an end of ours may be on disk
  bool retried_ = false;
};

}  // namespace headgate::queue
