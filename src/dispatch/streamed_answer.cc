#include "dispatch/streamed_answer.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/recycler.h"
#include "dispatch/answer_head.h"
#include "dispatch/translated_stream.h"

namespace headgate::dispatch {
namespace {

using routing::Delivered;

/// What may come before the first token; more is not held back.
constexpr std::size_t kMaxHeld = 256U << 10U;

class EventBody final : public edge::BodyStream, public Recycled {
 public:
  explicit EventBody(std::unique_ptr<Attempts> attempts)
      : attempts_(std::move(attempts)),
        dialect_(dialects::dialect_for(attempts_->request().dialect)) {}

  /// Waits for the first bytes that the client is to see. Fails if there will be none.
  Task<Result<void>> prime() {
    auto bytes = co_await produce();
    if (!bytes) {
      co_return fail(bytes.error());
    }
    first_ = *bytes;
    primed_ = true;
    co_return Result<void>{};
  }

  Task<Result<std::string_view>> next() override {
    if (ended_) {
      co_return std::string_view();
    }
    if (std::exchange(primed_, false)) {
      ended_ = first_.empty();
      co_return first_;
    }
    auto bytes = co_await produce();
    if (bytes) {
      ended_ = bytes->empty();
      co_return *bytes;
    }
    ended_ = true;
    const model::RequestContext& context = attempts_->context();
    if (context.ledger != nullptr || bytes.error().kind == ErrorKind::ClientLeft) {
      co_return fail(bytes.error());
    }
    co_return error_event(bytes.error());
  }

  const model::RequestContext& context() const { return attempts_->context(); }

 private:
  /// The next bytes for the client, over as many calls as it takes.
  Task<Result<std::string_view>> produce() {
    while (true) {
      if (!calling_) {
        auto called = co_await call();
        if (!called) {
          co_return fail(called.error());
        }
      }
      auto bytes = co_await relay();
      if (bytes) {
        co_return bytes;
      }
      const Delivered delivered = what_is_delivered();
      keep_trail();
      held_.clear();
      calling_ = false;
      auto again = co_await attempts_->recover(bytes.error(), delivered);
      if (!again) {
        co_return fail(again.error());
      }
    }
  }

  /// Calls the target that was chosen; if it cannot be asked, the next.
  Task<Result<void>> call() {
    while (true) {
      if (attempts_->must_note()) {
        auto noted = co_await attempts_->note();
        if (!noted) {
          co_return noted;
        }
      }
      auto called = sent_tokens_ ? attempts_->call_again(begun_) : attempts_->call();
      if (called) {
        relay_ = make_relay();
        head_seen_ = finished_ = false;
        calling_ = true;
        first_token_by_ =
            std::chrono::steady_clock::now() + attempts_->target().timeouts.first_token;
        co_return Result<void>{};
      }
      auto again = co_await attempts_->recover(
          called.error(), sent_tokens_ ? Delivered::Resumable : Delivered::Nothing);
      if (!again) {
        co_return again;
      }
    }
  }

  std::unique_ptr<providers::StreamRelay> make_relay() {
    const providers::Provider& provider = *attempts_->target().protocol;
    TranslatedStream* const earlier = std::exchange(translated_, nullptr);
    if (!sent_tokens_ && attempts_->passes()) {
      return provider.stream_relay(attempts_->request());
    }
    const auto from =
        attempts_->continues() ? TranslatedStream::From::Here : TranslatedStream::From::Beginning;
    std::unique_ptr<TranslatedStream> translated;
    if (sent_tokens_ && earlier != nullptr) {
      translated = std::make_unique<TranslatedStream>(provider.chat_reader(), *earlier, from);
    } else if (sent_tokens_) {
      translated =
          std::make_unique<TranslatedStream>(provider.chat_reader(), new_writer(), begun_, from);
    } else {
      translated = std::make_unique<TranslatedStream>(provider.chat_reader(), new_writer());
    }
    translated_ = translated.get();
    return translated;
  }

  std::unique_ptr<dialects::AnswerWriter> new_writer() const {
    return dialect_.writer(frame_of(attempts_->request(), attempts_->context()));
  }

  /// The next bytes of this call, empty at the proper end of its answer.
  Task<Result<std::string_view>> relay() {
    while (!finished_) {
      const SteadyTime ping_at = std::chrono::steady_clock::now() + kPingAfter;
      const SteadyTime patience = has_token() ? ping_at : std::min(ping_at, first_token_by_);
      if (!head_seen_) {
        auto there = co_await attempts_->current().await_answer(patience);
        if (!there) {
          co_return fail(there.error());
        }
        head_seen_ = *there;
        if (head_seen_) {
          auto checked = check_content_type(attempts_->current(), model::Delivery::Stream,
                                            attempts_->request().form);
          if (!checked) {
            co_return fail(checked.error());
          }
          continue;
        }
      } else {
        auto piece = co_await attempts_->current().read(patience);
        if (!piece) {
          co_return fail(piece.error());
        }
        if (*piece) {
          auto out = taken(**piece);
          if (!out || !out->empty()) {
            co_return out;
          }
          continue;
        }
      }
      if (!has_token() && std::chrono::steady_clock::now() >= first_token_by_) {
        Error error = timed_out("The model server did not begin to answer in time.");
        error.origin = Origin::Upstream;
        co_return fail(std::move(error));
      }
      co_return dialect_.ping();
    }
    co_return std::string_view();
  }

  /// What of a piece from the wire goes to the client now.
  Result<std::string_view> taken(std::string_view piece) {
    finished_ = piece.empty();
    auto out = finished_ ? relay_->finish() : relay_->feed(piece);
    note_usage(relay_->usage(), attempts_->context());
    if (!out) {
      return out;
    }
    if (finished_) {
      note_made(attempts_->request(), attempts_->context());
      attempts_->succeeded();
    }
    if (sent_tokens_ || out->empty()) {
      return finished_ ? flushed(*out) : out;
    }
    if (relay_->trail().has_tokens() || finished_ || held_.size() + out->size() > kMaxHeld) {
      attempts_->answered();
      sent_tokens_ = true;
      return flushed(*out);
    }
    held_.append(*out);
    return std::string_view();
  }

  /// What was held back, and `out` behind it.
  std::string_view flushed(std::string_view out) {
    if (held_.empty()) {
      return out;
    }
    sending_ = std::move(held_);
    sending_.append(out);
    held_.clear();
    return sending_;
  }

  bool has_token() const { return sent_tokens_ && relay_->trail().has_tokens(); }

  Delivered what_is_delivered() const {
    if (!sent_tokens_) {
      return Delivered::Nothing;
    }
    const bool can_go_on = attempts_->request().kind == model::Kind::Chat && relay_ &&
                           relay_->trail().started() && relay_->trail().complete();
    return can_go_on ? Delivered::Resumable : Delivered::Fixed;
  }

  void keep_trail() {
    if (sent_tokens_ && relay_) {
      begun_ = relay_->trail();
    }
  }

  std::string_view error_event(const Error& error) {
    model::RequestContext& context = attempts_->context();
    context.error_code = wire_code(error);
    context.error_detail = error.detail;
    sending_.clear();
    if (sent_tokens_ && translated_ != nullptr) {
      translated_->break_off(error, sending_);
    } else {
      new_writer()->fail(error, sending_);
    }
    return sending_;
  }

  std::unique_ptr<Attempts> attempts_;
  const dialects::Dialect& dialect_;
  std::unique_ptr<providers::StreamRelay> relay_;
  TranslatedStream* translated_ = nullptr;  // relay_, if it is one
  model::AnswerTrail begun_;  // what the client has, once a call broke off behind the first token
  SteadyTime first_token_by_;
  std::string held_;     // what came before the first token
  std::string sending_;  // backs what next() has returned
  std::string_view first_;
  bool primed_ = false;
  bool calling_ = false;      // a call is under way
  bool head_seen_ = false;    // of that call
  bool finished_ = false;     // its wire stream ended
  bool sent_tokens_ = false;  // the client has some of an answer
  bool ended_ = false;        // nothing more goes to the client
};

}  // namespace

Task<Result<edge::Response>> answer_streamed(std::unique_ptr<Attempts> attempts) {
  auto body = std::make_unique<EventBody>(std::move(attempts));
  auto primed = co_await body->prime();
  if (!primed) {
    co_return fail(primed.error());
  }
  edge::Response response;
  response.content_type = "text/event-stream; charset=utf-8";
  response.fields = "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n";
  add_answer_fields(response, body->context());
  response.stream = std::move(body);
  co_return response;
}

}  // namespace headgate::dispatch
