#include "dispatch/attempt.h"

#include <algorithm>
#include <utility>

#include "providers/retry_after.h"

namespace headgate::dispatch {
namespace {

/// How much of a refusal's body is read to find out why.
constexpr std::size_t kMaxRefusal = 16 << 10;
/// ... and for how long: its status says most of it.
constexpr std::chrono::seconds kRefusalPatience{1};

}  // namespace

Attempt::Attempt(routing::Lease lease, model::RequestContext& context)
    : lease_(std::move(lease)), context_(&context), started_(std::chrono::steady_clock::now()) {
  const routing::Target& target = lease_.target();
  ++context.attempts;
  context.provider = target.provider;
  context.target = target.called();
  const std::string& answering = lease_.model().name;
  context.other_model = answering == context.model ? "" : answering;
}

Attempt::Attempt(routing::Lease lease, model::RequestContext& context,
                 std::unique_ptr<upstream::Exchange> exchange)
    : Attempt(std::move(lease), context) {
  exchange_ = std::move(exchange);
}

Attempt::Attempt(upstream::Client& client, routing::Lease lease, providers::WireRequest wire,
                 model::RequestContext& context, Breakable breakable)
    : Attempt(std::move(lease), context) {
  wire_ = std::move(wire);
  if (breakable == Breakable::Yes) {
    leash_ = std::make_unique<Leash>(context.cancel);
  }
  const routing::Target& target = lease_.target();
  if (!context.traceparent.empty()) {
    trace_fields_.append("traceparent: ").append(context.traceparent).append("\r\n");
  }
  upstream::OutgoingRequest outgoing;
  outgoing.origin = &target.base.origin;
  outgoing.method = wire_.method;
  outgoing.base_path = target.base.target;
  outgoing.target = wire_.path;
  outgoing.fields = wire_.fields;
  outgoing.more_fields = lease_.credential();
  outgoing.trace_fields = trace_fields_;
  outgoing.body = std::span(wire_.body).first(wire_.pieces);
  outgoing.timeouts.connect = target.timeouts.connect;
  outgoing.timeouts.first_byte = target.timeouts.first_byte;
  outgoing.timeouts.idle = target.timeouts.idle;
  outgoing.timeouts.deadline = std::min(context.deadline, started_ + target.timeouts.total);
  // A job's calls are counted on disk: none may go out twice.
  outgoing.when_stale =
      context.ledger == nullptr ? upstream::WhenStale::SendAgain : upstream::WhenStale::Fail;
  outgoing.cancel = leash_ ? &leash_->source : &context.cancel;
  exchange_ = client.start(outgoing);
}

void Attempt::set_remote_wait(std::chrono::milliseconds wait) {
  remote_wait_ = wait;
  target().health->note_remote_wait(wait);
}

void Attempt::count_wait(SteadyTime since) {
  if (context_ != nullptr) {
    context_->upstream_wait += std::chrono::steady_clock::now() - since;
  }
}

Task<Result<bool>> Attempt::await_answer(SteadyTime patience) {
  const SteadyTime since = std::chrono::steady_clock::now();
  auto there = co_await exchange_->await_head(patience);
  count_wait(since);
  if (context_ != nullptr) {
    context_->upstream_time = context_->upstream_wait;
  }
  if (!there || !*there) {
    co_return there;
  }
  status_ = exchange_->head().status;
  if (status_ < 200 || status_ > 299) {
    co_return fail(co_await refusal());
  }
  co_return true;
}

Task<Result<std::optional<std::string_view>>> Attempt::read(SteadyTime patience) {
  const SteadyTime since = std::chrono::steady_clock::now();
  auto piece = co_await exchange_->read(patience);
  count_wait(since);
  co_return piece;
}

Task<Error> Attempt::refusal() {
  const std::string retry_after =
      providers::retry_after_of(exchange_->head().field("retry-after-ms").value_or(""),
                                exchange_->head().field("retry-after").value_or(""));
  std::string body;
  const SteadyTime patience = std::chrono::steady_clock::now() + kRefusalPatience;
  while (body.size() < kMaxRefusal) {
    auto piece = co_await exchange_->read(patience);
    if (!piece || !*piece || (*piece)->empty()) {
      break;
    }
    body.append((*piece)->substr(0, kMaxRefusal - body.size()));
  }
  co_return target().protocol->decode_error(status_, retry_after, body);
}

}  // namespace headgate::dispatch
