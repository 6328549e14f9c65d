#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dialects/dialect.h"
#include "dialects/field_reader.h"

namespace headgate::dialects {

/// The client's side of POST /v1/responses. `background` and `previous_response_id` are the route's
/// and are passed over here, as is advice to the vendor (`store`, `metadata`, `service_tier`,
/// `max_tool_calls`, `prompt_cache_*`, `safety_identifier`). Reasoning is shown as its summary;
/// signatures go out and come back as `encrypted_content`, Gemini's as `extra_content` of the call.
std::unique_ptr<Dialect> make_responses_dialect();

/// The id of the response to a request: "resp_" and the request's id, made fit for a path.
std::string response_id(std::string_view request_id);

enum class ResponseState : std::uint8_t { Queued, InProgress, Cancelled, Failed };
/// A response that has no answer; `error` is that of a failed one and else null.
std::string encode_response_state(const AnswerFrame& frame, ResponseState state,
                                  const Error* error);

// The dialect's parts.
Result<model::ChatRequest> decode_responses(std::string_view body);
std::string encode_responses(const model::ChatAnswer& answer, const AnswerFrame& frame);
std::unique_ptr<AnswerWriter> make_responses_writer(const AnswerFrame& frame);

/// The member `input`.
void decode_response_input(FieldReader& fields, const JsonView& input,
                           std::vector<model::Message>& messages);

}  // namespace headgate::dialects
