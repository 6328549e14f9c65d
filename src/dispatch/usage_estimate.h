#pragma once

#include <cstdint>
#include <string_view>

#include "model/chat_answer.h"
#include "model/inference_request.h"
#include "model/token_usage.h"

namespace headgate::dispatch {

/// Whether `usage` leaves something open that an answer of this kind is billed with.
bool is_incomplete(const model::Usage& usage, model::Kind kind);

/// `usage` with an estimate of what is_incomplete() about it: of the input from the size of the
/// request, of the output from `said`, the bytes of what the model said.
model::Usage estimated_usage(const model::Usage& usage, const model::InferenceRequest& request,
                             std::uint64_t said);

/// Whether an answer of the dialect must tell its usage: then it tells the estimate, elsewhere
/// none.
bool demands_usage(model::Dialect dialect);

/// Bytes of what the model said in a whole answer, a JSON body of OpenAI's or Anthropic's.
std::uint64_t said_in(std::string_view body);
std::uint64_t said_in(const model::ChatAnswer& answer);

}  // namespace headgate::dispatch
