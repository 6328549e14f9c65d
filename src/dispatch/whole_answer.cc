#include "dispatch/whole_answer.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/recycler.h"
#include "dialects/dialect.h"
#include "dispatch/answer_head.h"
#include "dispatch/race.h"
#include "dispatch/remote_job.h"
#include "dispatch/usage_estimate.h"

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

/// `said`: see said_in(); asked for only if the tail tells no usage.
void settle(Attempts& attempts, std::string_view tail, const std::function<std::uint64_t()>& said) {
  note_final_usage(attempts.target().protocol->usage_of(tail), attempts.request(), said,
                   attempts.context());
  attempts.succeeded();
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

Task<Result<void>> hold(Attempt& attempt, Held& held) {
  const auto length = length_of(attempt.head());
  while (!held.whole && held.bytes.size() < kMaxHeld) {
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
    if (bytes.empty()) {
      settle(*attempts_, tail_, [this] { return seen_; });
    } else {
      seen_ += bytes.size();
      tail_.append(tail_of(bytes));
      tail_.erase(0, tail_.size() - std::min(tail_.size(), kTail));
    }
    co_return bytes;
  }

 private:
  std::unique_ptr<Attempts> attempts_;
  std::string begin_;
  std::string tail_;
  std::uint64_t seen_;  // bytes; nearly all of so long an answer is what the model said
  bool begun_ = false;
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

/// Puts an answer in the provider's words into the client's.
Result<edge::Response> translated(Attempts& attempts, std::string_view body) {
  auto answer = attempts.target().protocol->decode_chat(body);
  if (!answer) {
    return fail(answer.error());
  }
  const model::InferenceRequest& request = attempts.request();
  note_final_usage(answer->usage, request, [&] { return said_in(*answer); }, attempts.context());
  attempts.succeeded();
  if (attempts.context().usage_estimated && demands_usage(request.dialect)) {
    answer->usage = estimated_usage(answer->usage, request, said_in(*answer));
  }
  edge::Response response;
  add_answer_fields(response, attempts.context());
  response.body =
      dialects::dialect_for(request.dialect).encode(*answer, frame_of(request, attempts.context()));
  return response;
}

Task<Result<edge::Response>> translate(Attempts& attempts) {
  auto body = co_await read_all(attempts.current());
  co_return body ? translated(attempts, *body) : fail(body.error());
}

/// The answer of a call that is a job at the provider.
Task<Result<edge::Response>> answer_of_job(Attempts& attempts, providers::WireRequest wire) {
  auto body = co_await chat_remotely(attempts, std::move(wire));
  if (!body) {
    co_return fail(body.error());
  }
  if (!attempts.passes()) {
    co_return translated(attempts, *body);
  }
  auto sound = attempts.target().protocol->check_answer(attempts.request().kind, *body);
  if (!sound) {
    co_return fail(sound.error());
  }
  settle(attempts, tail_of(*body), [&] { return said_in(*body); });
  edge::Response response;
  add_answer_fields(response, attempts.context());
  if (const auto wait = attempts.current().remote_wait()) {
    response.add_field("x-headgate-remote-wait-ms", std::to_string(wait->count()));
  }
  response.body = std::move(*body);
  co_return response;
}

/// In a race, the call wins whose head is here first.
class HeadThere final : public Race::Start {
 public:
  Task<Result<void>> run(Attempt& attempt) override {
    auto there = co_await attempt.await_answer(SteadyTime::max());
    co_return there ? check_content_type(attempt, model::Delivery::Whole) : fail(there.error());
  }
};

/// Waits for the head of a call that has been silent for long, or of another beside it.
Task<Result<bool>> await_either(Attempts& attempts) {
  auto beside = attempts.call_beside();
  if (!beside) {
    co_return co_await attempts.current().await_answer(SteadyTime::max());
  }
  Race race(attempts, std::make_unique<HeadThere>(), std::move(*beside),
            std::make_unique<HeadThere>());
  co_return co_await race.decide(SteadyTime::max());
}

/// The answer of the call under way.
Task<Result<edge::Response>> answer_of_call(std::unique_ptr<Attempts>& attempts) {
  if (auto wire = attempts->take_remote_wire()) {
    co_return co_await answer_of_job(*attempts, std::move(*wire));
  }
  auto there = co_await attempts->current().await_answer(attempts->hedge_at());
  if (there && !*there) {
    there = co_await await_either(*attempts);
  }
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
  auto at_hand = held_at_hand(attempts->current());
  if (!at_hand) {
    co_return fail(at_hand.error());
  }
  Held held = std::move(*at_hand).value_or(Held());
  if (!held.whole) {
    auto more = co_await hold(attempts->current(), held);
    if (!more) {
      co_return fail(more.error());
    }
  }
  if (held.whole) {
    auto sound = attempts->target().protocol->check_answer(attempts->request().kind, held.bytes);
    if (!sound) {
      co_return fail(sound.error());
    }
  }
  edge::Response response;
  if (held.whole) {
    settle(*attempts, tail_of(held.bytes), [&] { return said_in(held.bytes); });
    add_answer_fields(response, attempts->context());
    response.body = std::move(held.bytes);
    co_return response;
  }
  add_answer_fields(response, attempts->context());
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
