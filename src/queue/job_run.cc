#include "queue/job_run.h"

#include <algorithm>
#include <random>
#include <utility>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/signal.h"
#include "queue/retry.h"

namespace headgate::queue {
namespace {

using model::JobState;

/// Between attempts to write what must be written.
constexpr std::chrono::milliseconds kStorePause{500};
/// How long the end of a run is tried to be written once the gateway stops: the next start finds
/// the job as it is and takes it up.
constexpr int kTriesWhileStopping = 4;

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

double random_fraction() {
  thread_local std::minstd_rand generator(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

}  // namespace

void JobRun::stop(Stop why) {
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
  auto loaded = co_await parts_.jobs->load(seq_);
  while (!loaded) {
    if (loaded.error().kind == ErrorKind::NotFound || stop_ != Stop::No) {
      co_return RunEnd::Ended;
    }
    co_await sleep_for(kStorePause);
    loaded = co_await parts_.jobs->load(seq_);
  }
  loaded_ = std::move(*loaded);
  fence_ = loaded_.job.fence;
  attempts_ = loaded_.job.attempts;
  if (loaded_.job.state != JobState::Queued || stop_ == Stop::Cancelled) {
    co_return RunEnd::Ended;
  }
  if (attempts_.size() >= loaded_.job.max_attempts) {
    co_return co_await finish(failure(
        upstream_failed("No attempt is left.", "the last one was interrupted"), JobState::Failed));
  }
  prepare();
  auto result = co_await carry_out();
  disarm();
  co_return co_await conclude(std::move(result));
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

Task<Result<void>> JobRun::begin(std::string_view provider, std::string_view target) {
  end_attempt("failed", "");
  if (stop_ != Stop::No) {
    co_return fail(client_left());
  }
  if (attempts_.size() >= loaded_.job.max_attempts) {
    co_return fail(upstream_failed("No attempt is left."));
  }
  attempts_.push_back({.n = static_cast<std::uint32_t>(attempts_.size() + 1),
                       .provider = std::string(provider),
                       .target = std::string(target),
                       .started_at = unix_ms(*parts_.clock)});
  auto begun = co_await parts_.jobs->begin_attempt(seq_, fence_, attempts_);
  if (!begun) {
    attempts_.pop_back();
    held_ = begun.error().kind != ErrorKind::Conflict;
    co_return fail(begun.error());
  }
  fence_ = *begun;
  watch_.notify(seq_);
  co_return Result<void>{};
}

Task<Result<void>> JobRun::keep_deltas(std::vector<std::string> deltas) {
  auto kept = co_await parts_.events->append(seq_, fence_, std::move(deltas));
  if (!kept) {
    held_ = kept.error().kind != ErrorKind::Conflict;
    co_return fail(kept.error());
  }
  watch_.notify(seq_);
  co_return Result<void>{};
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
                               .output_tokens = context_.output_tokens,
                               .cost = static_cast<double>(context_.micro_usd) / 1e6});
  }
  if (stop_ == Stop::GatewayStops) {
    end_attempt("interrupted", "The gateway was stopped.");
    co_return co_await put_back(std::chrono::milliseconds(0));
  }
  if (stop_ == Stop::Expired) {
    const Error error = timed_out("The job did not end in its time.");
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
          .output_tokens = context_.output_tokens,
          .cost = static_cast<double>(context_.micro_usd) / 1e6};
}

Task<RunEnd> JobRun::put_back(std::chrono::milliseconds delay) {
  delay_ = delay;
  loaded_.job.not_before = unix_ms(*parts_.clock) + delay.count();
  if (attempts_.size() == loaded_.job.attempts.size()) {
    co_return RunEnd::PutBack;  // no attempt was begun: on disk it still waits
  }
  for (int tries = 0; stop_ != Stop::GatewayStops || tries < kTriesWhileStopping; ++tries) {
    auto done = co_await parts_.jobs->put_back(seq_, fence_, attempts_, loaded_.job.not_before,
                                               unix_ms(*parts_.clock));
    if (done) {
      watch_.notify(seq_);
      co_return RunEnd::PutBack;
    }
    if (done.error().kind == ErrorKind::Conflict) {
      co_return RunEnd::Ended;
    }
    co_await sleep_for(kStorePause);
  }
  co_return RunEnd::Ended;
}

Task<RunEnd> JobRun::finish(stores::JobEnding ending) {
  for (int tries = 0; stop_ != Stop::GatewayStops || tries < kTriesWhileStopping; ++tries) {
    auto done = co_await parts_.jobs->finish(seq_, fence_, ending);
    if (done) {
      watch_.notify(seq_);
      if (!loaded_.job.webhook_url.empty()) {
        parts_.webhook_due();
      }
      break;
    }
    if (done.error().kind == ErrorKind::Conflict) {
      break;  // it has ended already
    }
    co_await sleep_for(kStorePause);
  }
  co_return RunEnd::Ended;
}

}  // namespace headgate::queue
