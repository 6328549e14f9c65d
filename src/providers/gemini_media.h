#pragma once

#include <string>

#include "base/result.h"
#include "model/chat_answer.h"
#include "model/media.h"

namespace headgate::providers {

/// The body of generateContent that makes an image. InvalidRequest names `size` if the vendor has
/// no such shape.
Result<std::string> write_gemini_image(const model::ImageRequest& request);
/// The images in an answer. InvalidRequest, code `content_policy_violation`, if the vendor refused
/// to make any; UpstreamFailed if there is none.
Result<model::ImageAnswer> read_gemini_images(model::ChatAnswer answer);

/// The body of generateContent that speaks a text.
std::string write_gemini_speech(const model::SpeechRequest& request);
/// The samples in an answer, under the same conditions.
Result<model::SpeechAnswer> read_gemini_speech(model::ChatAnswer answer);

}  // namespace headgate::providers
