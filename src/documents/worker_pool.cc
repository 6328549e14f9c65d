#include "documents/worker_pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/event_loop.h"
#include "base/signal.h"
#include "documents/worker_process.h"

// One thread per worker, which does nothing but wait: for a page in the line, then for the worker.
// The line and the counters are shared under one mutex; a page under way belongs to the thread that
// took it, and goes back to its event loop as a posted notification.

namespace headgate::documents {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

constexpr Milliseconds kStartTimeout{30'000};
constexpr Milliseconds kFirstBackoff{100};
constexpr Milliseconds kLongestBackoff{30'000};
constexpr Milliseconds kInspectTimeout{20'000};
constexpr std::uint64_t kMostWorkerBytes = 1ULL << 30;  // then it is replaced
constexpr int kMostAttempts = 2;
constexpr int kNowhere = -1;

Error stopping() { return overloaded("The gateway is shutting down.", std::chrono::seconds(5)); }

Error no_worker() {
  return overloaded("The document workers are not running.", std::chrono::seconds(5));
}

/// One page in line or under way. Shared between the coroutine that waits and the thread that
/// serves it.
struct PageJob {
  JobMessage message;
  std::shared_ptr<const Document> document;
  SteadyTime deadline = SteadyTime::max();
  Milliseconds budget{0};
  EventLoop* loop = nullptr;
  std::atomic<bool> cancelled = false;
  int attempts = 0;
  int failed_at = kNowhere;  ///< the worker that lost it
  // Written before `done` is notified, read after.
  std::optional<Error> error;
  std::optional<Inspection> inspection;
  std::optional<model::PageReading> reading;
  Signal done;
};

using JobPointer = std::shared_ptr<PageJob>;

void finish(JobPointer job) {
  EventLoop* const loop = job->loop;
  loop->post([job = std::move(job)] { job->done.notify(); });
}

void finish(JobPointer job, Error error) {
  job->error = std::move(error);
  finish(std::move(job));
}

/// What a worker's answer to `job` means; false if the bytes are no answer.
template <class Value>
bool take_answer(std::optional<Answer<Value>> answer, std::optional<Value>& value,
                 std::optional<Error>& error) {
  if (!answer) {
    return false;
  }
  if (answer->value) {
    value = std::move(answer->value);
  } else {
    error = error_of(answer->refusal.failure, answer->refusal.figure);
  }
  return true;
}

bool take_answer(PageJob& job, std::string_view bytes) {
  return job.message.op == WorkerOp::Inspect
             ? take_answer(decode_inspection(bytes), job.inspection, job.error)
             : take_answer(decode_reading(bytes), job.reading, job.error);
}

Error page_timed_out() {
  Error error = timed_out("Reading the page took too long (documents.page_timeout).");
  error.code = "page_timeout";
  return error;
}

}  // namespace

struct WorkerPool::Impl {
  explicit Impl(WorkerPoolConfig given) : config(std::move(given)) {}

  /// A worker's place: its thread, and the process that is there now.
  struct Place {
    int wake = -1;  ///< eventfd
    bool idle = false;
    bool starting = true;
    bool failing = false;  ///< the last start went wrong
    JobPointer job;        ///< under way
    int process = -1;
    std::thread thread;
  };

  WorkerPoolConfig config;
  std::mutex mutex;  // guards everything below
  bool closing = false;
  std::deque<JobPointer> line;
  std::vector<Place> places;
  WorkerPoolCounters counters;
  std::vector<SandboxStatus> sandbox;
  std::uint64_t next_id = 1;
  std::condition_variable stopped;
  std::mutex stop_mutex;  // one stop() at a time joins

  // --- the line ---------------------------------------------------------------------------------

  void wake(Place& place) { ::eventfd_write(place.wake, 1); }

  /// Wakes one idle worker; under the mutex.
  void wake_one() {
    for (Place& place : places) {
      if (place.idle) {
        place.idle = false;
        wake(place);
        return;
      }
    }
  }

  bool none_can_serve() const {
    return std::all_of(places.begin(), places.end(),
                       [](const Place& place) { return place.failing; });
  }

  std::optional<Error> submit(const JobPointer& job) {
    const std::lock_guard lock(mutex);
    if (closing) {
      return stopping();
    }
    if (none_can_serve()) {
      return no_worker();
    }
    if (line.size() >= config.max_waiting) {
      return overloaded("Too many pages are waiting to be read.", Milliseconds(1000));
    }
    job->message.id = next_id++;
    line.push_back(job);
    wake_one();
    return std::nullopt;
  }

  /// Takes a waiting job out of the line or tells the worker that has it. True if it was waiting:
  /// then nobody else will finish it.
  bool withdraw(const JobPointer& job) {
    const std::lock_guard lock(mutex);
    job->cancelled = true;
    if (std::erase(line, job) > 0) {
      return true;
    }
    for (Place& place : places) {
      if (place.job == job) {
        wake(place);
      }
    }
    return false;
  }

  /// The next job for worker `index`: not one it has lost before, if another worker is up.
  JobPointer take(std::size_t index) {
    const bool others = std::any_of(places.begin(), places.end(), [&](const Place& place) {
      return &place != &places[index] && !place.failing;
    });
    for (auto at = line.begin(); at != line.end(); ++at) {
      if (others && (*at)->failed_at == static_cast<int>(index)) {
        continue;
      }
      JobPointer job = std::move(*at);
      line.erase(at);
      return job;
    }
    return nullptr;
  }

  // --- one worker's thread ----------------------------------------------------------------------

  std::unique_ptr<WorkerProcess> start_worker(std::size_t index, bool again) {
    const HelloMessage hello{.languages = config.documents.languages,
                             .max_pages = config.documents.max_pages,
                             .max_pixels = config.documents.max_pixels};
    auto worker = WorkerProcess::start(config.executable, hello, places[index].wake,
                                       Clock::now() + kStartTimeout);
    const std::lock_guard lock(mutex);
    Place& place = places[index];
    place.starting = false;
    place.failing = !worker.has_value();
    if (again) {
      ++counters.restarts;
    }
    if (!worker) {
      if (none_can_serve()) {
        fail_waiting(worker.error());
      } else {
        wake_one();  // what was kept for this worker may go to another
      }
      return nullptr;
    }
    place.process = (*worker)->id();
    sandbox = (*worker)->sandbox();
    ++counters.ready;
    return std::move(*worker);
  }

  void fail_waiting(const Error& error) {
    for (JobPointer& job : line) {
      finish(std::move(job), error);
    }
    line.clear();
  }

  /// Keeps one worker alive, with growing pauses between starts that lead to nothing.
  void keep_worker(std::size_t index) {
    ::pthread_setname_np(::pthread_self(), ("document-" + std::to_string(index)).c_str());
    Milliseconds backoff = kFirstBackoff;
    bool again = false;
    while (true) {
      drain_event(places[index].wake);  // of a page that is over
      if (is_closing()) {
        return;
      }
      auto worker = start_worker(index, std::exchange(again, true));
      const std::uint64_t served = worker ? serve(index, *worker) : 0;
      lose(index, worker != nullptr);
      worker.reset();
      backoff = served > 0 ? kFirstBackoff : std::min(backoff * 2, kLongestBackoff);
      if (served == 0) {
        pause(backoff);
      }
    }
  }

  bool is_closing() {
    const std::lock_guard lock(mutex);
    return closing;
  }

  void lose(std::size_t index, bool was_ready) {
    const std::lock_guard lock(mutex);
    places[index].process = -1;
    places[index].idle = false;
    if (was_ready) {
      --counters.ready;
    }
  }

  void pause(Milliseconds time) {
    std::unique_lock lock(mutex);
    stopped.wait_for(lock, time, [this] { return closing; });
  }

  /// Serves pages until the worker is lost, worn out or no longer wanted. How many it served.
  std::uint64_t serve(std::size_t index, WorkerProcess& worker) {
    std::uint64_t served = 0;
    while (served < config.recycle_after) {
      JobPointer job;
      {
        const std::lock_guard lock(mutex);
        if (closing) {
          return served + 1;
        }
        job = take(index);
        places[index].idle = !job;
        places[index].job = job;
        counters.busy += job ? 1 : 0;
      }
      if (!job) {
        if (!worker.wait_idle(places[index].wake)) {
          const std::lock_guard lock(mutex);
          ++counters.crashes;
          return served;
        }
        continue;
      }
      const bool usable = serve_page(index, worker, std::move(job));
      ++served;
      if (!usable) {
        return served;
      }
    }
    return served;
  }

  /// False if the worker must be replaced.
  bool serve_page(std::size_t index, WorkerProcess& worker, JobPointer job) {
    const auto started = Clock::now();
    const auto left = job->deadline == SteadyTime::max()
                          ? job->budget
                          : std::chrono::duration_cast<Milliseconds>(job->deadline - started);
    job->message.timeout_milliseconds =
        static_cast<std::uint32_t>(std::clamp(left, Milliseconds(1), job->budget).count());
    WorkerProcess::Outcome outcome =
        worker.run(*job->document, job->message, places[index].wake, job->cancelled);
    const bool answered = !outcome.worker_lost &&
                          outcome.done.ending == DoneMessage::Ending::Finished &&
                          take_answer(*job, outcome.answer);
    const auto taken = std::chrono::duration_cast<Milliseconds>(Clock::now() - started);
    {
      const std::lock_guard lock(mutex);
      places[index].job.reset();
      --counters.busy;
      account(*job, outcome, answered, taken);
    }
    if (answered) {
      finish(std::move(job));
    } else {
      give_up_or_repeat(index, std::move(job), outcome);
    }
    return !outcome.worker_lost && outcome.done.worker_bytes < kMostWorkerBytes;
  }

  void account(const PageJob& job, const WorkerProcess::Outcome& outcome, bool answered,
               Milliseconds taken) {
    using Ending = DoneMessage::Ending;
    counters.page_milliseconds += static_cast<std::uint64_t>(taken.count());
    const bool timed_out = outcome.done.ending == Ending::TimedOut;
    counters.timeouts += timed_out ? 1 : 0;
    const bool unasked = !answered && !timed_out && !job.cancelled;
    counters.crashes += unasked ? 1 : 0;
    if (job.message.op == WorkerOp::Inspect) {
      ++counters.inspections;
    } else if (answered) {
      ++(job.error ? counters.pages_failed : counters.pages_read);
    }
  }

  /// A page whose process ended without an answer: whose fault, and does it get another chance?
  void give_up_or_repeat(std::size_t index, JobPointer job, const WorkerProcess::Outcome& outcome) {
    using Ending = DoneMessage::Ending;
    if (job->cancelled) {
      finish(std::move(job), client_left());
      return;
    }
    if (!outcome.worker_lost && outcome.done.ending == Ending::TimedOut) {
      count_failure(*job);
      finish(std::move(job), page_timed_out());
      return;
    }
    const int signal = outcome.worker_lost ? SIGKILL : static_cast<int>(outcome.done.signal);
    // A forbidden system call would only be forbidden again.
    const bool worth_repeating = signal != SIGSYS && outcome.done.ending != Ending::Finished;
    ++job->attempts;
    if ((outcome.worker_lost || worth_repeating) && job->attempts < kMostAttempts) {
      job->failed_at = static_cast<int>(index);
      const std::lock_guard lock(mutex);
      if (!closing && !job->cancelled) {
        line.push_front(std::move(job));
        wake_one();
        return;
      }
    }
    count_failure(*job);
    finish(std::move(job),
           signal != 0 ? sandbox_killed(signal) : error_of(PageFailure::OutOfMemory, 0));
  }

  void count_failure(const PageJob& job) {
    const std::lock_guard lock(mutex);
    counters.pages_failed += job.message.op == WorkerOp::ReadPage ? 1 : 0;
  }

  // --- the coroutine's side ---------------------------------------------------------------------

  /// Waits for `job`; its error or its answer is set afterwards.
  Task<void> carry_out(JobPointer job, CancelSource& cancel) {
    job->loop = EventLoop::current();
    if (cancel.cancelled()) {
      job->error = client_left();
      co_return;
    }
    if (auto refused = submit(job)) {
      job->error = std::move(*refused);
      co_return;
    }
    const OnCancel on_cancel(cancel, [this, job] {
      if (withdraw(job)) {
        job->error = client_left();
        job->done.notify();
      }
    });
    if (job->deadline == SteadyTime::max()) {
      co_await job->done.wait();
      co_return;
    }
    const bool in_time = co_await job->done.wait_until(job->deadline);
    if (in_time) {
      co_return;
    }
    if (withdraw(job)) {
      job->error = timed_out("The time for this request passed before the page was read.");
      co_return;
    }
    co_await job->done.wait();
    if (job->error && job->error->kind == ErrorKind::ClientLeft && !cancel.cancelled()) {
      job->error = page_timed_out();
    }
  }
};

WorkerPool::WorkerPool(WorkerPoolConfig config) : impl_(std::make_unique<Impl>(std::move(config))) {
  Impl& pool = *impl_;
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  pool.places.resize(pool.config.workers != 0 ? pool.config.workers : cores);
  for (std::size_t i = 0; i < pool.places.size(); ++i) {
    pool.places[i].wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  }
  for (std::size_t i = 0; i < pool.places.size(); ++i) {
    pool.places[i].thread = std::thread([&pool, i] { pool.keep_worker(i); });
  }
}

WorkerPool::~WorkerPool() {
  stop();
  for (Impl::Place& place : impl_->places) {
    ::close(place.wake);
  }
}

void WorkerPool::stop() {
  const std::lock_guard stopping_once(impl_->stop_mutex);
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->closing = true;
    impl_->fail_waiting(stopping());
    for (Impl::Place& place : impl_->places) {
      if (place.job) {
        place.job->cancelled = true;
      }
      impl_->wake(place);
    }
  }
  impl_->stopped.notify_all();
  for (Impl::Place& place : impl_->places) {
    if (place.thread.joinable()) {
      place.thread.join();
    }
  }
}

Task<Result<Inspection>> WorkerPool::inspect(std::shared_ptr<const Document> document,
                                             SteadyTime deadline, CancelSource& cancel) {
  auto job = std::make_shared<PageJob>();
  job->message.op = WorkerOp::Inspect;
  job->document = std::move(document);
  job->deadline = deadline;
  job->budget = std::min(kInspectTimeout, impl_->config.documents.page_timeout);
  co_await impl_->carry_out(job, cancel);
  if (job->error) {
    co_return fail(std::move(*job->error));
  }
  co_return std::move(*job->inspection);
}

Task<Result<model::PageReading>> WorkerPool::read_page(std::shared_ptr<const Document> document,
                                                       std::uint32_t number, ReadOptions options,
                                                       CancelSource& cancel) {
  auto job = std::make_shared<PageJob>();
  job->message.op = WorkerOp::ReadPage;
  job->message.page = number;
  job->message.resolution = options.resolution;
  job->message.text_layer = options.text_layer;
  job->message.languages = std::move(options.languages);
  job->document = std::move(document);
  job->deadline = options.deadline;
  job->budget = impl_->config.documents.page_timeout;
  co_await impl_->carry_out(job, cancel);
  if (job->error) {
    co_return fail(std::move(*job->error));
  }
  co_return std::move(*job->reading);
}

unsigned WorkerPool::workers() const { return static_cast<unsigned>(impl_->places.size()); }

WorkerPoolCounters WorkerPool::counters() const {
  const std::lock_guard lock(impl_->mutex);
  WorkerPoolCounters counters = impl_->counters;
  counters.waiting = impl_->line.size();
  counters.starting =
      static_cast<std::uint64_t>(std::ranges::count(impl_->places, true, &Impl::Place::starting));
  return counters;
}

std::vector<SandboxStatus> WorkerPool::sandbox() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->sandbox;
}

std::vector<int> WorkerPool::process_ids() const {
  const std::lock_guard lock(impl_->mutex);
  std::vector<int> ids;
  for (const Impl::Place& place : impl_->places) {
    if (place.process > 0) {
      ids.push_back(place.process);
    }
  }
  return ids;
}

}  // namespace headgate::documents
