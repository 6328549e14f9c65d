#pragma once

#include <string_view>

#include "base/result.h"
#include "model/inference_request.h"

namespace headgate::api {

/// Reads what routing needs from the body of an OpenAI chat, completion or embedding request and
/// checks that it is valid JSON; all else stays as it is. `body` is borrowed and followed by
/// edge::kBodyPadding readable bytes. InvalidRequest names the field in `param`; that is
/// also said of a webhook_url, which the model server must not get.
Result<model::InferenceRequest> parse_openai_request(model::Kind kind, std::string_view body);

}  // namespace headgate::api
