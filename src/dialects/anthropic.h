#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_writer.h"
#include "dialects/dialect.h"
#include "dialects/field_reader.h"

namespace headgate::dialects {

/// The client's side of POST /v1/messages. Passed over as advice to the vendor: `cache_control`,
/// `service_tier`, and how thinking is displayed; adaptive thinking is what other vendors do
/// unasked. A member "signature" of a tool_use block is ours: it holds Gemini's, which has no other
/// place here.
std::unique_ptr<Dialect> make_anthropic_dialect();

/// `error.type` in this dialect.
std::string_view anthropic_error_type(ErrorKind kind);
/// A whole error answer, which is also the data of an error event.
std::string encode_anthropic_error(const Error& error, std::string_view request_id);

// The dialect's parts.
Result<model::ChatRequest> decode_anthropic(std::string_view body);
std::string encode_anthropic(const model::ChatAnswer& answer, const AnswerFrame& frame);
std::unique_ptr<AnswerWriter> make_anthropic_writer(const AnswerFrame& frame);

/// The member `messages`.
void decode_anthropic_messages(FieldReader& fields, const JsonView& list,
                               std::vector<model::Message>& messages);
/// A text, or a list of text blocks.
std::vector<model::Part> decode_anthropic_texts(FieldReader& fields, const JsonView& content,
                                                const std::string& place);

/// The id of the answer: the vendor's if it is of this dialect, else made of the request's.
std::string anthropic_message_id(std::string_view vendor_id, std::string_view request_id);
/// The id of a call that has none.
std::string anthropic_call_id(std::string_view message_id, std::size_t number);
std::string_view anthropic_stop_reason(model::Finish finish);
/// The value of `usage`; what is not known is 0.
void write_anthropic_usage(JsonWriter& json, const model::Usage& usage);
/// The members `stop_reason`, `stop_sequence` and `stop_details`. `refusal` is the model's
/// explanation, or empty.
void write_anthropic_stop(JsonWriter& json, model::Finish finish, std::string_view stop_sequence,
                          std::string_view refusal);

}  // namespace headgate::dialects
