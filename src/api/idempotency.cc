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

/// A key that a call has claimed: free again when this dies, unless an answer was kept.
class Claim final {
 public:
  Claim(stores::IdempotencyStore& store, const Sha256& scope) : store_(&store), scope_(scope) {}
  Claim(Claim&& other) noexcept
      : store_(std::exchange(other.store_, nullptr)), scope_(other.scope_) {}
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  Claim& operator=(Claim&&) = delete;
  ~Claim() {
    // Without a loop the gateway ends; the next start frees what is in flight.
    if (store_ != nullptr && EventLoop::current() != nullptr) {
      EventLoop::current()->spawn(drop(*store_, scope_));
    }
  }

  bool held() const { return store_ != nullptr; }
  Task<void> give_up() { return drop(*std::exchange(store_, nullptr), scope_); }
  /// Fails if the answer could not be kept; the key is held then.
  Task<Result<void>> keep(stores::KeptAnswer answer) {
    auto kept = co_await store_->settle(scope_, std::move(answer));
    if (kept) {
      store_ = nullptr;
    }
    co_return kept;
  }

 private:
  stores::IdempotencyStore* store_;
  Sha256 scope_;
};

/// Passes an answer on and keeps it when it is whole, before its last byte is out. If it breaks
/// off, also by an event that says so, the key is free before the client knows.
class RecordingStream final : public edge::BodyStream {
 public:
  RecordingStream(std::unique_ptr<edge::BodyStream> inner, Claim claim,
                  const edge::Response& response, const model::RequestContext& context)
      : inner_(std::move(inner)),
        claim_(std::move(claim)),
        context_(context),
        length_(response.stream_length) {
    answer_.status = response.status;
    answer_.content_type = response.media_type();
  }

  Task<Result<std::string_view>> next() override {
    auto piece = co_await inner_->next();
    if (!claim_.held()) {
      co_return piece;
    }
    if (!piece || !context_.error_code.empty()) {
      co_await claim_.give_up();
      co_return piece;
    }
    add(*piece);
    const bool whole = piece->empty() || (length_ && seen_ >= *length_);
    if (!whole) {
      co_return piece;
    }
    if (seen_ > kMaxAnswer) {
      co_await claim_.give_up();
      co_return piece;
    }
    auto kept = co_await claim_.keep(std::move(answer_));
    if (!kept) {
      co_return fail(kept.error());
    }
    co_return piece;
  }

 private:
  void add(std::string_view piece) {
    seen_ += piece.size();
    if (seen_ <= kMaxAnswer) {
      answer_.body.append(piece);
    } else {
      answer_.body = {};
    }
  }

  std::unique_ptr<edge::BodyStream> inner_;
  Claim claim_;
  const model::RequestContext& context_;
  std::optional<std::uint64_t> length_;
  stores::KeptAnswer answer_;
  std::uint64_t seen_ = 0;
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
  auto known = co_await store_.claim(**claim, unix_ms(clock_));
  if (!known) {
    co_return fail(known.error());
  }
  if (*known) {
    co_return replayed(std::move(**known));
  }
  Claim held(store_, scope);
  auto response = co_await endpoint.handle(call);
  if (!response || response->status >= 400 || response->websocket) {
    co_await held.give_up();
    co_return response;
  }
  if (response->stream) {
    auto inner = std::move(response->stream);
    response->stream = std::make_unique<RecordingStream>(std::move(inner), std::move(held),
                                                         *response, call.context);
    co_return response;
  }
  auto kept = co_await held.keep({.status = response->status,
                                  .content_type = std::string(response->media_type()),
                                  .body = response->body});
  if (!kept) {
    co_return fail(kept.error());
  }
  co_return response;
}

}  // namespace headgate::api
