#include "api/idempotency.h"

#include <memory>
#include <tuple>
#include <utility>

#include "base/clock.h"
#include "base/event_loop.h"
#include "base/hash.h"

namespace headgate::api {
namespace {

constexpr std::size_t kMaxKey = 255;
constexpr std::chrono::hours kKeyLifetime{24};
/// A larger answer is not kept: its key is free again.
constexpr std::size_t kMaxAnswer = 8U << 20U;

Task<void> drop(stores::IdempotencyStore& store, Sha256 scope) {
  // If the disk is full the key stays taken until the next start, which is safe.
  std::ignore = co_await store.drop(scope);
}

/// Passes an answer on and keeps it when it is whole, before its last byte is out.
class RecordingStream final : public edge::BodyStream {
 public:
  RecordingStream(std::unique_ptr<edge::BodyStream> inner, stores::IdempotencyStore& store,
                  Sha256 scope, const edge::Response& response)
      : inner_(std::move(inner)), store_(store), scope_(scope), length_(response.stream_length) {
    answer_.status = response.status;
    answer_.content_type = response.content_type;
  }
  ~RecordingStream() override {
    if (!settled_) {
      EventLoop::current()->spawn(drop(store_, scope_));
    }
  }
  RecordingStream(const RecordingStream&) = delete;
  RecordingStream& operator=(const RecordingStream&) = delete;

  Task<Result<std::string_view>> next() override {
    auto piece = co_await inner_->next();
    if (!piece || answer_.body.size() + piece->size() > kMaxAnswer) {
      too_large_ = true;
      co_return piece;
    }
    answer_.body.append(*piece);
    const bool whole = piece->empty() || (length_ && answer_.body.size() >= *length_);
    if (whole && !too_large_ && !settled_) {
      auto kept = co_await store_.settle(scope_, std::move(answer_));
      if (!kept) {
        co_return fail(kept.error());
      }
      settled_ = true;
    }
    co_return piece;
  }

 private:
  std::unique_ptr<edge::BodyStream> inner_;
  stores::IdempotencyStore& store_;
  Sha256 scope_;
  std::optional<std::uint64_t> length_;
  stores::KeptAnswer answer_;
  bool settled_ = false;
  bool too_large_ = false;
};

edge::Response replayed(stores::KeptAnswer answer) {
  edge::Response response;
  response.status = answer.status;
  response.content_type = {};
  response.add_field("Content-Type", answer.content_type);
  response.add_field("Idempotent-Replayed", "true");
  response.body = std::move(answer.body);
  return response;
}

}  // namespace

Result<std::optional<stores::IdempotencyClaim>> idempotency_claim(const Call& call,
                                                                  std::int64_t now) {
  const auto key = call.http.field("idempotency-key");
  if (!key) {
    return std::optional<stores::IdempotencyClaim>();
  }
  if (key->empty() || key->size() > kMaxKey) {
    return fail(invalid_request("Idempotency-Key must be 1 to 255 characters.", "Idempotency-Key"));
  }
  std::string scope = call.context.principal->id;
  scope.append("\n").append(call.http.method_name).append("\n").append(call.http.path);
  scope.append("\n").append(*key);
  return std::optional(stores::IdempotencyClaim{
      .scope = sha256(scope),
      .body = sha256(call.http.body),
      .expires_at =
          now + std::chrono::duration_cast<std::chrono::milliseconds>(kKeyLifetime).count()});
}

Task<Result<edge::Response>> Idempotency::answer(const Endpoint& endpoint, Call call) const {
  auto claim = idempotency_claim(call, unix_ms(clock_));
  if (!claim) {
    co_return fail(claim.error());
  }
  if (!*claim) {
    co_return co_await endpoint.handle(call);
  }
  const Sha256 scope = (*claim)->scope;
  auto known = co_await store_.claim(std::move(**claim), unix_ms(clock_));
  if (!known) {
    co_return fail(known.error());
  }
  if (*known) {
    co_return replayed(std::move(**known));
  }
  auto response = co_await endpoint.handle(call);
  if (!response || response->status >= 400 || response->websocket) {
    co_await drop(store_, scope);
    co_return response;
  }
  if (response->stream) {
    auto inner = std::move(response->stream);
    response->stream =
        std::make_unique<RecordingStream>(std::move(inner), store_, scope, *response);
    co_return response;
  }
  auto kept = co_await store_.settle(scope, {.status = response->status,
                                             .content_type = std::string(response->content_type),
                                             .body = response->body});
  if (!kept) {
    co_return fail(kept.error());
  }
  co_return response;
}

}  // namespace headgate::api
