#include "dispatch/remote_job.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/event_loop.h"
#include "base/signal.h"
#include "dispatch/remote_place.h"
#include "providers/retry_after.h"
#include "upstream/failure.h"

namespace headgate::dispatch {
namespace {

using std::chrono::milliseconds;

/// Longest answer about a job, its result included.
constexpr std::size_t kMaxAnswer = 64U << 20U;
/// Of one question about a job.
constexpr milliseconds kPollTime{15'000};
/// A gateway that stops waits so long to learn the id of work it is just handing over.
constexpr milliseconds kStopPatience{2'000};

/// Work on its way to the provider. It goes on when its caller has left, for only so is the job's
/// id known and the job can be cancelled.
struct HandingOver {
  HandingOver(upstream::Client& by, RemotePlace to, providers::WireRequest call, SteadyTime before)
      : client(by), place(std::move(to)), wire(std::move(call)), until(before) {}

  upstream::Client& client;
  const RemotePlace place;
  const providers::WireRequest wire;
  const SteadyTime until;
  Signal done{};
  std::optional<Result<std::string>> id{};
  int status = 0;
  bool abandoned = false;
};

// Shared: whoever is last, the caller or the call, sees the other gone.
Task<void> hand_on(std::shared_ptr<HandingOver> work) {
  HandedOver answer = co_await hand_over(work->client, work->place, work->wire, work->until);
  work->status = answer.status;
  work->id = std::move(answer.id);
  if (!work->abandoned) {
    work->done.notify();
  } else if (*work->id) {
    co_await cancel_remotely(work->client, work->place, **work->id);
  }
}

/// The provider's job of one attempt.
class RemoteJob final {
 public:
  RemoteJob(upstream::Client& client, Attempt& attempt, model::RequestContext& context)
      : client_(client),
        attempt_(attempt),
        context_(context),
        place_(attempt.target(), attempt.lease().credential()),
        until_(std::min(context.deadline, attempt.started() + place_.timeouts.total)) {}
  RemoteJob(const RemoteJob&) = delete;
  RemoteJob& operator=(const RemoteJob&) = delete;

  ~RemoteJob() {
    EventLoop* const loop = EventLoop::current();
    if (handing_over_) {
      handing_over_->abandoned = true;
    }
    if (id_.empty() || loop == nullptr || leaves_it()) {
      return;
    }
    loop->spawn(cancel_remotely(client_, place_, std::move(id_)));
  }

  Task<Result<void>> begin(providers::WireRequest wire) {
    handing_over_ = std::make_shared<HandingOver>(client_, place_, std::move(wire), until_);
    EventLoop::current()->spawn(hand_on(handing_over_));
    auto id = co_await wait_for_id();
    if (!id) {
      co_return fail(id.error());
    }
    id_ = std::move(*id);
    if (context_.ledger != nullptr) {
      auto noted = co_await context_.ledger->remote(id_);
      if (!noted) {
        co_return noted;
      }
    }
    co_return Result<void>{};
  }

  void go_on_with(std::string id) { id_ = std::move(id); }

  Task<Result<std::string>> result();

 private:
  /// Whether the job goes on without us, to be found again after a restart.
  bool leaves_it() const {
    return context_.ledger != nullptr && context_.ledger->leaves_remote() &&
           context_.ledger->under_way() != nullptr;
  }
  Task<Result<std::string>> wait_for_id();
  Task<void> pause(SteadyTime until);
  /// The output once the job has ended; nothing if it has not.
  Result<std::optional<std::string>> judge(const RemoteAnswer& answer);

  upstream::Client& client_;
  Attempt& attempt_;
  model::RequestContext& context_;
  const RemotePlace place_;
  const SteadyTime until_;
  std::shared_ptr<HandingOver> handing_over_;  // shared with the call, see hand_on()
  std::string id_;                             // empty: there is nothing to cancel
  milliseconds next_poll_ = kFirstPoll;
  int failed_polls_ = 0;
};

Task<Result<std::string>> RemoteJob::wait_for_id() {
  HandingOver& work = *handing_over_;
  const OnCancel gone(context_.cancel, [&work] { work.done.notify(); });
  SteadyTime patience = SteadyTime::max();  // the call has limits of its own
  while (!work.id) {
    if (context_.cancel.cancelled()) {
      const bool stops = context_.ledger != nullptr && context_.ledger->leaves_remote();
      const SteadyTime now = std::chrono::steady_clock::now();
      patience = std::min(patience, stops ? now + kStopPatience : now);
      if (now >= patience) {
        co_return fail(client_left());
      }
    }
    co_await work.done.wait_until(patience);
  }
  auto id = std::move(*work.id);
  attempt_.set_status(work.status);
  handing_over_.reset();
  co_return id;
}

Task<void> RemoteJob::pause(SteadyTime until) {
  Signal over;
  const OnCancel gone(context_.cancel, [&over] { over.notify(); });
  co_await over.wait_until(until);
}

Result<std::optional<std::string>> RemoteJob::judge(const RemoteAnswer& answer) {
  if (!answer.good()) {
    auto lost = place_.jobs->lost(answer.status, answer.retry_after, answer.body);
    if (lost) {
      attempt_.set_status(answer.status);
      if (!lost->permanent) {
        id_.clear();
      }
      return fail(std::move(*lost));
    }
    const auto asked = providers::parse_retry_after(answer.retry_after);
    next_poll_ = std::max(next_poll_, asked.value_or(milliseconds(0)));
    ++failed_polls_;
    return std::optional<std::string>();
  }
  auto state = place_.jobs->read_status(answer.body);
  const bool about_another = state && !state->id.empty() && state->id != id_;
  if (!state || about_another) {
    ++failed_polls_;
    return std::optional<std::string>();
  }
  failed_polls_ = 0;
  using Phase = providers::RemoteState::Phase;
  const bool ended = state->phase == Phase::Failed || state->phase == Phase::Succeeded;
  if (ended && state->delay_ms >= 0) {
    attempt_.set_remote_wait(milliseconds(state->delay_ms));
  }
  if (state->phase == Phase::Failed) {
    id_.clear();
    return fail(std::move(*state->failure));
  }
  if (state->phase == Phase::Succeeded) {
    id_.clear();
    return std::optional(std::move(state->output_json));
  }
  return std::optional<std::string>();
}

Task<Result<std::string>> RemoteJob::result() {
  const providers::WireRequest wire = place_.jobs->encode_status(id_, place_.name);
  while (true) {
    const SteadyTime now = std::chrono::steady_clock::now();
    if (context_.cancel.cancelled()) {
      co_return fail(client_left());
    }
    if (now >= until_) {
      // The caller's haste is no fault of the target.
      co_return fail(now >= context_.deadline
                         ? upstream::failure(upstream::FailurePhase::TotalTimeout,
                                             place_.origin.host_and_port())
                         : timed_out("The model server did not finish the work in time."));
    }
    co_await pause(std::min(until_, now + next_poll_));
    next_poll_ =
        std::min(kLongestPoll, milliseconds(static_cast<std::int64_t>(
                                   static_cast<double>(next_poll_.count()) * kPollFactor)));
    if (context_.cancel.cancelled()) {
      continue;
    }
    upstream::OutgoingRequest request =
        place_.outgoing(wire, std::min(until_, std::chrono::steady_clock::now() + kPollTime));
    request.cancel = &context_.cancel;
    auto answer = co_await ask(client_, request, kMaxAnswer);
    if (!answer) {
      ++failed_polls_;
    } else {
      auto output = judge(*answer);
      if (!output) {
        co_return fail(output.error());
      }
      if (*output) {
        co_return std::move(**output);
      }
    }
    // What is on disk is worth waiting for: nobody holds a line for it.
    if (failed_polls_ >= kFailedPolls && context_.ledger == nullptr) {
      co_return fail(upstream_failed(
          "The model server cannot be asked for its answer.",
          answer ? "status " + std::to_string(answer->status) : answer.error().detail));
    }
  }
}

/// Adds the time it lives to what was spent waiting for upstreams.
class Stopwatch final {
 public:
  explicit Stopwatch(model::RequestContext& context) : context_(context) {}
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() {
    context_.upstream_wait += std::chrono::steady_clock::now() - start_;
    context_.upstream_time = context_.upstream_wait;
  }

 private:
  model::RequestContext& context_;
  const SteadyTime start_ = std::chrono::steady_clock::now();
};

}  // namespace

Result<providers::WireRequest> encode_remotely(const Attempts& attempts, std::string_view input) {
  const routing::Target& target = attempts.chosen();
  const auto time = std::chrono::duration_cast<milliseconds>(target.timeouts.total);
  return target.protocol->remote_jobs()->encode_run(input, time, target.name);
}

Task<Result<std::string>> run_remotely(Attempts& attempts, providers::WireRequest wire) {
  attempts.call_otherwise();
  co_return co_await follow_remotely(attempts, std::move(wire));
}

Task<Result<std::string>> follow_remotely(Attempts& attempts, providers::WireRequest wire) {
  model::RequestContext& context = attempts.context();
  const Stopwatch waited(context);
  RemoteJob job(attempts.client(), attempts.current(), context);
  const model::JobAttempt* const earlier =
      context.ledger == nullptr ? nullptr : context.ledger->under_way();
  if (earlier != nullptr) {
    job.go_on_with(earlier->remote_id);
  } else {
    auto begun = co_await job.begin(std::move(wire));
    if (!begun) {
      co_return fail(begun.error());
    }
  }
  co_return co_await job.result();
}

Task<Result<std::string>> chat_remotely(Attempts& attempts, providers::WireRequest wire) {
  auto output = co_await follow_remotely(attempts, std::move(wire));
  co_return output ? attempts.target().protocol->remote_jobs()->read_chat_output(*output)
                   : fail(output.error());
}

}  // namespace headgate::dispatch
