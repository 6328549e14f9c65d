#include "dispatch/whole_answer.h"

#include <string>
#include <string_view>
#include <utility>

#include "dialects/dialect.h"
#include "dispatch/answer_head.h"
#include "dispatch/kinds.h"
#include "dispatch/passed_answer.h"
#include "dispatch/race.h"
#include "dispatch/remote_job.h"
#include "dispatch/usage_estimate.h"

namespace headgate::dispatch {
namespace {

/// Says what it is if that is not JSON.
void add_content_type(edge::Response& response, std::string_view type) {
  response.content_type = {};
  response.add_field("Content-Type", type);
}

/// The form in which the current call's answer comes.
model::AnswerForm form_of_call(const Attempts& attempts) {
  return attempts.passes() ? attempts.request().form : model::AnswerForm::Json;
}

edge::Response make_response(const Attempts& attempts, std::string body) {
  edge::Response response;
  add_answer_fields(response, attempts.context());
  response.body = std::move(body);
  return response;
}

Result<edge::Response> translated_kind(Attempts& attempts, std::string_view body) {
  const model::InferenceRequest& request = attempts.request();
  auto answer = decode_kind(*attempts.target().protocol, request,
                            frame_of(request, attempts.context()), body);
  if (!answer) {
    return fail(answer.error());
  }
  note_final_usage(answer->usage, request, [] { return 0U; }, attempts.context());
  note_made(request, attempts.context());
  attempts.succeeded();
  edge::Response response = make_response(attempts, std::move(answer->body));
  if (!answer->content_type.empty()) {
    add_content_type(response, answer->content_type);
  }
  return response;
}

/// Puts an answer in the provider's words into the client's.
Result<edge::Response> translated(Attempts& attempts, std::string_view body) {
  const model::InferenceRequest& request = attempts.request();
  if (request.kind != model::Kind::Chat) {
    return translated_kind(attempts, body);
  }
  auto answer = attempts.target().protocol->decode_chat(body);
  if (!answer) {
    return fail(answer.error());
  }
  note_final_usage(answer->usage, request, [&] { return said_in(*answer); }, attempts.context());
  attempts.succeeded();
  if (attempts.context().usage_estimated && demands_usage(request.dialect)) {
    answer->usage = estimated_usage(answer->usage, request, said_in(*answer));
  }
  return make_response(attempts, dialects::dialect_for(request.dialect)
                                     .encode(*answer, frame_of(request, attempts.context())));
}

/// A whole answer as the target wrote it, if it is one.
Result<edge::Response> passed(Attempts& attempts, std::string body) {
  if (attempts.request().form == model::AnswerForm::Json) {
    auto sound = attempts.target().protocol->check_answer(attempts.request().kind, body);
    if (!sound) {
      return fail(sound.error());
    }
  }
  settle_whole(attempts, body, [&] { return said_in(body); });
  return make_response(attempts, std::move(body));
}

/// The answer of a call that is a job at the provider.
Task<Result<edge::Response>> answer_of_job(Attempts& attempts, providers::WireRequest wire) {
  auto body = co_await chat_remotely(attempts, std::move(wire));
  if (!body) {
    co_return fail(body.error());
  }
  const auto wait = attempts.current().remote_wait();
  auto response =
      attempts.passes() ? passed(attempts, std::move(*body)) : translated(attempts, *body);
  if (response && wait) {
    response->add_field("x-headgate-remote-wait-ms", std::to_string(wait->count()));
  }
  co_return response;
}

/// In a race, the call wins whose head is here first.
class HeadThere final : public Race::Start {
 public:
  Task<Result<void>> run(Attempt& attempt) override {
    auto there = co_await attempt.await_answer(SteadyTime::max());
    co_return there ? Result<void>() : fail(there.error());
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

/// Reads an answer that is looked into before it goes on.
Task<Result<edge::Response>> answer_of_read(Attempts& attempts) {
  auto body = co_await read_all(attempts.current());
  if (!body) {
    co_return fail(body.error());
  }
  // Vectors in base64 are for us to make if the server has not.
  if (!attempts.passes() || needs_base64(attempts.request(), *body)) {
    co_return translated(attempts, *body);
  }
  co_return passed(attempts, std::move(*body));
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
  const model::InferenceRequest& request = attempts->request();
  auto checked = check_content_type(attempts->current(), request.delivery, form_of_call(*attempts));
  if (!checked) {
    co_return fail(checked.error());
  }
  if (!attempts->passes() || request.base64) {
    co_return co_await answer_of_read(*attempts);
  }
  std::string type;
  if (request.form != model::AnswerForm::Json) {
    type = attempts->current().head().field("content-type").value_or("");
  }
  auto held = held_at_hand(attempts->current());
  if (held && !held->whole) {
    auto more = co_await hold(*attempts, *held);
    if (!more) {
      co_return fail(more.error());
    }
  }
  if (!held) {
    co_return fail(held.error());
  }
  Result<edge::Response> response;
  if (held->whole) {
    response = passed(*attempts, std::move(held->bytes));
  } else {
    response = make_response(*attempts, {});
    const upstream::ResponseHead& head = attempts->current().head();
    if (head.body == upstream::ResponseHead::Body::Length) {
      response->stream_length = head.length;
    }
    response->stream = long_body(std::move(attempts), std::move(held->bytes));
  }
  if (response && !type.empty()) {
    add_content_type(*response, type);
  }
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
