#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sim/incoming.h"

namespace headgate::sim {

/// The endpoints of OpenAI's API that are neither chat nor embeddings.
enum class MediaCall : unsigned char { Images, Speech, Transcription, Moderation, Rerank };

/// One request to one of them, found sound as far as its model's name.
struct MediaRequest {
  MediaCall call = MediaCall::Images;
  std::string model = {};
  std::string body = {};  ///< JSON, or the form's fields as a JSON object
  std::string file = {};  ///< the bytes of the form's file
};

std::variant<MediaRequest, Failure> read_media(MediaCall call, const Incoming& incoming);

/// The healthy answer; an error where a field is missing or wrong.
Reply media_reply(const Behaviour& behaviour, const MediaRequest& request);

/// Fields of a multipart form.
struct FormField {
  std::string name;
  std::string file_name;
  std::string_view value;
};

/// Takes a multipart/form-data body apart. Empty: it is none.
std::vector<FormField> read_form(std::string_view content_type, std::string_view body);

}  // namespace headgate::sim
