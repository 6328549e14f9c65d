#pragma once

#include <string>

#include "dialects/field_reader.h"
#include "model/chat.h"

namespace headgate::dialects {

/// An image by the URL of OpenAI's dialects: http(s), or `data:` in base64.
model::Part image_part(FieldReader& fields, const JsonView& url, const JsonView& detail,
                       const std::string& param);
/// Sound by its `{data, format}`.
model::Part audio_part(FieldReader& fields, const JsonObject& audio, const std::string& param);
/// A file by `{filename, file_data, file_url, file_id}`; stored files are refused.
model::Part file_part(FieldReader& fields, const JsonObject& file, const std::string& param);

}  // namespace headgate::dialects
