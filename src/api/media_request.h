#pragma once

#include "base/result.h"
#include "edge/handler.h"
#include "model/inference_request.h"

namespace headgate::api {

/// Whether requests of this kind are read here: images, speech, transcripts, moderation, ranking.
bool is_of_media(model::Kind kind);

/// Reads what routing, metering and relaying need from such a request and checks it as far; all
/// else stays as it is and is the model server's to judge. Transcription is a multipart form, the
/// others are JSON. Unsupported for another content type; InvalidRequest names the field in
/// `param`. A moderation need not name its model: it is the API's own, kUsualModerator, then.
Result<model::InferenceRequest> parse_media_request(model::Kind kind, const edge::Request& http);

/// Who moderates where nobody is named.
inline constexpr std::string_view kUsualModerator = "omni-moderation-latest";

}  // namespace headgate::api
