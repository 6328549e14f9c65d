#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "dialects/dialect.h"
#include "model/media.h"

// Bodies of POST /v1/images/generations and /v1/audio/speech, valid JSON, for targets that do not
// speak them. InvalidRequest names what they cannot do.
namespace headgate::dialects {

Result<model::ImageRequest> decode_openai_image(std::string_view body);
std::string encode_openai_images(const model::ImageAnswer& answer, const AnswerFrame& frame);

/// Only raw samples and WAV can be made of a model's samples here: not the API's usual MP3.
Result<model::SpeechRequest> decode_openai_speech(std::string_view body);
/// A sound file.
struct Sound {
  std::string bytes;
  std::string_view content_type;  ///< static
};
/// UpstreamFailed if raw samples, whose rate nobody tells the client, do not have the API's.
Result<Sound> encode_openai_speech(model::SpeechAnswer answer, model::SpeechRequest::Format format);

}  // namespace headgate::dialects
