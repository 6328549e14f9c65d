#include "dispatch/streamed_answer.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/recycler.h"
#include "dispatch/answer_head.h"
#include "dispatch/incoming_stream.h"
#include "dispatch/race.h"
#include "dispatch/remote_job.h"
#include "dispatch/translated_stream.h"
#include "dispatch/usage_estimate.h"

namespace headgate::dispatch {
namespace {

using routing::Delivered;

/// How long a connection may take to end behind an answer's end mark.
constexpr std::chrono::milliseconds kEndPatience{100};

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
      if (delivered == Delivered::Nothing) {
        note_usage({}, attempts_->context());  // what the client has nothing of is not billed
      }
      keep_trail();
      incoming_.held.clear();
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
        incoming_ = sent_tokens_ ? going_on() : from_the_beginning();
        calling_ = true;
        all_events_.reset();
        hedge_at_ = sent_tokens_ ? SteadyTime::max() : attempts_->hedge_at();
        co_return Result<void>{};
      }
      auto again = co_await attempts_->recover(
          called.error(), sent_tokens_ ? Delivered::Resumable : Delivered::Nothing);
      if (!again) {
        co_return again;
      }
    }
  }

  /// The stream of the current call, of which nothing has come.
  IncomingStream incoming(std::unique_ptr<TranslatedStream> translated) const {
    IncomingStream stream;
    stream.translated = translated.get();
    stream.relay = std::move(translated);
    stream.first_token_by =
        std::chrono::steady_clock::now() + attempts_->target().timeouts.first_token;
    return stream;
  }

  IncomingStream from_the_beginning() const {
    const providers::Provider& provider = *attempts_->target().protocol;
    if (!attempts_->passes()) {
      return incoming(std::make_unique<TranslatedStream>(provider.chat_reader(), new_writer()));
    }
    IncomingStream stream = incoming(nullptr);
    stream.relay = provider.stream_relay(attempts_->request());
    return stream;
  }

  /// Behind what the client has of an earlier call.
  IncomingStream going_on() const {
    const providers::Provider& provider = *attempts_->target().protocol;
    const auto from =
        attempts_->continues() ? TranslatedStream::From::Here : TranslatedStream::From::Beginning;
    TranslatedStream* const earlier = incoming_.translated;
    return incoming(earlier != nullptr
                        ? std::make_unique<TranslatedStream>(provider.chat_reader(), *earlier, from)
                        : std::make_unique<TranslatedStream>(provider.chat_reader(), new_writer(),
                                                             begun_, from));
  }

  std::unique_ptr<dialects::AnswerWriter> new_writer() const {
    return dialect_.writer(frame_of(attempts_->request(), attempts_->context()));
  }

  /// The next bytes of this call, empty at the proper end of its answer.
  Task<Result<std::string_view>> relay() {
    while (!incoming_.finished) {
      const SteadyTime ping_at = std::chrono::steady_clock::now() + kPingAfter;
      if (race_) {
        auto decided = co_await race_->decide(ping_at);
        if (decided && !*decided) {
          co_return dialect_.ping();
        }
        co_return raced(std::move(decided));
      }
      if (auto wire = attempts_->take_remote_wire()) {
        auto events = co_await chat_remotely(*attempts_, std::move(*wire));
        if (!events) {
          co_return fail(events.error());
        }
        all_events_ = std::move(*events);
        auto out = taken(*all_events_);
        if (!out || !out->empty()) {
          co_return out;
        }
      }
      if (all_events_) {
        co_return taken({});
      }
      const SteadyTime patience =
          has_token() ? ping_at : std::min({ping_at, incoming_.first_token_by, hedge_at_});
      if (!incoming_.head_seen) {
        auto there = co_await attempts_->current().await_answer(patience);
        if (!there) {
          co_return fail(there.error());
        }
        incoming_.head_seen = *there;
        if (incoming_.head_seen) {
          auto checked = check_content_type(attempts_->current(), model::Delivery::Stream,
                                            attempts_->request().form);
          if (!checked) {
            co_return fail(checked.error());
          }
          continue;
        }
      } else {
        const bool ended = incoming_.relay->ended();
        auto piece = co_await attempts_->current().read(ended ? end_by() : patience);
        if (ended && is_over(piece)) {
          piece = std::optional<std::string_view>(std::in_place);
        }
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
      const SteadyTime now = std::chrono::steady_clock::now();
      if (!has_token() && now >= incoming_.first_token_by) {
        co_return fail(no_token_in_time());
      }
      if (!has_token() && now >= hedge_at_) {
        start_race();
        continue;
      }
      co_return dialect_.ping();
    }
    co_return std::string_view();
  }

  static SteadyTime end_by() { return std::chrono::steady_clock::now() + kEndPatience; }

  /// Whether nothing more is to be waited for behind the end mark: that the wire does not end in
  /// due form takes nothing away from the answer.
  static bool is_over(const Result<std::optional<std::string_view>>& piece) {
    return piece ? !*piece : piece.error().kind != ErrorKind::ClientLeft;
  }

  /// Asks another target beside the one that is silent, if that can be.
  void start_race() {
    hedge_at_ = SteadyTime::max();
    auto beside = attempts_->call_beside();
    if (!beside) {
      return;
    }
    Attempts::Call silent = attempts_->release();
    attempts_->resume(std::move(*beside));
    auto start_beside = std::make_unique<TokenThere>(from_the_beginning());
    *beside = attempts_->release();
    attempts_->resume(std::move(silent));
    race_ = std::make_unique<Race>(*attempts_, std::make_unique<TokenThere>(std::move(incoming_)),
                                   std::move(*beside), std::move(start_beside));
    incoming_ = {};
  }

  /// The first bytes of the race's winner.
  Result<std::string_view> raced(Result<bool> decided) {
    const std::unique_ptr<Race> over = std::move(race_);
    if (!decided) {
      return fail(decided.error());
    }
    incoming_ = std::move(static_cast<TokenThere&>(over->winner()).stream);
    attempts_->answered();
    sent_tokens_ = true;
    note_progress();
    return flushed({});
  }

  /// What of a piece from the wire goes to the client now.
  Result<std::string_view> taken(std::string_view piece) {
    if (piece.empty() && incoming_.translated != nullptr &&
        demands_usage(attempts_->request().dialect)) {
      incoming_.translated->tell_usage(attempts_->request());
    }
    auto out = incoming_.feed(piece);
    if (!out) {
      note_usage(incoming_.relay->usage(), attempts_->context());
      return out;
    }
    if (!sent_tokens_ && incoming_.begins_with(*out)) {
      attempts_->answered();
      sent_tokens_ = true;
    }
    note_progress();
    if (sent_tokens_) {
      return flushed(*out);
    }
    incoming_.held.append(*out);
    return std::string_view();
  }

  void note_progress() {
    if (!incoming_.finished) {
      note_usage(incoming_.relay->usage(), attempts_->context());
      return;
    }
    note_final_usage(
        incoming_.relay->usage(), attempts_->request(),
        [this] { return incoming_.relay->trail().said(); }, attempts_->context());
    note_made(attempts_->request(), attempts_->context());
    attempts_->succeeded();
  }

  /// What was held back, and `out` behind it.
  std::string_view flushed(std::string_view out) {
    if (incoming_.held.empty()) {
      return out;
    }
    sending_ = std::move(incoming_.held);
    sending_.append(out);
    incoming_.held.clear();
    return sending_;
  }

  bool has_token() const { return sent_tokens_ && incoming_.relay->trail().has_tokens(); }

  Delivered what_is_delivered() const {
    if (!sent_tokens_) {
      return Delivered::Nothing;
    }
    const bool can_go_on = attempts_->request().kind == model::Kind::Chat && incoming_.relay &&
                           incoming_.relay->trail().started() &&
                           incoming_.relay->trail().complete();
    return can_go_on ? Delivered::Resumable : Delivered::Fixed;
  }

  void keep_trail() {
    if (sent_tokens_ && incoming_.relay) {
      begun_ = incoming_.relay->trail();
    }
  }

  std::string_view error_event(const Error& error) {
    model::RequestContext& context = attempts_->context();
    context.error_code = wire_code(error);
    context.error_detail = error.detail;
    sending_.clear();
    if (sent_tokens_ && incoming_.translated != nullptr) {
      incoming_.translated->break_off(error, sending_);
    } else {
      new_writer()->fail(error, sending_);
    }
    return sending_;
  }

  std::unique_ptr<Attempts> attempts_;
  const dialects::Dialect& dialect_;
  IncomingStream incoming_;     // of the call under way
  model::AnswerTrail begun_;    // what the client has, once a call broke off behind the first token
  SteadyTime hedge_at_;         // when another call may be made beside it
  std::unique_ptr<Race> race_;  // while it is undecided; incoming_ is empty then
  std::optional<std::string>
      all_events_;       // of a job's call that is a job at the provider, once it has ended
  std::string sending_;  // backs what next() has returned
  std::string_view first_;
  bool primed_ = false;
  bool calling_ = false;      // a call is under way
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
  announce_events(response);
  add_answer_fields(response, body->context());
  response.stream = std::move(body);
  co_return response;
}

}  // namespace headgate::dispatch
