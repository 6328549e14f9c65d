#include "dispatch/incoming_stream.h"

#include "dispatch/answer_head.h"

namespace headgate::dispatch {
namespace {

/// What may come before the first token; more is not held back.
constexpr std::size_t kMaxHeld = 256U << 10U;

}  // namespace

Result<std::string_view> IncomingStream::feed(std::string_view piece) {
  finished = piece.empty();
  return finished ? relay->finish() : relay->feed(piece);
}

bool IncomingStream::begins_with(std::string_view out) const {
  return finished ||
         (!out.empty() && (relay->trail().has_tokens() || held.size() + out.size() > kMaxHeld));
}

Error no_token_in_time() {
  Error error = timed_out("The model server did not begin to answer in time.");
  error.origin = Origin::Upstream;
  return error;
}

Task<Result<void>> TokenThere::run(Attempt& attempt) {
  if (!stream.head_seen) {
    auto there = co_await attempt.await_answer(stream.first_token_by);
    if (!there) {
      co_return fail(there.error());
    }
    if (!*there) {
      co_return fail(no_token_in_time());
    }
    stream.head_seen = true;
    auto checked = check_content_type(attempt, model::Delivery::Stream, model::AnswerForm::Json);
    if (!checked) {
      co_return checked;
    }
  }
  while (true) {
    auto piece = co_await attempt.read(stream.first_token_by);
    if (attempt.broken_off()) {
      co_return fail(client_left());
    }
    if (!piece) {
      co_return fail(piece.error());
    }
    if (!*piece) {
      co_return fail(no_token_in_time());
    }
    auto out = stream.feed(**piece);
    if (!out) {
      co_return fail(out.error());
    }
    const bool begun = stream.begins_with(*out);
    stream.held.append(*out);
    if (begun) {
      co_return Result<void>{};
    }
  }
}

}  // namespace headgate::dispatch
