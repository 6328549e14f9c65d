#include "dispatch/whole_answer.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/recycler.h"
#include "dialects/dialect.h"
#include "dispatch/answer_head.h"
#include "dispatch/kinds.h"

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

std::string_view tail_of(std::string_view body) {
  return body.substr(body.size() - std::min(body.size(), kTail));
}

/// Where an answer that is all here may tell its usage.
std::string_view usage_part(const model::InferenceRequest& request, std::string_view body) {
  const bool at_the_end = request.kind == model::Kind::Chat ||
                          request.kind == model::Kind::Completion ||
                          request.kind == model::Kind::Embedding;
  return at_the_end ? tail_of(body) : body;
}

void settle(Attempts& attempts, std::string_view tail) {
  if (attempts.request().form == model::AnswerForm::Json) {
    note_usage(attempts.target().protocol->usage_of(tail), attempts.context());
  }
  note_made(attempts.request(), attempts.context());
  attempts.succeeded();
}

/// A sound is heard while it is made: it is not held back for long, unless it is ready.
std::size_t most_held(Attempts& attempts) {
  const bool is_live =
      attempts.request().form == model::AnswerForm::Audio && !length_of(attempts.current().head());
  return is_live ? 1 : kMaxHeld;
}

/// Says what it is if that is not JSON.
void add_content_type(edge::Response& response, std::string_view type) {
  response.content_type = {};
  response.add_field("Content-Type", type);
}

/// What an answer of unchanged bytes begins with, as far as it is held back.
struct Held {
  std::string bytes;
  bool whole = false;
};

/// The same without waiting: nothing if the answer is not here in one piece.
Result<std::optional<Held>> held_at_hand(Attempt& attempt) {
  const auto length = length_of(attempt.head());
  if (!length || *length > kMaxHeld) {
    return std::optional<Held>();
  }
  auto piece = attempt.take();
  if (!piece) {
    return fail(piece.error());
  }
  if (!*piece) {
    return std::optional<Held>();
  }
  Held held;
  held.bytes.reserve(*length);
  held.bytes.assign(**piece);
  held.whole = held.bytes.size() == *length;
  return std::optional(std::move(held));
}

Task<Result<void>> hold(Attempt& attempt, Held& held, std::size_t most) {
  const auto length = length_of(attempt.head());
  while (!held.whole && held.bytes.size() < most) {
    auto piece = co_await attempt.read(SteadyTime::max());
    if (!piece) {
      co_return fail(piece.error());
    }
    held.bytes.append(**piece);
    held.whole = (*piece)->empty() || (length && held.bytes.size() == *length);
  }
  co_return Result<void>{};
}

/// An answer that is longer than what is held back.
class LongBody final : public edge::BodyStream, public Recycled {
 public:
  LongBody(std::unique_ptr<Attempts> attempts, std::string begin)
      : attempts_(std::move(attempts)),
        begin_(std::move(begin)),
        tail_(tail_of(begin_)),
        length_(length_of(attempts_->current().head())),
        seen_(begin_.size()) {}

  Task<Result<std::string_view>> next() override {
    if (!std::exchange(begun_, true)) {
      co_return std::string_view(begin_);
    }
    begin_ = {};
    auto piece = co_await attempts_->current().read(SteadyTime::max());
    if (!piece) {
      co_return fail(piece.error());
    }
    const std::string_view bytes = **piece;
    tail_.append(tail_of(bytes));
    tail_.erase(0, tail_.size() - std::min(tail_.size(), kTail));
    seen_ += bytes.size();
    // Of a known length the end is not asked for.
    if (!settled_ && (bytes.empty() || (length_ && seen_ == *length_))) {
      settled_ = true;
      settle(*attempts_, tail_);
    }
    co_return bytes;
  }

 private:
  std::unique_ptr<Attempts> attempts_;
  std::string begin_;
  std::string tail_;
  std::optional<std::uint64_t> length_;
  std::uint64_t seen_;
  bool begun_ = false;
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

/// The answer of a kind that is no chat.
Result<edge::Response> translated_kind(Attempts& attempts, std::string_view body) {
  auto answer = decode_kind(*attempts.target().protocol, attempts.request(),
                            frame_of(attempts.request(), attempts.context()), body);
  if (!answer) {
    return fail(answer.error());
  }
  note_usage(answer->usage, attempts.context());
  note_made(attempts.request(), attempts.context());
  attempts.succeeded();
  edge::Response response;
  add_answer_fields(response, attempts.context());
  if (!answer->content_type.empty()) {
    add_content_type(response, answer->content_type);
  }
  response.body = std::move(answer->body);
  return response;
}

/// Reads an answer in the provider's words and puts it into the client's.
Task<Result<edge::Response>> translate(Attempts& attempts) {
  auto body = co_await read_all(attempts.current());
  if (!body) {
    co_return fail(body.error());
  }
  if (attempts.request().kind != model::Kind::Chat) {
    co_return translated_kind(attempts, *body);
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

/// Vectors that the client wants in base64, whatever the server made of that.
Task<Result<edge::Response>> relay_vectors(Attempts& attempts) {
  auto body = co_await read_all(attempts.current());
  if (!body) {
    co_return fail(body.error());
  }
  if (needs_base64(attempts.request(), *body)) {
    co_return translated_kind(attempts, *body);
  }
  edge::Response response;
  add_answer_fields(response, attempts.context());
  settle(attempts, tail_of(*body));
  response.body = std::move(*body);
  co_return response;
}

/// The answer of the call under way.
Task<Result<edge::Response>> answer_of_call(std::unique_ptr<Attempts>& attempts) {
  auto there = co_await attempts->current().await_answer(SteadyTime::max());
  if (!there) {
    co_return fail(there.error());
  }
  const model::InferenceRequest& request = attempts->request();
  auto checked = check_content_type(attempts->current(), request.delivery,
                                    attempts->passes() ? request.form : model::AnswerForm::Json);
  if (!checked) {
    co_return fail(checked.error());
  }
  if (!attempts->passes()) {
    co_return co_await translate(*attempts);
  }
  if (request.base64) {
    co_return co_await relay_vectors(*attempts);
  }
  auto at_hand = held_at_hand(attempts->current());
  if (!at_hand) {
    co_return fail(at_hand.error());
  }
  Held held = std::move(*at_hand).value_or(Held());
  if (!held.whole) {
    auto more = co_await hold(attempts->current(), held, most_held(*attempts));
    if (!more) {
      co_return fail(more.error());
    }
  }
  edge::Response response;
  add_answer_fields(response, attempts->context());
  if (request.form != model::AnswerForm::Json) {
    add_content_type(response, *attempts->current().head().field("content-type"));
  }
  if (held.whole) {
    settle(*attempts, usage_part(request, held.bytes));
    response.body = std::move(held.bytes);
    co_return response;
  }
  response.stream_length = length_of(attempts->current().head());
  response.stream = std::make_unique<LongBody>(std::move(attempts), std::move(held.bytes));
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
