#include "queue/job_queue.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/ids.h"
#include "base/signal.h"
#include "model/job_id.h"
#include "observe/log.h"
#include "queue/delayed_jobs.h"
#include "queue/job_run.h"
#include "queue/retention.h"

namespace headgate::queue {
namespace {

namespace log = observe::log;

/// Jobs that one step of housekeeping ends: small, so that the writer is never held up.
constexpr std::size_t kStep = 100;

Arrival arrival_of(const model::Job& job, SteadyTime at) {
  return {.ticket = job.seq,
          .priority = job.priority,
          .owner = job.owner,
          .client = job.client_id,
          .work = job.work,
          .at = at};
}

/// The record of a job that has just been accepted.
model::Job job_of(const model::JobRequest& request, const model::JobId& id,
                  std::int64_t created_at) {
  model::Job job;
  job.seq = id.seq;
  job.id = id.text();
  job.owner = request.principal.id;
  job.client_id = request.client_id;
  job.kind = request.kind;
  job.model = request.model;
  job.priority = request.priority;
  job.work = request.work;
  job.max_attempts = request.max_attempts;
  job.created_at = created_at;
  job.start_by = request.start_by;
  job.finish_by = request.finish_by;
  job.request_id = request.request_id;
  job.traceparent = request.traceparent;
  job.webhook_url = request.webhook_url;
  return job;
}

Arrival arrival_of(const stores::WaitingJob& job, SteadyTime now, std::int64_t unix_now) {
  const auto age = std::chrono::milliseconds(std::max<std::int64_t>(0, unix_now - job.created_at));
  return {.ticket = job.seq,
          .priority = job.priority,
          .owner = job.owner,
          .client = job.client_id,
          .work = job.work,
          .at = now - age};
}

}  // namespace

struct JobQueue::Impl {
  explicit Impl(JobQueue& owner)
      : queue(owner),
        parts(owner.parts_),
        shared{.parts = owner.parts_, .watch = owner.watch_},
        lost(*owner.parts_.jobs, owner.parts_.pauses.lost),
        retention(*parts.jobs, *parts.clock,
                  [this](std::string_view model) { return parts.settings(model).retention; }) {}

  class Place;

  JobQueue& queue;
  const Parts& parts;
  JobRun::Shared shared;
  LostJobs lost;
  model::JobIds ids;
  std::atomic<std::uint64_t> submitted{0};
  std::atomic<std::uint64_t> finished{0};
  std::atomic<std::uint64_t> retried{0};
  std::atomic<std::size_t> next_loop{0};

  std::mutex mutex;  // guards the fields below
  std::unordered_map<model::JobSeq, JobRun*> running;
  DelayedJobs delayed;
  bool stopping = false;
  bool keeping_house = false;
  std::condition_variable changed;

  Signal wake;  // on the first loop
  Retention retention;
  SteadyTime forget_at{};

  /// Needs the mutex.
  void break_off(const JobRun& run, model::JobSeq seq, JobRun::Stop why);
  void start_run(model::JobSeq seq, std::unique_ptr<model::HeldSlot> slot);
  Task<void> carry(model::JobSeq seq, EventLoop& loop, std::unique_ptr<model::HeldSlot> slot);
  void delay(DelayedJob job, std::chrono::milliseconds wait);
  void forget_delayed(const model::Job& job);
  void restore(const stores::WaitingJob& job);
  void restore_due(SteadyTime now);
  bool knows(const stores::WaitingJob& job);
  SteadyTime next_look(SteadyTime now);
  Task<void> keep_house();
  enum class Left : std::uint8_t { None, Some };
  Task<Left> clean(SteadyTime now);
  Task<Left> end_overdue();
  Task<void> find_lost(SteadyTime now);
  bool stops() {
    const std::lock_guard lock(mutex);
    return stopping;
  }
};

/// A run in the table of those that run, while this lives. On the run's loop.
class JobQueue::Impl::Place final {
 public:
  Place(Impl& impl, model::JobSeq seq, JobRun& run) : impl_(impl), seq_(seq) {
    const std::lock_guard lock(impl_.mutex);
    // One that waits for its next attempt has come into the line by mistake: its time will come.
    taken_ = !impl_.stopping && !impl_.delayed.has(seq) && impl_.running.emplace(seq, &run).second;
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { leave(); }

  bool taken() const { return taken_; }
  void leave() {
    if (std::exchange(taken_, false)) {
      const std::lock_guard lock(impl_.mutex);
      impl_.running.erase(seq_);
      impl_.changed.notify_all();
    }
  }

 private:
  Impl& impl_;
  const model::JobSeq seq_;
  bool taken_ = false;
};

void JobQueue::Impl::break_off(const JobRun& run, model::JobSeq seq, JobRun::Stop why) {
  // On its own loop, and only if it still runs by then. A run leaves the table on that loop too.
  run.loop().post([this, seq, why] {
    JobRun* still = nullptr;
    {
      const std::lock_guard lock(mutex);
      const auto found = running.find(seq);
      still = found == running.end() ? nullptr : found->second;
    }
    if (still != nullptr) {
      still->stop(why);
    }
  });
}

void JobQueue::Impl::start_run(model::JobSeq seq, std::unique_ptr<model::HeldSlot> slot) {
  EventLoop& loop = *parts.loops[next_loop.fetch_add(1) % parts.loops.size()];
  loop.post([this, seq, &loop, held = std::move(slot)]() mutable {
    loop.spawn(carry(seq, loop, std::move(held)));
  });
}

Task<void> JobQueue::Impl::carry(model::JobSeq seq, EventLoop& loop,
                                 std::unique_ptr<model::HeldSlot> slot) {
  JobRun run(shared, seq, loop, std::move(slot));
  Place place(*this, seq, run);
  if (!place.taken()) {
    co_return;  // on disk it waits for the next start
  }
  RunEnd end = RunEnd::Left;
  try {
    end = co_await run.run();
  } catch (const std::exception& error) {
    log::error("the run of a job broke down", {{"seq", seq}, {"cause", error.what()}});
  }
  // Before it waits in line again: its next turn may come on another loop at once.
  place.leave();
  if (end == RunEnd::PutBack) {
    retried += run.retried() ? 1 : 0;
    const model::Job& job = run.loaded().job;
    delay({.model = job.model, .arrival = arrival_of(job, parts.clock->steady())}, run.delay());
  } else if (end == RunEnd::Ended) {
    ++finished;
  }
}

void JobQueue::Impl::delay(DelayedJob job, std::chrono::milliseconds wait) {
  const std::string model = job.model;
  {
    const std::lock_guard lock(mutex);
    if (stopping || !delayed.add(parts.clock->steady() + wait, std::move(job))) {
      return;
    }
    parts.lines->set_aside(model);  // before anybody can take it back
  }
  parts.loops.front()->post([this] { wake.notify(); });
}

/// For a job that has ended while it waited for its next attempt.
void JobQueue::Impl::forget_delayed(const model::Job& job) {
  bool waited = false;
  {
    const std::lock_guard lock(mutex);
    waited = delayed.remove(job.seq);
  }
  if (waited) {
    parts.lines->take_back(job.model);
  }
}

/// For a job that is on disk and nowhere else.
void JobQueue::Impl::restore(const stores::WaitingJob& job) {
  const std::int64_t unix_now = unix_ms(*parts.clock);
  Arrival arrival = arrival_of(job, parts.clock->steady(), unix_now);
  if (job.not_before > unix_now) {
    delay({.model = job.model, .arrival = std::move(arrival)},
          std::chrono::milliseconds(job.not_before - unix_now));
    return;
  }
  parts.lines->restore_job(job.model, std::move(arrival));
}

void JobQueue::Impl::restore_due(SteadyTime now) {
  std::vector<DelayedJob> due;
  {
    const std::lock_guard lock(mutex);
    due = delayed.take(now);
  }
  for (DelayedJob& job : due) {
    parts.lines->restore_job(job.model, std::move(job.arrival));
    parts.lines->take_back(job.model);
  }
}

bool JobQueue::Impl::knows(const stores::WaitingJob& job) {
  if (parts.lines->waits(job.model, job.seq)) {
    return true;
  }
  const std::lock_guard lock(mutex);
  return running.contains(job.seq) || delayed.has(job.seq);
}

/// In the loop's time, which the clock need not have.
SteadyTime JobQueue::Impl::next_look(SteadyTime now) {
  std::chrono::nanoseconds wait = parts.pauses.house;
  const auto no_later = [&](SteadyTime at) {
    wait = std::min(wait, std::max(at - now, std::chrono::nanoseconds(0)));
  };
  no_later(forget_at);
  {
    const std::lock_guard lock(mutex);
    if (const auto due = delayed.next()) {
      no_later(*due);
    }
  }
  return std::chrono::steady_clock::now() + wait;
}

Task<void> JobQueue::Impl::keep_house() {
  SteadyTime clean_at{};
  while (!stops()) {
    const SteadyTime now = parts.clock->steady();
    restore_due(now);
    try {
      if (now >= clean_at) {
        clean_at = now + parts.pauses.house;  // also if this breaks down
        const Left left = co_await clean(now);
        clean_at = left == Left::Some ? now : clean_at;
      }
      if (now >= forget_at) {
        forget_at = co_await retention.step();
      }
    } catch (const std::exception& error) {
      log::error("the queue's housekeeping broke down", {{"cause", error.what()}});
    }
    if (clean_at > now) {
      co_await wake.wait_until(next_look(parts.clock->steady()));
    }
  }
  {
    const std::lock_guard lock(mutex);
    keeping_house = false;
  }
  changed.notify_all();
}

Task<JobQueue::Impl::Left> JobQueue::Impl::clean(SteadyTime now) {
  const Left left = co_await end_overdue();
  co_await find_lost(now);
  co_return left;
}

Task<void> JobQueue::Impl::find_lost(SteadyTime now) {
  const auto found =
      co_await lost.step(now, [this](const stores::WaitingJob& job) { return knows(job); });
  for (const stores::WaitingJob& job : found) {
    log::warning("a job was in no line and is taken up again", {{"seq", job.seq}});
    restore(job);
  }
}

/// One step, so that other changes have their turn in between.
Task<JobQueue::Impl::Left> JobQueue::Impl::end_overdue() {
  auto expired = co_await parts.jobs->expire(unix_ms(*parts.clock), kStep);
  if (!expired) {
    co_return Left::None;  // the store says so itself wherever it matters
  }
  for (const model::Job& job : *expired) {
    parts.lines->leave(job.model, job.seq);
    forget_delayed(job);
    queue.watch_.notify(job.seq);
    if (!job.webhook_url.empty()) {
      parts.webhook_due();
    }
  }
  co_return expired->size() == kStep ? Left::Some : Left::None;
}

JobQueue::JobQueue(Parts parts) : parts_(std::move(parts)), impl_(std::make_unique<Impl>(*this)) {
  parts_.lines->on_job([this](model::JobSeq seq, std::unique_ptr<model::HeldSlot> slot) {
    impl_->start_run(seq, std::move(slot));
  });
}

JobQueue::~JobQueue() { parts_.lines->on_job(nullptr); }

Result<stores::Recovery> JobQueue::start() {
  auto recovery = parts_.jobs->recover(unix_ms(*parts_.clock));
  if (!recovery) {
    return recovery;
  }
  impl_->ids.start_after(recovery->newest);
  auto listed =
      parts_.jobs->each_waiting([&](const stores::WaitingJob& job) { impl_->restore(job); });
  if (!listed) {
    return fail(listed.error());
  }
  impl_->keeping_house = true;
  parts_.loops.front()->post([this] { parts_.loops.front()->spawn(impl_->keep_house()); });
  if (recovery->requeued + recovery->failed != 0) {
    log::warning("jobs were under way when the gateway ended",
                 {{"run_again", std::to_string(recovery->requeued)},
                  {"failed", std::to_string(recovery->failed)}});
  }
  return recovery;
}

void JobQueue::begin_stop() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  parts_.loops.front()->post([this] { impl_->wake.notify(); });
}

bool JobQueue::stop(SteadyTime until) {
  begin_stop();
  std::unique_lock lock(impl_->mutex);
  const auto idle = [this] { return impl_->running.empty() && !impl_->keeping_house; };
  const bool clean = impl_->changed.wait_until(lock, until, idle);
  if (!clean) {
    for (const auto& [seq, run] : impl_->running) {
      impl_->break_off(*run, seq, JobRun::Stop::GatewayStops);
    }
    impl_->changed.wait_for(lock, parts_.pauses.put_back, idle);
  }
  return clean;
}

Task<Result<JobQueue::Accepted>> JobQueue::submit(model::JobRequest request,
                                                  std::optional<stores::IdempotencyClaim> claim) {
  auto room = parts_.lines->claim_backlog(request.model);
  if (!room) {
    co_return fail(room.error());
  }
  request.max_attempts = std::max(1U, parts_.settings(request.model).max_attempts);
  const SteadyTime at = parts_.clock->steady();
  stores::NewJob fresh;
  fresh.created_at = unix_ms(*parts_.clock);
  fresh.id = impl_->ids.next(fresh.created_at, random_bits());
  model::Job job = job_of(request, fresh.id, fresh.created_at);
  fresh.request = std::move(request);
  fresh.idempotency = claim;
  auto submitted = co_await parts_.jobs->submit(std::move(fresh));
  if (!submitted) {
    parts_.lines->drop_claim(job.model);
    co_return fail(submitted.error());
  }
  if (submitted->replayed) {
    parts_.lines->drop_claim(job.model);
    auto earlier = co_await parts_.jobs->find(submitted->id, "");
    if (!earlier) {
      co_return fail(earlier.error());
    }
    co_return Accepted{.job = std::move(*earlier), .replayed = true};
  }
  ++impl_->submitted;
  parts_.lines->add_job(job.model, arrival_of(job, at));
  co_return Accepted{.job = std::move(job)};
}

Task<Result<model::Job>> JobQueue::cancel(std::string id, std::string owner) {
  auto job = co_await parts_.jobs->cancel(std::move(id), std::move(owner), unix_ms(*parts_.clock));
  if (!job || job->state != model::JobState::Cancelled) {
    co_return job;
  }
  parts_.lines->leave(job->model, job->seq);
  impl_->forget_delayed(*job);
  {
    const std::lock_guard lock(impl_->mutex);
    const auto found = impl_->running.find(job->seq);
    if (found != impl_->running.end()) {
      impl_->break_off(*found->second, job->seq, JobRun::Stop::Cancelled);
    }
  }
  watch_.notify(job->seq);
  if (!job->webhook_url.empty()) {
    parts_.webhook_due();
  }
  co_return job;
}

bool JobQueue::at_rest() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->running.empty() && !impl_->keeping_house;
}

JobQueueStats JobQueue::stats() const {
  JobQueueStats stats{
      .submitted = impl_->submitted, .finished = impl_->finished, .retried = impl_->retried};
  stats.unwritten = impl_->shared.trouble.lasting();
  stats.write_failures = impl_->shared.trouble.failures();
  const std::lock_guard lock(impl_->mutex);
  stats.running = impl_->running.size();
  stats.delayed = impl_->delayed.size();
  return stats;
}

}  // namespace headgate::queue
