#include "dialects/media_parts.h"

#include <string_view>
#include <utility>

#include "base/encoding.h"

namespace headgate::dialects {
namespace {

using model::Part;

/// Fills `part` from a URL in base64 `data:` form.
void read_data_url(FieldReader& fields, std::string_view url, const std::string& param,
                   Part& part) {
  constexpr std::string_view kScheme = "data:";
  constexpr std::string_view kBase64 = ";base64";
  const std::size_t comma = url.find(',');
  const std::string_view head = url.substr(0, comma);
  if (comma == std::string_view::npos || !ascii_starts_with_ignore_case(head, kScheme) ||
      !head.ends_with(kBase64)) {
    fields.wrong(param, "a data: URL in base64");
    return;
  }
  const std::string_view type =
      head.substr(kScheme.size(), head.size() - kScheme.size() - kBase64.size());
  part.media_type = ascii_lower(type.substr(0, type.find(';')));
  part.data = url.substr(comma + 1);
  if (part.media_type.find('/') == std::string::npos || part.data.empty()) {
    fields.wrong(param, "a data: URL with a media type and content");
  }
}

bool is_web(std::string_view url) {
  return ascii_starts_with_ignore_case(url, "https://") ||
         ascii_starts_with_ignore_case(url, "http://");
}

}  // namespace

Part image_part(FieldReader& fields, const JsonView& url, const JsonView& detail,
                const std::string& param) {
  Part part;
  part.type = Part::Type::Image;
  std::string text = fields.required_text(url, param);
  part.detail = fields.word(detail, param + ".detail", {"auto", "low", "high", "original"});
  if (is_web(text)) {
    part.url = std::move(text);
  } else if (!text.empty()) {
    read_data_url(fields, text, param, part);
  }
  return part;
}

Part audio_part(FieldReader& fields, const JsonObject& audio, const std::string& param) {
  Part part;
  part.type = Part::Type::Audio;
  fields.refuse_unknown(audio, param, {"data", "format"});
  part.data = fields.required_text(audio["data"], param + ".data");
  const std::string format = fields.word(audio["format"], param + ".format", {"wav", "mp3"});
  part.media_type = format == "mp3" ? "audio/mp3" : "audio/wav";
  if (format.empty()) {
    fields.missing(param + ".format");
  }
  return part;
}

Part file_part(FieldReader& fields, const JsonObject& file, const std::string& param) {
  Part part;
  part.type = Part::Type::File;
  if (file["file_id"].given()) {
    fields.unsupported(param + ".file_id", "send the file itself");
  }
  part.name = fields.text(file["filename"], param + ".filename");
  const std::string data = fields.text(file["file_data"], param + ".file_data");
  part.url = fields.text(file["file_url"], param + ".file_url");
  if (!part.url.empty() && !is_web(part.url)) {
    fields.wrong(param + ".file_url", "an http or https URL");
  }
  if (!data.empty()) {
    read_data_url(fields, data, param + ".file_data", part);
  } else if (part.url.empty()) {
    fields.missing(param + ".file_data");
  }
  return part;
}

}  // namespace headgate::dialects
