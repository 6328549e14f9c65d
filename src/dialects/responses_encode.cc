#include <string>
#include <utility>

#include "base/encoding.h"
#include "dialects/response_object.h"
#include "dialects/responses.h"

namespace headgate::dialects {
namespace {

using model::Part;

/// A picture that the model made beside its text.
std::string image_item(std::string_view id, const Part& part) {
  return R"({"id":)" + json_quote(id) +
         R"(,"type":"image_generation_call","status":"completed","result":)" +
         json_quote(part.data) + "}";
}

/// The output items of an answer, in the model's order.
class Output final {
 public:
  Output(const ResponseObject& object, std::string logprobs)
      : object_(object), logprobs_(std::move(logprobs)) {}

  void add(const Part& part) {
    switch (part.type) {
      case Part::Type::Text:
        append_item(content_, output_text_part(part.text, std::exchange(logprobs_, {})));
        break;
      case Part::Type::Refusal:
        append_item(content_, refusal_part(part.text));
        break;
      case Part::Type::Reasoning:
        close_message("completed");
        append_item(items_, reasoning_item(object_.item_id("rs", count_++),
                                           part.text.empty() ? "" : summary_part(part.text),
                                           part.signature));
        break;
      case Part::Type::Image:
        close_message("completed");
        append_item(items_, image_item(object_.item_id("ig", count_++), part));
        break;
      default:
        break;
    }
  }

  void add(const model::ToolCall& call) {
    close_message("completed");
    append_item(items_, call_item(object_.item_id("fc", count_++), "completed", call));
  }

  std::string finish(std::string_view status) {
    close_message(status);
    return std::move(items_);
  }

 private:
  void close_message(std::string_view status) {
    if (!content_.empty()) {
      append_item(items_, message_item(object_.item_id("msg", count_++), status,
                                       std::exchange(content_, {})));
    }
  }

  const ResponseObject& object_;
  std::string logprobs_;
  std::string items_;
  std::string content_;  // of the message that is open
  std::size_t count_ = 0;
};

class ResponsesDialect final : public Dialect {
 public:
  Result<model::ChatRequest> decode(std::string_view body) const override {
    return decode_responses(body);
  }
  std::string encode(const model::ChatAnswer& answer, const AnswerFrame& frame) const override {
    return encode_responses(answer, frame);
  }
  std::unique_ptr<AnswerWriter> writer(const AnswerFrame& frame) const override {
    return make_responses_writer(frame);
  }
  std::string_view ping() const override { return ": ping\n\n"; }
};

std::string_view status_of(ResponseState state) {
  switch (state) {
    case ResponseState::Queued:
      return "queued";
    case ResponseState::InProgress:
      return "in_progress";
    case ResponseState::Cancelled:
      return "cancelled";
    case ResponseState::Failed:
      return "failed";
  }
  return "failed";
}

}  // namespace

std::string encode_responses(const model::ChatAnswer& answer, const AnswerFrame& frame) {
  ResponseObject object(frame);
  object.set_model(answer.model);
  ResponseStanding standing;
  standing.usage = answer.usage;
  if (!answer.choices.empty()) {
    const model::Choice& choice = answer.choices.front();
    standing.incomplete_reason = incomplete_reason(choice.finish);
    standing.status = standing.incomplete_reason.empty() ? "completed" : "incomplete";
    Output output(object, logprob_elements(choice.logprobs));
    for (const Part& part : choice.content) {
      output.add(part);
    }
    for (const model::ToolCall& call : choice.tool_calls) {
      output.add(call);
    }
    standing.output = output.finish(standing.status);
  }
  return object.encode(standing);
}

std::string encode_response_state(const AnswerFrame& frame, ResponseState state,
                                  const Error* error) {
  ResponseStanding standing;
  standing.status = status_of(state);
  standing.error = error;
  return ResponseObject(frame).encode(standing);
}

std::unique_ptr<Dialect> make_responses_dialect() { return std::make_unique<ResponsesDialect>(); }

}  // namespace headgate::dialects
