#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/result.h"
#include "dialects/dialect.h"
#include "dispatch/attempt.h"
#include "edge/handler.h"
#include "model/inference_request.h"
#include "model/request_context.h"
#include "model/token_usage.h"

namespace headgate::dispatch {

/// Header fields that say who answered.
void add_answer_fields(edge::Response& response, const model::RequestContext& context);
/// The same where it was `provider`, earlier.
void add_answer_fields(edge::Response& response, const model::RequestContext& context,
                       std::string_view provider);

/// Type and header fields of an answer in server-sent events.
void announce_events(edge::Response& response);

/// UpstreamFailed unless the head announces what was asked for: events, JSON, text or sound. What
/// is neither events nor JSON must also have an end that can be told from a cut.
Result<void> check_content_type(const Attempt& attempt, model::Delivery delivery,
                                model::AnswerForm form);

/// What of a translated answer is the gateway's to say.
dialects::AnswerFrame frame_of(const model::InferenceRequest& request,
                               const model::RequestContext& context);

/// Writes what the answer is billed with so far into the context.
void note_usage(const model::Usage& usage, model::RequestContext& context);
/// The same of an answer that has come to its end: what `usage` leaves open is estimated, and the
/// context says so.
void note_final_usage(const model::Usage& usage, const model::InferenceRequest& request,
                      const std::function<std::uint64_t()>& said, model::RequestContext& context);

/// The same of what the request itself tells: images made, characters spoken.
void note_made(const model::InferenceRequest& request, model::RequestContext& context);

}  // namespace headgate::dispatch
