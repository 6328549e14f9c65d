#include "dialects/openai_media.h"

#include <charconv>
#include <cstdint>
#include <utility>

#include "base/json_writer.h"
#include "dialects/field_reader.h"
#include "dialects/openai_words.h"

namespace headgate::dialects {
namespace {

using Format = model::SpeechRequest::Format;

constexpr std::uint32_t kPcmRate = 24'000;  // of the API's format pcm

/// A member that may say nothing but that the model decides.
void only_usual(FieldReader& fields, const JsonObject& root, const std::string& name,
                std::initializer_list<std::string_view> usual) {
  const JsonView value = root[name];
  if (!value.given()) {
    return;
  }
  const std::string said = fields.text(value, name);
  for (const std::string_view one : usual) {
    if (said == one) {
      return;
    }
  }
  fields.unsupported(name);
}

/// "1024x1536"
void decode_size(FieldReader& fields, const JsonView& value, model::ImageRequest& request) {
  const std::string size = fields.text(value, "size");
  if (size.empty() || size == "auto") {
    return;
  }
  const char* const end = size.data() + size.size();
  constexpr std::int64_t kMost = 1 << 16;
  const auto width = std::from_chars(size.data(), end, request.width);
  const bool has_height = width.ec == std::errc() && width.ptr != end && *width.ptr == 'x';
  const auto height = has_height ? std::from_chars(width.ptr + 1, end, request.height) : width;
  if (!has_height || height.ec != std::errc() || height.ptr != end || request.width < 1 ||
      request.height < 1 || request.width > kMost || request.height > kMost) {
    fields.wrong("size", "auto, or a width and a height such as 1024x1024");
  }
}

void append_number(std::string& out, std::uint32_t number, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    out.push_back(static_cast<char>(number >> (8 * i)));
  }
}

/// The head of a RIFF file of 16-bit samples, one channel.
std::string wav_head(std::uint32_t rate, std::uint32_t size) {
  constexpr std::uint32_t kHeadBehindSize = 36;
  constexpr std::uint32_t kFormatSize = 16;
  constexpr std::uint32_t kSampleBytes = 2;
  std::string out = "RIFF";
  append_number(out, size + kHeadBehindSize, 4);
  out.append("WAVEfmt ");
  append_number(out, kFormatSize, 4);
  append_number(out, 1, 2);  // samples as they are
  append_number(out, 1, 2);  // one channel
  append_number(out, rate, 4);
  append_number(out, rate * kSampleBytes, 4);
  append_number(out, kSampleBytes, 2);
  append_number(out, 8 * kSampleBytes, 2);
  out.append("data");
  append_number(out, size, 4);
  return out;
}

}  // namespace

Result<model::ImageRequest> decode_openai_image(std::string_view body) {
  const JsonObject root = JsonView(body);
  FieldReader fields;
  model::ImageRequest request;
  fields.refuse_unknown(
      root, "",
      {"model", "prompt", "n", "size", "quality", "background", "output_format", "moderation",
       "response_format", "style", "stream", "partial_images", "user"});
  request.prompt = fields.required_text(root["prompt"], "prompt");
  if (fields.integer(root["n"], "n", 1, 10).value_or(1) != 1) {
    fields.unsupported("n", "it makes one image at a time");
  }
  decode_size(fields, root["size"], request);
  only_usual(fields, root, "quality", {"auto"});
  only_usual(fields, root, "background", {"auto"});
  only_usual(fields, root, "output_format", {});
  only_usual(fields, root, "moderation", {"auto"});
  only_usual(fields, root, "response_format", {"b64_json"});
  only_usual(fields, root, "style", {});
  if (fields.flag(root["stream"], "stream").value_or(false)) {
    fields.unsupported("stream");
  }
  if (fields.integer(root["partial_images"], "partial_images", 0, 3).value_or(0) != 0) {
    fields.unsupported("partial_images");
  }
  static_cast<void>(fields.text(root["user"], "user"));
  if (fields.failed()) {
    return fail(*fields.error());
  }
  return request;
}

std::string encode_openai_images(const model::ImageAnswer& answer, const AnswerFrame& frame) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("created").number(frame.created).key("data").begin_array();
  for (const model::ImageAnswer::Image& image : answer.images) {
    json.begin_object().key("b64_json").text(image.base64).end_object();
  }
  json.end_array();
  constexpr std::string_view kImage = "image/";
  if (answer.images.front().media_type.starts_with(kImage)) {
    json.key("output_format").text(answer.images.front().media_type.substr(kImage.size()));
  }
  if (is_known(answer.usage)) {
    const std::int64_t input = told(answer.usage.input_tokens);
    const std::int64_t output = told(answer.usage.output_tokens);
    json.key("usage").begin_object().key("input_tokens").number(input);
    json.key("output_tokens").number(output);
    json.key("total_tokens").number(input + output).end_object();
  }
  json.end_object();
  return out;
}

Result<model::SpeechRequest> decode_openai_speech(std::string_view body) {
  const JsonObject root = JsonView(body);
  FieldReader fields;
  model::SpeechRequest request;
  fields.refuse_unknown(
      root, "",
      {"model", "input", "voice", "response_format", "speed", "instructions", "stream_format"});
  request.input = fields.required_text(root["input"], "input");
  if (root["voice"].is_object()) {
    fields.unsupported("voice", "name one of its own voices");
  } else {
    request.voice = fields.text(root["voice"], "voice");
  }
  const std::string format = fields.word(root["response_format"], "response_format",
                                         {"mp3", "opus", "aac", "flac", "wav", "pcm"});
  if (format != "pcm" && format != "wav") {
    fields.unsupported("response_format", "it speaks pcm and wav only, so one must be asked for");
  }
  request.format = format == "wav" ? Format::Wav : Format::Pcm;
  if (fields.number(root["speed"], "speed", 0.25, 4).value_or(1) != 1) {
    fields.unsupported("speed");
  }
  if (!fields.text(root["instructions"], "instructions").empty()) {
    fields.unsupported("instructions");
  }
  if (fields.word(root["stream_format"], "stream_format", {"audio", "sse"}) == "sse") {
    fields.unsupported("stream_format");
  }
  if (fields.failed()) {
    return fail(*fields.error());
  }
  return request;
}

Result<Sound> encode_openai_speech(model::SpeechAnswer answer, Format format) {
  if (format == Format::Pcm) {
    if (answer.rate != kPcmRate) {
      return fail(upstream_failed("The model server answered in an unexpected form.",
                                  "samples at " + std::to_string(answer.rate) + " Hz"));
    }
    return Sound{.bytes = std::move(answer.samples), .content_type = "audio/pcm"};
  }
  std::string file = wav_head(answer.rate, static_cast<std::uint32_t>(answer.samples.size()));
  file.append(answer.samples);
  return Sound{.bytes = std::move(file), .content_type = "audio/wav"};
}

}  // namespace headgate::dialects
