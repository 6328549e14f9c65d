#include "dispatch/answer_head.h"

#include <chrono>
#include <string>
#include <string_view>

#include "base/encoding.h"
#include "dispatch/usage_estimate.h"

namespace headgate::dispatch {
namespace {

/// Room for them and for the limits' fields.
constexpr std::size_t kUsualFields = 384;

bool is_as_asked(std::string_view type, model::Delivery delivery, model::AnswerForm form) {
  const auto is = [type](std::string_view wanted) {
    return ascii_starts_with_ignore_case(type, wanted);
  };
  if (delivery == model::Delivery::Stream) {
    return is("text/event-stream");
  }
  switch (form) {
    case model::AnswerForm::Json:
      return is("application/json");
    case model::AnswerForm::Text:
      return (is("text/") && !is("text/html") && !is("text/event-stream")) ||
             is("application/x-subrip");
    case model::AnswerForm::Audio:
      return is("audio/") || is("application/octet-stream") || is("application/ogg");
  }
  return false;
}

}  // namespace

void add_answer_fields(edge::Response& response, const model::RequestContext& context) {
  add_answer_fields(response, context, context.provider);
}

void add_answer_fields(edge::Response& response, const model::RequestContext& context,
                       std::string_view provider) {
  response.fields.reserve(kUsualFields);
  response.add_field("x-headgate-model", context.answering_model());
  response.add_field("x-headgate-provider", provider);
  response.add_field("x-headgate-attempts", std::to_string(context.attempts));
  response.add_field("x-headgate-cache", model::name_of(context.cache));
  if (context.usage_estimated) {
    response.add_field("x-headgate-usage", "estimated");
  }
}

void announce_events(edge::Response& response) {
  response.content_type = "text/event-stream; charset=utf-8";
  response.fields = "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n";
}

Result<void> check_content_type(const Attempt& attempt, model::Delivery delivery,
                                model::AnswerForm form) {
  const std::string_view type = attempt.head().field("content-type").value_or("(none)");
  if (!is_as_asked(type, delivery, form)) {
    Error error = upstream_failed("The model server answered in an unexpected form.",
                                  "content type " + std::string(type.substr(0, 80)));
    if (form != model::AnswerForm::Json) {
      error.code = kUnusableAnswer;  // the caller named the form, which this server may not know
    }
    return fail(std::move(error));
  }
  const bool tells_its_end = delivery == model::Delivery::Stream || form == model::AnswerForm::Json;
  if (!tells_its_end && attempt.head().body == upstream::ResponseHead::Body::UntilClose) {
    return fail(upstream_failed("The model server answered in an unexpected form.",
                                "neither a length nor chunks, so that it may be cut"));
  }
  return {};
}

dialects::AnswerFrame frame_of(const model::InferenceRequest& request,
                               const model::RequestContext& context) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {.request_id = context.request_id,
          .model = context.model,
          .created = std::chrono::duration_cast<std::chrono::seconds>(now).count(),
          .usage_wanted = request.usage_wanted,
          .request_body = request.body};
}

void note_usage(const model::Usage& usage, model::RequestContext& context) {
  context.input_tokens = usage.input_tokens;
  context.output_tokens = usage.output_tokens;
  context.audio_ms = usage.audio_ms;
  context.usage_estimated = false;
}

void note_final_usage(const model::Usage& usage, const model::InferenceRequest& request,
                      const std::function<std::uint64_t()>& said, model::RequestContext& context) {
  if (!is_incomplete(usage, request.kind)) {
    note_usage(usage, context);
    return;
  }
  note_usage(estimated_usage(usage, request, said()), context);
  context.usage_estimated = true;
}

void note_made(const model::InferenceRequest& request, model::RequestContext& context) {
  if (request.kind == model::Kind::Image) {
    context.images = request.images;
  } else if (request.kind == model::Kind::Speech) {
    context.characters = request.characters;
  }
}

}  // namespace headgate::dispatch
