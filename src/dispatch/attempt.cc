#include "dispatch/attempt.h"

#include <algorithm>
#include <utility>

#include "base/encoding.h"
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

/// The keys of a provider take turns.
const std::string& next_credential(const routing::Target& target) {
  static const std::string none;
  thread_local std::size_t turn = 0;
  return target.credentials.empty() ? none : target.credentials[turn++ % target.credentials.size()];
}

}  // namespace

Result<std::unique_ptr<Attempt>> Attempt::start(upstream::Client& client,
                                                std::shared_ptr<const routing::Model> model,
                                                const routing::Target& target,
                                                const model::InferenceRequest& request,
                                                model::RequestContext& context) {
  auto wire = target.protocol->encode(request, target.name);
  if (!wire) {
    return fail(wire.error());
  }
  std::unique_ptr<Attempt> attempt(
      new Attempt(std::move(model), target, std::move(*wire), context));
  ++context.attempts;
  context.provider = target.provider;
  context.target = target.name.model;

  if (!context.traceparent.empty()) {
    attempt->trace_fields_.append("traceparent: ").append(context.traceparent).append("\r\n");
  }
  upstream::OutgoingRequest outgoing;
  outgoing.origin = &target.base.origin;
  outgoing.method = attempt->wire_.method;
  outgoing.base_path = target.base.target;
  outgoing.target = attempt->wire_.path;
  outgoing.fields = attempt->wire_.fields;
  outgoing.more_fields = next_credential(target);
  outgoing.trace_fields = attempt->trace_fields_;
  outgoing.body = std::span(attempt->wire_.body).first(attempt->wire_.pieces);
  outgoing.timeouts.connect = target.timeouts.connect;
  outgoing.timeouts.first_byte = target.timeouts.first_byte;
  outgoing.timeouts.idle = target.timeouts.idle;
  outgoing.timeouts.deadline =
      std::min(context.deadline, std::chrono::steady_clock::now() + target.timeouts.total);
  // A job's calls are counted on disk: none may go out twice.
  outgoing.when_stale =
      context.ledger == nullptr ? upstream::WhenStale::SendAgain : upstream::WhenStale::Fail;
  outgoing.cancel = &context.cancel;
  attempt->exchange_ = client.start(outgoing);
  return attempt;
}

Task<Result<bool>> Attempt::await_answer(SteadyTime patience) {
  Result<bool> there = false;
  {
    const Stopwatch waited(context_.upstream_wait);
    there = co_await exchange_->await_head(patience);
  }
  context_.upstream_time = context_.upstream_wait;
  if (!there) {
    co_return fail(blame(there.error()));
  }
  if (!*there) {
    co_return false;
  }
  const int status = exchange_->head().status;
  if (status < 200 || status > 299) {
    co_return fail(blame(co_await refusal()));
  }
  co_return true;
}

Task<Result<std::optional<std::string_view>>> Attempt::read(SteadyTime patience) {
  const Stopwatch waited(context_.upstream_wait);
  auto piece = co_await exchange_->read(patience);
  if (!piece) {
    co_return fail(blame(piece.error()));
  }
  co_return piece;
}

Result<std::optional<std::string_view>> Attempt::take() {
  auto piece = exchange_->take();
  if (!piece) {
    return fail(blame(piece.error()));
  }
  return piece;
}

Task<Error> Attempt::refusal() {
  const int status = exchange_->head().status;
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
  co_return target_.protocol->decode_error(status, retry_after, body);
}

Error Attempt::blame(Error error) const {
  const bool callers_fault = http_status(error.kind) < 500 && error.kind != ErrorKind::RateLimited;
  if (error.origin == Origin::Upstream && !callers_fault && error.details_json.empty()) {
    error.details_json = R"({"attempts":[{"provider":)" + json_quote(target_.provider) +
                         R"(,"target":)" + json_quote(target_.name.model) + R"(,"outcome":)" +
                         json_quote(wire_code(error)) + "}]}";
  }
  return error;
}

void Attempt::settle(providers::Usage usage) const {
  context_.input_tokens = usage.input_tokens;
  context_.output_tokens = usage.output_tokens;
}

}  // namespace headgate::dispatch
