#include "dispatch/attempt.h"

#include <algorithm>
#include <utility>

#include "providers/retry_after.h"

namespace headgate::dispatch {
namespace {

/// How much of a refusal's body is read to find out why.
constexpr std::size_t kMaxRefusal = 16 << 10;

/// Adds the time it lives to `sum`.
class Stopwatch {
 public:
  explicit Stopwatch(std::chrono::nanoseconds& sum) : sum_(sum) {}
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() { sum_ += std::chrono::steady_clock::now() - start_; }

 private:
  std::chrono::nanoseconds& sum_;
  SteadyTime start_ = std::chrono::steady_clock::now();
};

}  // namespace

Attempt::Attempt(routing::Lease lease, model::RequestContext& context)
    : lease_(std::move(lease)), context_(context), started_(std::chrono::steady_clock::now()) {
  const routing::Target& target = lease_.target();
  ++context.attempts;
  context.provider = target.provider;
  context.target = target.called();
}

Attempt::Attempt(upstream::Client& client, routing::Lease lease, providers::WireRequest wire,
                 model::RequestContext& context)
    : Attempt(std::move(lease), context) {
  wire_ = std::move(wire);
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
  outgoing.cancel = &context.cancel;
  exchange_ = client.start(outgoing);
}

Task<Result<bool>> Attempt::await_answer(SteadyTime patience) {
  Result<bool> there = false;
  {
    const Stopwatch waited(context_.upstream_wait);
    there = co_await exchange_->await_head(patience);
  }
  context_.upstream_time = context_.upstream_wait;
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
  const Stopwatch waited(context_.upstream_wait);
  co_return co_await exchange_->read(patience);
}

Task<Error> Attempt::refusal() {
  const std::string retry_after =
      providers::retry_after_of(exchange_->head().field("retry-after-ms").value_or(""),
                                exchange_->head().field("retry-after").value_or(""));
  std::string body;
  while (body.size() < kMaxRefusal) {
    auto piece = co_await exchange_->read(SteadyTime::max());
    if (!piece || !*piece || (*piece)->empty()) {
      break;
    }
    body.append((*piece)->substr(0, kMaxRefusal - body.size()));
  }
  co_return target().protocol->decode_error(status_, retry_after, body);
}

}  // namespace headgate::dispatch
