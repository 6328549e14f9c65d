#include "dispatch/remote_place.h"

#include <span>
#include <utility>

#include "base/signal.h"
#include "providers/retry_after.h"
#include "upstream/failure.h"

namespace headgate::dispatch {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxShortAnswer = 64U << 10U;
/// How a job that nobody waits for is cancelled.
constexpr milliseconds kCancelTime{5'000};
constexpr milliseconds kCancelPause{1'000};
constexpr int kCancelTries = 3;

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

}  // namespace

RemotePlace::RemotePlace(const routing::Target& target, std::string_view key)
    : jobs(target.protocol->remote_jobs()),
      protocol(target.protocol),
      origin(target.base.origin),
      base_path(target.base.target),
      name(target.name),
      credential(key),
      timeouts(target.timeouts),
      health(target.health) {}

upstream::OutgoingRequest RemotePlace::outgoing(const providers::WireRequest& wire,
                                                SteadyTime until) const {
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

Task<Result<RemoteAnswer>> ask(upstream::Client& client, const upstream::OutgoingRequest& request,
                               std::size_t longest) {
  const auto exchange = client.start(request);
  auto there = co_await exchange->await_head();
  if (!there) {
    co_return fail(there.error());
  }
  RemoteAnswer answer;
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

Task<HandedOver> hand_over(upstream::Client& client, const RemotePlace& place,
                           const providers::WireRequest& wire, SteadyTime until) {
  upstream::OutgoingRequest request = place.outgoing(wire, until);
  request.when_stale = upstream::WhenStale::Avoid;
  auto answer = co_await ask(client, request, kMaxShortAnswer);
  if (!answer) {
    Error error = std::move(answer.error());
    co_return HandedOver{.id = fail(may_have_arrived(error) ? in_doubt(std::move(error)) : error)};
  }
  const int status = answer->status;
  if (!answer->good()) {
    Error error = place.protocol->decode_error(status, answer->retry_after, answer->body);
    // Somebody in between who lost sight of the server.
    const bool lost_sight = status == 502 || status == 504;
    co_return HandedOver{.id = fail(lost_sight ? in_doubt(std::move(error)) : std::move(error)),
                         .status = status};
  }
  auto id = place.jobs->read_run(answer->body);
  if (!id) {
    id = fail(in_doubt(std::move(id.error())));
  }
  co_return HandedOver{.id = std::move(id), .status = status};
}

Task<void> cancel_remotely(upstream::Client& client, RemotePlace place, std::string id) {
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

}  // namespace headgate::dispatch
