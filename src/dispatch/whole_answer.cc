#include "dispatch/whole_answer.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/recycler.h"
#include "dialects/dialect.h"
#include "dispatch/answer_head.h"

namespace headgate::dispatch {
namespace {

/// What is held back until the answer is known to be whole.
constexpr std::size_t kMaxHeld = 1U << 20U;
/// The longest answer that is translated.
constexpr std::size_t kMaxTranslated = 64U << 20U;
/// Usage stands at the end of a whole answer.
constexpr std::size_t kTail = 2 << 10;

std::optional<std::uint64_t> length_of(const upstream::ResponseHead& head) {
  return head.body == upstream::ResponseHead::Body::Length ? std::optional(head.length)
                                                           : std::nullopt;
}

/// An answer in whose bytes nothing changes.
class PassedBody final : public edge::BodyStream, public Recycled {
 public:
  explicit PassedBody(std::unique_ptr<Attempts> attempts) : attempts_(std::move(attempts)) {}

  /// Reads ahead without waiting: true if the answer is here to its end, in one piece. Fails if it
  /// broke off.
  Result<bool> take_all() {
    const auto length = length_of(attempts_->current().head());
    auto piece = attempts_->current().take();
    if (!piece) {
      return fail(piece.error());
    }
    if (!*piece) {
      return false;
    }
    ahead_ = **piece;
    if (ahead_.empty() || (length && ahead_.size() == *length)) {
      settle(ahead_);
      return true;
    }
    held_.reserve(std::min<std::uint64_t>(length.value_or(ahead_.size() * 2), kMaxHeld));
    held_.assign(ahead_);
    return false;
  }

  /// Reads ahead to the end of the answer, or as far as it is held back.
  Task<Result<void>> hold() {
    const auto length = length_of(attempts_->current().head());
    while (held_.size() < kMaxHeld) {
      if (length && held_.size() >= *length) {
        settle(held_);
        break;
      }
      auto piece = co_await attempts_->current().read(SteadyTime::max());
      if (!piece) {
        co_return fail(piece.error());
      }
      if ((*piece)->empty()) {
        settle(held_);
        break;
      }
      held_.append(**piece);
    }
    ahead_ = held_;
    co_return Result<void>{};
  }

  /// Of all that is to be sent, if it is known.
  std::optional<std::uint64_t> length() const {
    return settled_ ? std::optional<std::uint64_t>(ahead_.size())
                    : length_of(attempts_->current().head());
  }
  Attempts& attempts() { return *attempts_; }
  std::unique_ptr<Attempts> release() { return std::move(attempts_); }

  Task<Result<std::string_view>> next() override {
    if (auto here = at_hand()) {
      co_return std::move(*here);
    }
    auto piece = co_await attempts_->current().read(SteadyTime::max());
    if (!piece) {
      co_return fail(piece.error());
    }
    co_return seen(**piece);
  }

  std::optional<Result<std::string_view>> at_hand() override {
    if (!ahead_.empty()) {
      return std::exchange(ahead_, {});
    }
    if (settled_) {
      return std::string_view();
    }
    auto piece = attempts_->current().take();
    if (!piece) {
      return fail(piece.error());
    }
    if (!*piece) {
      return std::nullopt;
    }
    return seen(**piece);
  }

 private:
  /// A further piece of an answer that is longer than what is held back.
  std::string_view seen(std::string_view bytes) {
    if (sent_ == 0) {
      sent_ = held_.size();
      held_ = std::string(held_, held_.size() - std::min(held_.size(), kTail));
    }
    sent_ += bytes.size();
    if (held_.size() + bytes.size() > kTail) {
      held_.erase(0, std::min(held_.size(), held_.size() + bytes.size() - kTail));
    }
    held_.append(bytes.substr(bytes.size() - std::min(bytes.size(), kTail)));
    const auto length = length_of(attempts_->current().head());
    if (bytes.empty() || (length && sent_ >= *length)) {
      settle(held_);
    }
    return bytes;
  }

  void settle(std::string_view body) {
    const std::string_view tail = body.substr(body.size() - std::min(body.size(), kTail));
    note_usage(attempts_->target().protocol->usage_of(tail), attempts_->context());
    attempts_->succeeded();
    settled_ = true;
  }

  std::unique_ptr<Attempts> attempts_;
  std::string_view ahead_;  // to be sent first
  std::string held_;        // what is held back; later the answer's tail
  std::uint64_t sent_ = 0;  // once it is longer than what is held back
  bool settled_ = false;
};

Task<Result<std::string>> read_all(Attempt& attempt) {
  std::string body;
  while (true) {
    auto piece = co_await attempt.read(SteadyTime::max());
    if (!piece) {
      co_return fail(piece.error());
    }
    if ((*piece)->empty()) {
      co_return body;
    }
    if (body.size() + (*piece)->size() > kMaxTranslated) {
      co_return fail(upstream_failed("The model server's answer is too large.",
                                     "more than 64 MiB to translate"));
    }
    body.append(**piece);
  }
}

/// Reads an answer in the provider's words and puts it into the client's.
Task<Result<edge::Response>> translate(Attempts& attempts) {
  auto body = co_await read_all(attempts.current());
  if (!body) {
    co_return fail(body.error());
  }
  const auto answer = attempts.target().protocol->decode_chat(*body);
  if (!answer) {
    co_return fail(answer.error());
  }
  note_usage(answer->usage, attempts.context());
  attempts.succeeded();
  edge::Response response;
  add_answer_fields(response, attempts.context());
  response.body = dialects::dialect_for(attempts.request().dialect)
                      .encode(*answer, frame_of(attempts.request(), attempts.context()));
  co_return response;
}

/// The answer of the call under way.
Task<Result<edge::Response>> answer_of_call(std::unique_ptr<Attempts>& attempts) {
  auto there = co_await attempts->current().await_answer(SteadyTime::max());
  if (!there) {
    co_return fail(there.error());
  }
  auto checked = check_content_type(attempts->current(), attempts->request().delivery);
  if (!checked) {
    co_return fail(checked.error());
  }
  if (!attempts->passes()) {
    co_return co_await translate(*attempts);
  }
  auto body = std::make_unique<PassedBody>(std::move(attempts));
  auto held = body->take_all();
  if (held && !*held) {
    auto waited = co_await body->hold();
    if (!waited) {
      held = fail(waited.error());
    }
  }
  if (!held) {
    attempts = body->release();
    co_return fail(held.error());
  }
  edge::Response response;
  add_answer_fields(response, body->attempts().context());
  response.stream_length = body->length();
  response.stream = std::move(body);
  co_return response;
}

}  // namespace

Task<Result<edge::Response>> answer_whole(std::unique_ptr<Attempts> attempts) {
  while (true) {
    if (attempts->must_note()) {
      auto noted = co_await attempts->note();
      if (!noted) {
        co_return fail(noted.error());
      }
    }
    auto called = attempts->call();
    auto answer = called ? co_await answer_of_call(attempts) : fail(called.error());
    if (answer) {
      co_return answer;
    }
    auto again = co_await attempts->recover(answer.error(), routing::Delivered::Nothing);
    if (!again) {
      co_return fail(again.error());
    }
  }
}

}  // namespace headgate::dispatch
