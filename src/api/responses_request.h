#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/inference_request.h"

namespace headgate::api {

/// What POST /v1/responses asks for.
struct ResponsesRequest {
  model::InferenceRequest inference;
  std::string previous;     ///< previous_response_id, or empty
  bool background = false;  ///< to be carried out as a job
  bool store = true;        ///< what is answered may be named later
};

/// As parse_openai_request.
Result<ResponsesRequest> parse_responses_request(std::string_view body);

}  // namespace headgate::api
