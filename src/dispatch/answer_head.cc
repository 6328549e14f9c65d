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

}  // namespace

void add_answer_fields(edge::Response& response, const model::RequestContext& context) {
  add_answer_fields(response, context, context.provider);
}

void add_answer_fields(edge::Response& response, const model::RequestContext& context,
                       std::string_view provider) {
  response.fields.reserve(kUsualFields);
  response.add_field("x-headgate-model", context.model);
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

Result<void> check_content_type(const Attempt& attempt, model::Delivery delivery) {
  const auto type = attempt.head().field("content-type");
  const std::string_view wanted =
      delivery == model::Delivery::Stream ? "text/event-stream" : "application/json";
  if (type && ascii_starts_with_ignore_case(*type, wanted)) {
    return {};
  }
  return fail(
      upstream_failed("The model server answered in an unexpected form.",
                      "content type " + std::string(type.value_or("(none)").substr(0, 80))));
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

}  // namespace headgate::dispatch
