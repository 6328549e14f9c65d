#pragma once

#include <string_view>

#include "base/result.h"
#include "edge/handler.h"
#include "model/inference_request.h"

namespace headgate::api {

/// Reads what routing needs from a request of POST /v1/messages or its count_tokens, and the header
/// fields that are for the vendor; as parse_openai_request.
Result<model::InferenceRequest> parse_anthropic_request(const edge::Request& http);

/// Whether a client of Anthropic's API asks: on routes that both APIs have, that decides.
bool speaks_anthropic(const edge::Request& http);

}  // namespace headgate::api
