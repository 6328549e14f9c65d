#include "queue/job_run.h"

#include <algorithm>
#include <random>
#include <utility>

#include "base/clock.h"
#include "base/encoding.h"
#include "observe/log.h"
#include "queue/retry.h"

namespace headgate::queue {
namespace {

namespace log = observe::log;
using model::JobState;

/// How often the end of a run is tried to be written once the gateway stops: the next start finds
/// the job as it is and takes it up.
constexpr std::size_t kTriesWhileStopping = 4;
/// How often a job is tried to be read before its slot goes to others.
constexpr int kLoadTries = 4;
/// Ends that wait to be written keep their slots beyond this: a disk that takes small changes but
/// no results must not fill the memory.
constexpr std::size_t kMaxUnwritten = 128U << 20U;
/// What an end is, its result aside.
constexpr std::size_t kSmallEnd = 4U << 10U;
constexpr std::size_t kEventPage = 256;
constexpr double kMicro = 1e6;

std::string error_json(const Error& error) {
  std::string json = R"({"message":)" + json_quote(error.message) + R"(,"type":")" +
                     std::string(wire_type(error.kind)) + R"(","param":)" +
                     (error.param.empty() ? "null" : json_quote(error.param)) + R"(,"code":)" +
                     json_quote(wire_code(error));
  if (!error.details_json.empty()) {
    json.append(R"(,"details":)").append(error.details_json);
  }
  return json.append("}");
}

/// To whom the job belongs it is one failure, however the last attempt failed.
Error attempts_spent(Error error) {
  if (error.origin == Origin::Upstream) {
    error.kind = ErrorKind::UpstreamFailed;
    error.code.clear();
  }
  return error;
}

Error expired_before_it_ran() {
  Error error = timed_out("The job's time was over before it could run.");
  error.code = "expired";
  return error;
}

/// Counts bytes while it lives.
class Counted {
 public:
  Counted(std::atomic<std::size_t>& sum, std::size_t bytes)
      : sum_(sum), bytes_(bytes), all_(sum.fetch_add(bytes) + bytes) {}
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { sum_ -= bytes_; }
  /// With what was counted before.
  std::size_t all() const { return all_; }

 private:
  std::atomic<std::size_t>& sum_;
  const std::size_t bytes_;
  const std::size_t all_;
};

double random_fraction() {
  thread_local std::minstd_rand generator(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

}  // namespace

void JobRun::stop(Stop why) {
  gateway_stops_ = gateway_stops_ || why == Stop::GatewayStops;
  stopped_.notify();
  if (stop_ == Stop::No) {
    stop_ = why;
    context_.cancel.cancel();
  }
}

void JobRun::on_deadline() {
  const auto finish_by = loaded_.job.finish_by;
  stop(finish_by && unix_ms(*parts_.clock) >= *finish_by ? Stop::Expired : Stop::TimedOut);
}

Task<RunEnd> JobRun::run() {
  struct Settle {
    std::unique_ptr<model::Spending>& spending;
    ~Settle() { spending.reset(); }
  };
  const Settle at_the_end{context_.spending};
  co_return co_await run_to_an_end();
}

Task<RunEnd> JobRun::run_to_an_end() {
  std::string bug;
  try {
    co_return co_await proceed();
  } catch (const std::exception& error) {
    bug = error.what();
  }
  disarm();
  slot_.reset();
  log::error("the run of a job broke down", {{"job", loaded_.job.id}, {"cause", bug}});
  if (!loads_) {
    co_return RunEnd::Left;
  }
  const Error error = internal_error(std::move(bug));
  end_attempt(wire_code(error), error.message);
  co_return co_await finish(failure(error, JobState::Failed));
}

Task<RunEnd> JobRun::proceed() {
  const bool there = co_await load();
  if (!there) {
    co_return held_ ? RunEnd::Left : RunEnd::Ended;
  }
  if (is_terminal(loaded_.job.state) || stop_ == Stop::Cancelled) {
    shared_.watch.notify(seq_);
    co_return RunEnd::Ended;
  }
  if (overdue()) {
    slot_.reset();
    end_attempt("interrupted", "It is not known how this attempt ended.");
    co_return co_await finish(failure(expired_before_it_ran(), JobState::Expired));
  }
  const bool goes_on = under_way() != nullptr;
  if (!goes_on) {
    end_attempt("interrupted", "It is not known how this attempt ended.");
  }
  if (!goes_on && attempts_.size() >= loaded_.job.max_attempts) {
    slot_.reset();
    co_return co_await finish(failure(
        upstream_failed("No attempt is left.", "the last one was interrupted"), JobState::Failed));
  }
  prepare();
  auto result = co_await carry_out();
  disarm();
  {
    // Its bytes go, not only its content: it may be large, and many may wait to write.
    const model::JobRequest dropped = std::move(loaded_.request);
  }
  const Counted unwritten(shared_.unwritten, kSmallEnd + (result ? result->size() : 0));
  if (unwritten.all() <= kMaxUnwritten) {
    slot_.reset();
  }
  co_return co_await conclude(std::move(result));
}

/// False if there is nothing to run: then `held_` says whether the job has yet to end.
Task<bool> JobRun::load() {
  for (int tries = 1;; ++tries) {
    auto loaded = co_await parts_.jobs->load(seq_);
    if (loaded) {
      loaded_ = std::move(*loaded);
      fence_ = loaded_.job.fence;
      attempts_ = loaded_.job.attempts;
      taken_ = loaded_.job.state == JobState::Running;
      loads_ = true;
      co_return true;
    }
    if (loaded.error().kind == ErrorKind::NotFound) {
      held_ = false;
      co_return false;
    }
    if (!is_passing(loaded.error())) {
      slot_.reset();
      co_await fail_unreadable(std::move(loaded.error()));
      co_return false;
    }
    if (stop_ != Stop::No || tries == kLoadTries) {
      co_return false;
    }
    co_await pause();
  }
}

/// What belongs to the job is gone or damaged, and will be the next time.
Task<void> JobRun::fail_unreadable(Error why) {
  log::error("a job cannot be read", {{"seq", seq_}, {"cause", why.detail}});
  auto job = co_await parts_.jobs->find(seq_);
  if (!job) {
    co_return;
  }
  loaded_.job = std::move(*job);
  if (!is_terminal(loaded_.job.state)) {
    fence_ = loaded_.job.fence;
    attempts_ = loaded_.job.attempts;
    end_attempt("interrupted", "It is not known how this attempt ended.");
    why.message = "The job's request can no longer be read.";
    const RunEnd end = co_await finish(failure(why, JobState::Failed));
    held_ = end != RunEnd::Ended;
    co_return;
  }
  held_ = false;
}

bool JobRun::overdue() const {
  const model::Job& job = loaded_.job;
  const std::int64_t now = unix_ms(*parts_.clock);
  return (job.finish_by && now >= *job.finish_by) ||
         (job.start_by && !job.started_at && now >= *job.start_by);
}

void JobRun::prepare() {
  const model::JobRequest& request = loaded_.request;
  context_.request_id = request.request_id;
  context_.traceparent = request.traceparent;
  context_.client_id = request.client_id;
  context_.principal = std::make_shared<const model::Principal>(request.principal);
  context_.priority = request.priority;
  context_.started = parts_.clock->steady();
  context_.ledger = this;
  auto limit = parts_.settings(loaded_.job.model).timeout;
  if (loaded_.job.finish_by) {
    limit =
        std::min(limit, std::chrono::milliseconds(*loaded_.job.finish_by - unix_ms(*parts_.clock)));
  }
  loop_.arm(*this,
            std::chrono::steady_clock::now() + std::max(limit, std::chrono::milliseconds(0)));
}

Task<Result<std::string>> JobRun::carry_out() {
  const DeltaSink sink = [this](std::vector<std::string> deltas) {
    return keep_deltas(std::move(deltas));
  };
  std::string bug;
  try {
    co_return co_await parts_.runner->run(loaded_.request, context_, sink);
  } catch (const std::exception& error) {
    bug = error.what();
  }
  co_return fail(internal_error(std::move(bug)));
}

void JobRun::failed(const Error& error) {
  if (leaves_remote() && under_way() != nullptr) {
    return;  // it did not fail: it is left alone
  }
  end_attempt(wire_code(error), error.message);
}

const model::JobAttempt* JobRun::under_way() const {
  return model::is_under_way_remotely(attempts_) ? &attempts_.back() : nullptr;
}

Task<Result<void>> JobRun::remote(std::string_view id) {
  attempts_.back().remote_id = id;
  auto noted = co_await parts_.jobs->note_attempts(seq_, fence_, attempts_);
  if (!noted) {
    attempts_.back().remote_id.clear();
    held_ = noted.error().kind != ErrorKind::Conflict;
  }
  co_return noted;
}

Task<Result<void>> JobRun::begin(std::string_view provider, std::string_view target) {
  const model::JobAttempt* const earlier = under_way();
  const bool goes_on =
      earlier != nullptr && earlier->provider == provider && earlier->target == target;
  if (!goes_on) {
    end_attempt("failed", "");
  }
  if (overdue()) {
    stop(Stop::Expired);
  }
  if (stop_ != Stop::No) {
    co_return fail(client_left());
  }
  if (!goes_on && attempts_.size() >= loaded_.job.max_attempts) {
    co_return fail(upstream_failed("No attempt is left."));
  }
  if (!goes_on) {
    attempts_.push_back({.n = static_cast<std::uint32_t>(attempts_.size() + 1),
                         .provider = std::string(provider),
                         .target = std::string(target),
                         .started_at = unix_ms(*parts_.clock)});
  }
  auto begun = co_await parts_.jobs->begin_attempt(seq_, fence_, attempts_);
  if (!begun) {
    if (!goes_on) {
      attempts_.pop_back();
    }
    held_ = begun.error().kind != ErrorKind::Conflict;
    co_return fail(begun.error());
  }
  fence_ = *begun;
  taken_ = true;
  if (!loaded_.job.started_at) {
    loaded_.job.started_at = attempts_.back().started_at;
  }
  shared_.watch.notify(seq_);
  if (stop_ != Stop::No) {
    if (!goes_on) {
      attempts_.pop_back();  // it is not made: nobody calls before this has returned
    }
    co_return fail(client_left());
  }
  co_return Result<void>{};
}

/// While the disk is full or broken the upstream waits: what it says next is not asked for.
Task<Result<void>> JobRun::keep_deltas(std::vector<std::string> deltas) {
  bool in_doubt = false;
  while (true) {
    Result<bool> kept = false;
    if (in_doubt) {
      kept = co_await deltas_are_there();
    }
    if (kept && !*kept) {
      kept = co_await append(deltas);
    }
    if (kept) {
      shared_.watch.notify(seq_);
      co_return Result<void>{};
    }
    held_ = kept.error().kind != ErrorKind::Conflict;
    if (!is_passing(kept.error())) {
      co_return fail(kept.error());
    }
    in_doubt = true;
    co_await pause();
    if (stop_ != Stop::No) {
      co_return fail(client_left());
    }
  }
}

Task<Result<bool>> JobRun::append(const std::vector<std::string>& deltas) {
  auto last = co_await parts_.events->append(seq_, fence_, deltas);
  if (!last) {
    co_return fail(last.error());
  }
  last_event_ = *last;
  co_return true;
}

/// Whether deltas are on disk though the store has refused them: nothing but deltas follows the
/// begin of an attempt.
Task<Result<bool>> JobRun::deltas_are_there() {
  bool found = false;
  std::int64_t last = last_event_;
  while (true) {
    auto page = co_await parts_.events->read(seq_, last, kEventPage);
    if (!page) {
      co_return fail(page.error());
    }
    if (!page->empty()) {
      found = page->back().type == "delta";
      last = page->back().n;
    }
    if (page->size() < kEventPage) {
      break;
    }
  }
  if (found) {
    last_event_ = last;
  }
  co_return found;
}

void JobRun::end_attempt(std::string_view outcome, const std::string& error) {
  if (!attempts_.empty() && attempts_.back().outcome.empty()) {
    attempts_.back().ended_at = std::max(unix_ms(*parts_.clock), attempts_.back().started_at);
    attempts_.back().outcome = outcome;
    attempts_.back().error = error;
  }
}

Task<RunEnd> JobRun::conclude(Result<std::string> result) {
  if (!held_ || stop_ == Stop::Cancelled) {
    co_return RunEnd::Ended;
  }
  if (result) {
    end_attempt("succeeded", "");
    co_return co_await finish({.state = JobState::Succeeded,
                               .attempts = attempts_,
                               .completed_at = unix_ms(*parts_.clock),
                               .result = std::move(*result),
                               .error_json = {},
                               .input_tokens = context_.input_tokens,
                               .output_tokens = context_.output_tokens});
  }
  if (stop_ == Stop::GatewayStops) {
    if (under_way() == nullptr) {
      end_attempt("interrupted", "The gateway was stopped.");
    }
    co_return co_await put_back(std::chrono::milliseconds(0));
  }
  if (stop_ == Stop::Expired) {
    const Error error =
        attempts_.empty() ? expired_before_it_ran() : timed_out("The job did not end in its time.");
    end_attempt("expired", error.message);
    co_return co_await finish(failure(error, JobState::Expired));
  }
  if (stop_ == Stop::TimedOut) {
    const Error error = timed_out("The job took longer than the model's line allows.");
    end_attempt(wire_code(error), error.message);
    co_return co_await finish(failure(error, JobState::Failed));
  }
  const Error& error = result.error();
  end_attempt(wire_code(error), error.message);
  if (!may_succeed_later(error)) {
    co_return co_await finish(failure(error, JobState::Failed));
  }
  if (attempts_.size() >= loaded_.job.max_attempts) {
    co_return co_await finish(failure(attempts_spent(error), JobState::Failed));
  }
  retried_ = true;
  co_return co_await put_back(retry_delay(parts_.settings(loaded_.job.model).retry,
                                          static_cast<std::uint32_t>(attempts_.size()), error,
                                          random_fraction()));
}

stores::JobEnding JobRun::failure(const Error& error, JobState state) const {
  return {.state = state,
          .attempts = attempts_,
          .completed_at = unix_ms(*parts_.clock),
          .result = {},
          .error_json = error_json(error),
          .input_tokens = context_.input_tokens,
          .output_tokens = context_.output_tokens};
}

Task<RunEnd> JobRun::put_back(std::chrono::milliseconds delay) {
  delay_ = delay;
  if (context_.spending) {
    co_await context_.spending->settle(model::Spending::End::Cut);  // unless whoever ran it has
    co_await context_.spending->write();
  }
  loaded_.job.not_before = unix_ms(*parts_.clock) + delay.count();
  if (!taken_) {
    co_return RunEnd::PutBack;  // no attempt was begun: on disk it still waits
  }
  WriteTrouble::Waiter waiter(shared_.trouble);
  for (std::size_t tries = 0; !gateway_stops_ || tries < kTriesWhileStopping; ++tries) {
    auto done =
        co_await parts_.jobs->put_back(seq_, fence_,
                                       {.attempts = attempts_,
                                        .not_before = loaded_.job.not_before,
                                        .now = unix_ms(*parts_.clock),
                                        .input_tokens = context_.input_tokens,
                                        .output_tokens = context_.output_tokens,
                                        .cost = static_cast<double>(context_.micro_usd) / kMicro});
    const bool conflict = !done && done.error().kind == ErrorKind::Conflict;
    // A conflict with an earlier try of our own; if not, the next run finds the job ended.
    if (done || (conflict && tries > 0)) {
      shared_.watch.notify(seq_);
      co_return RunEnd::PutBack;
    }
    if (conflict) {
      co_return RunEnd::Ended;
    }
    co_await pause_after(done.error(), tries + 1, waiter);
  }
  co_return RunEnd::Left;
}

Task<RunEnd> JobRun::finish(stores::JobEnding ending) {
  model::Spending* const spending = context_.spending.get();  // null if it did not come to that
  if (spending != nullptr) {
    co_await spending->settle(model::Spending::End::Cut);  // unless whoever ran it has
    ending.cost = static_cast<double>(context_.micro_usd) / kMicro;
    ending.usage = spending->hand_over();
  }
  WriteTrouble::Waiter waiter(shared_.trouble);
  for (std::size_t tries = 0; !gateway_stops_ || tries < kTriesWhileStopping; ++tries) {
    const bool tried = std::exchange(end_tried_, true);
    auto done = co_await parts_.jobs->finish(seq_, fence_, ending);
    Result<Whose> whose = Whose::Ours;
    if (!done && done.error().kind == ErrorKind::Conflict) {
      whose = Whose::Others;
      if (tried) {
        whose = co_await whose_end();
      }
    } else if (!done) {
      whose = fail(done.error());
    }
    if (whose) {
      if (spending != nullptr && *whose != Whose::Unknown) {
        spending->handed_over(*whose == Whose::Ours ? model::Spending::HandedOver::Written
                                                    : model::Spending::HandedOver::Refused);
      }
      tell_of_end();
      co_return RunEnd::Ended;
    }
    co_await pause_after(whose.error(), tries + 1, waiter);
  }
  co_return RunEnd::Left;
}

Task<Result<JobRun::Whose>> JobRun::whose_end() {
  auto job = co_await parts_.jobs->find(seq_);
  if (!job && job.error().kind == ErrorKind::NotFound) {
    co_return Whose::Unknown;  // and forgotten since
  }
  if (!job) {
    co_return fail(job.error());
  }
  // Under our fence only a cancellation can be the end of a job that runs, and we never cancel. One
  // that waits may have expired too, but then nothing of it was called.
  const bool ours =
      is_terminal(job->state) && job->state != JobState::Cancelled && job->fence == fence_;
  co_return ours ? Whose::Ours : Whose::Others;
}

Task<void> JobRun::pause() {
  co_await stopped_.wait_until(std::chrono::steady_clock::now() + parts_.pauses.store);
}

Task<void> JobRun::pause_after(const Error& error, std::size_t failures,
                               WriteTrouble::Waiter& waiter) {
  if (const auto jobs = waiter.failed(error, parts_.clock->steady())) {
    log::error("what became of jobs cannot be written, and is tried again",
               {{"jobs", *jobs}, {"cause", error.message}, {"detail", error.detail}});
  }
  const auto wait =
      gateway_stops_ ? parts_.pauses.store : write_pause(parts_.pauses.store, failures, error);
  co_await stopped_.wait_until(std::chrono::steady_clock::now() + wait);
}

void JobRun::tell_of_end() const {
  shared_.watch.notify(seq_);
  if (!loaded_.job.webhook_url.empty()) {
    parts_.webhook_due();
  }
}

}  // namespace headgate::queue
