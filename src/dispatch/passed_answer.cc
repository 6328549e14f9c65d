#include "dispatch/passed_answer.h"

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/json_balance.h"
#include "base/json_view.h"
#include "base/recycler.h"
#include "dispatch/answer_head.h"

namespace headgate::dispatch {
namespace {

constexpr std::size_t kMaxHeld = 1U << 20U;
constexpr std::size_t kMaxRead = 64U << 20U;
/// Usage stands at the end of a chat's answer.
constexpr std::size_t kTail = 2 << 10;

std::optional<std::uint64_t> length_of(const upstream::ResponseHead& head) {
  return head.body == upstream::ResponseHead::Body::Length ? std::optional(head.length)
                                                           : std::nullopt;
}

std::string_view tail_of(std::string_view body) {
  return body.substr(body.size() - std::min(body.size(), kTail));
}

/// A sound is heard while it is made: it is not held back for long, unless it is ready.
std::size_t most_held(Attempts& attempts) {
  const bool is_live =
      attempts.request().form == model::AnswerForm::Audio && !length_of(attempts.current().head());
  return is_live ? 1 : kMaxHeld;
}

void settle(Attempts& attempts, std::string_view tail, const std::function<std::uint64_t()>& said) {
  const model::InferenceRequest& request = attempts.request();
  if (request.form == model::AnswerForm::Json) {
    note_final_usage(attempts.target().protocol->usage_of(tail), request, said, attempts.context());
  }
  note_made(request, attempts.context());
  attempts.succeeded();
}

class LongBody final : public edge::BodyStream, public Recycled {
 public:
  LongBody(std::unique_ptr<Attempts> attempts, std::string begin)
      : attempts_(std::move(attempts)),
        begin_(std::move(begin)),
        tail_(tail_of(begin_)),
        length_(length_of(attempts_->current().head())),
        seen_(begin_.size()),
        is_json_(attempts_->request().form == model::AnswerForm::Json) {
    follow(begin_);
  }

  Task<Result<std::string_view>> next() override {
    if (!std::exchange(begun_, true)) {
      co_return std::string_view(begin_);
    }
    begin_ = {};
    auto piece = co_await attempts_->current().read(SteadyTime::max());
    if (!piece) {
      attempts_->broke_off(piece.error());
      co_return fail(piece.error());
    }
    const std::string_view bytes = **piece;
    tail_.append(tail_of(bytes));
    tail_.erase(0, tail_.size() - std::min(tail_.size(), kTail));
    seen_ += bytes.size();
    follow(bytes);
    // Of a known length the end is not asked for.
    if (!settled_ && (bytes.empty() || (length_ && seen_ == *length_))) {
      if (is_json_ && !balance_.whole()) {
        const Error error = upstream_failed("The model server's answer broke off.");
        attempts_->broke_off(error);
        co_return fail(error);
      }
      settled_ = true;
      settle(*attempts_, tail_, [this] { return seen_; });
    }
    co_return bytes;
  }

 private:
  void follow(std::string_view bytes) {
    if (is_json_) {
      balance_.feed(bytes);
    }
  }

  std::unique_ptr<Attempts> attempts_;
  std::string begin_;
  std::string tail_;
  std::optional<std::uint64_t> length_;
  std::uint64_t seen_;  // bytes; nearly all of so long an answer is what the model said
  bool is_json_;
  JsonBalance balance_;
  bool begun_ = false;
  bool settled_ = false;
};

}  // namespace

Result<Held> held_at_hand(Attempt& attempt) {
  Held held;
  const auto length = length_of(attempt.head());
  if (!length || *length > kMaxHeld) {
    return held;
  }
  auto piece = attempt.take();
  if (!piece) {
    return fail(piece.error());
  }
  if (*piece) {
    held.bytes.reserve(*length);
    held.bytes.assign(**piece);
    held.whole = held.bytes.size() == *length;
  }
  return held;
}

Task<Result<void>> hold(Attempts& attempts, Held& held) {
  Attempt& attempt = attempts.current();
  const auto length = length_of(attempt.head());
  const std::size_t most = most_held(attempts);
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
    if (body.size() + (*piece)->size() > kMaxRead) {
      co_return fail(
          upstream_failed("The model server's answer is too large.", "more than 64 MiB to read"));
    }
    body.append(**piece);
  }
}

std::unique_ptr<edge::BodyStream> long_body(std::unique_ptr<Attempts> attempts, std::string begin) {
  return std::make_unique<LongBody>(std::move(attempts), std::move(begin));
}

void settle_whole(Attempts& attempts, std::string_view body,
                  const std::function<std::uint64_t()>& said) {
  const model::Kind kind = attempts.request().kind;
  const bool at_the_end = kind == model::Kind::Chat || kind == model::Kind::Completion ||
                          kind == model::Kind::Embedding;
  if (at_the_end || attempts.request().form != model::AnswerForm::Json) {
    settle(attempts, tail_of(body), said);
    return;
  }
  // Anything in such an answer may read "usage"; what the root says is meant.
  std::string told = "{";
  for (const char* name : {"duration", "usage"}) {
    const JsonView value = JsonView(body)[name];
    if (value.given()) {
      told.append(told.size() > 1 ? "," : "").append(json_quote(name)).append(":");
      told.append(value.raw());
    }
  }
  settle(attempts, told.append("}"), said);
}

}  // namespace headgate::dispatch
