#include "dispatch/remote_job.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/event_loop.h"
#include "base/signal.h"
#include "providers/retry_after.h"
#include "upstream/failure.h"

namespace headgate::dispatch {
namespace {

using std::chrono::milliseconds;

/// Longest answer about a job, its result included.
constexpr std::size_t kMaxAnswer = 64U << 20U;
constexpr std::size_t kMaxShortAnswer = 64U << 10U;
/// Of one question about a job.
constexpr milliseconds kPollTime{15'000};
/// How a job that nobody waits for is cancelled.
constexpr milliseconds kCancelTime{5'000};
constexpr milliseconds kCancelPause{1'000};
constexpr int kCancelTries = 3;
/// A gateway that stops waits so long to learn the id of work it is just handing over.
constexpr milliseconds kStopPatience{2'000};

/// Where a target's jobs are, in copies: its catalog may be replaced and its caller leave.
struct Place {
  const providers::RemoteJobs* jobs;
  const providers::Provider* protocol;
  upstream::Origin origin;
  std::string base_path;
  providers::TargetName name;
  std::string credential;
  config::TimeoutSettings timeouts;

  Place(const routing::Target& target, std::string_view key)
      : jobs(target.protocol->remote_jobs()),
        protocol(target.protocol),
        origin(target.base.origin),
        base_path(target.base.target),
        name(target.name),
        credential(key),
        timeouts(target.timeouts) {}

  upstream::OutgoingRequest outgoing(const providers::WireRequest& wire, SteadyTime until) const {
    upstream::OutgoingRequest request;
    request.origin = &origin;
    request.method = wire.method;
    request.base_path = base_path;
    request.target = wire.path;
    request.fields = wire.fields;
    request.more_fields = credential;
    request.body = std::span(wire.body).first(wire.pieces);
    request.timeouts.connect = timeouts.connect;
    request.timeouts.first_byte = timeouts.first_byte;
    request.timeouts.idle = timeouts.idle;
    request.timeouts.deadline = until;
    return request;
  }
};

struct Answer {
  int status = 0;
  std::string body;
  std::string retry_after;
  bool good() const { return status >= 200 && status <= 299; }
};

Task<Result<Answer>> ask(upstream::Client& client, const upstream::OutgoingRequest& request,
                         std::size_t longest) {
  const auto exchange = client.start(request);
  auto there = co_await exchange->await_head();
  if (!there) {
    co_return fail(there.error());
  }
  Answer answer;
  answer.status = exchange->head().status;
  answer.retry_after =
      providers::retry_after_of(exchange->head().field("retry-after-ms").value_or(""),
                                exchange->head().field("retry-after").value_or(""));
  while (true) {
    auto piece = co_await exchange->read();
    if (!piece) {
      co_return fail(piece.error());
    }
    if (!*piece || (*piece)->empty()) {
      co_return answer;
    }
    if (answer.body.size() + (*piece)->size() > longest) {
      co_return fail(upstream_failed("The model server's answer is too large."));
    }
    answer.body.append(**piece);
  }
}

/// Tells the provider that nobody waits for its job. By itself: who waited is gone.
Task<void> cancel_remotely(upstream::Client& client, Place place, std::string id) {
  const providers::WireRequest wire = place.jobs->encode_cancel(id, place.name);
  for (int tries = 0; tries < kCancelTries; ++tries) {
    if (tries != 0) {
      co_await sleep_for(kCancelPause);
    }
    const auto request = place.outgoing(wire, std::chrono::steady_clock::now() + kCancelTime);
    auto answer = co_await ask(client, request, kMaxShortAnswer);
    // A refusal that lasts: it has ended or is forgotten.
    if (answer && !place.jobs->lost(answer->status, "", "").has_value() && !answer->good()) {
      continue;
    }
    if (answer) {
      co_return;
    }
  }
}

/// Whether a failed call may have reached the server.
bool may_have_arrived(const Error& error) {
  using upstream::FailurePhase;
  const auto phase = upstream::failure_phase(error);
  return phase != FailurePhase::Dns && phase != FailurePhase::Connect &&
         phase != FailurePhase::ConnectTimeout && phase != FailurePhase::Tls;
}

Error in_doubt(Error cause) {
  cause.message = "It is not known whether the model server has taken the work.";
  cause.code = "upstream_in_doubt";
  cause.permanent = true;
  cause.retry_after.reset();
  return cause;
}

/// Work on its way to the provider. It goes on when its caller has left, for only so is the job's
/// id known and the job can be cancelled.
struct HandingOver {
  HandingOver(upstream::Client& by, Place to, providers::WireRequest call, SteadyTime before)
      : client(by), place(std::move(to)), wire(std::move(call)), until(before) {}

  upstream::Client& client;
  const Place place;
  const providers::WireRequest wire;
  const SteadyTime until;
  Signal done{};
  std::optional<Result<std::string>> id{};
  int status = 0;
  bool abandoned = false;
};

Task<Result<std::string>> id_of(HandingOver& work) {
  upstream::OutgoingRequest request = work.place.outgoing(work.wire, work.until);
  request.when_stale = upstream::WhenStale::Avoid;
  auto answer = co_await ask(work.client, request, kMaxShortAnswer);
  if (!answer) {
    co_return fail(may_have_arrived(answer.error()) ? in_doubt(answer.error()) : answer.error());
  }
  work.status = answer->status;
  if (!answer->good()) {
    Error error =
        work.place.protocol->decode_error(answer->status, answer->retry_after, answer->body);
    // Somebody in between who lost sight of the server.
    const bool lost_sight = answer->status == 502 || answer->status == 504;
    co_return fail(lost_sight ? in_doubt(std::move(error)) : std::move(error));
  }
  auto id = work.place.jobs->read_run(answer->body);
  if (!id) {
    co_return fail(in_doubt(id.error()));
  }
  co_return id;
}

// Shared: whoever is last, the caller or the call, sees the other gone.
Task<void> hand_over(std::shared_ptr<HandingOver> work) {
  work->id = co_await id_of(*work);
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
    EventLoop::current()->spawn(hand_over(handing_over_));
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
  Result<std::optional<std::string>> judge(const Answer& answer);

  upstream::Client& client_;
  Attempt& attempt_;
  model::RequestContext& context_;
  const Place place_;
  const SteadyTime until_;
  std::shared_ptr<HandingOver> handing_over_;  // shared with the call, see hand_over()
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

Result<std::optional<std::string>> RemoteJob::judge(const Answer& answer) {
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
  if (!state) {
    ++failed_polls_;
    return std::optional<std::string>();
  }
  failed_polls_ = 0;
  using Phase = providers::RemoteState::Phase;
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
      Error error = timed_out("The model server did not finish the work in time.");
      error.origin = Origin::Upstream;
      co_return fail(std::move(error));
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

}  // namespace headgate::dispatch
