// Images and speech are made by chat models that are told to answer in another modality: the answer
// is that of a chat whose parts hold the bytes. Of an image only the shape can be asked for, not
// the number of its pixels. Speech is raw samples: "audio/L16;codec=pcm;rate=24000", low byte
// first.
#include "providers/gemini_media.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/encoding.h"
#include "providers/gemini_json.h"

namespace headgate::providers {
namespace {

struct Shape {
  std::int64_t width;
  std::int64_t height;
};
constexpr std::array kShapes = {Shape{1, 1}, Shape{2, 3}, Shape{3, 2},  Shape{3, 4},  Shape{4, 3},
                                Shape{4, 5}, Shape{5, 4}, Shape{9, 16}, Shape{16, 9}, Shape{21, 9}};

/// The vendor's name of a shape; empty if it has none.
std::string shape_of(std::int64_t width, std::int64_t height) {
  for (const Shape& shape : kShapes) {
    if (width * shape.height == height * shape.width) {
      return std::to_string(shape.width) + ":" + std::to_string(shape.height);
    }
  }
  return {};
}

/// {"contents":...,"generationConfig":{ with the modality; open.
std::string begin_body(std::string_view text, std::string_view modality) {
  std::string out = R"({"contents":[{"role":"user","parts":[{)";
  add_text(out, "text", text);
  out.append(R"(}]}],"generationConfig":{"responseModalities":[)");
  append_json_quoted(out, modality);
  out.append("]");
  return out;
}

/// All bytes in an answer, as base64 with their type. Fails if there are none.
Result<std::vector<model::ImageAnswer::Image>> files_in(model::ChatAnswer& answer) {
  std::vector<model::ImageAnswer::Image> files;
  bool refused = false;
  for (model::Choice& choice : answer.choices) {
    refused = refused || choice.finish == model::Finish::ContentFilter;
    for (model::Part& part : choice.content) {
      if (part.type == model::Part::Type::Image) {
        files.push_back({.media_type = std::move(part.media_type), .base64 = std::move(part.data)});
      }
    }
  }
  if (!files.empty()) {
    return files;
  }
  if (refused) {
    Error error = invalid_request("The request was refused for its content.");
    error.origin = Origin::Upstream;
    error.code = "content_policy_violation";
    return fail(std::move(error));
  }
  Error error = upstream_failed("The model answered with text only.", "no inlineData");
  error.code = kUnusableAnswer;
  return fail(std::move(error));
}

constexpr std::uint32_t kUsualRate = 24'000;

std::uint32_t rate_of(std::string_view media_type) {
  constexpr std::string_view kName = "rate=";
  std::uint32_t rate = kUsualRate;
  if (const std::size_t at = media_type.find(kName); at != std::string_view::npos) {
    std::from_chars(media_type.data() + at + kName.size(), media_type.data() + media_type.size(),
                    rate);
  }
  return rate;
}

}  // namespace

Result<std::string> write_gemini_image(const model::ImageRequest& request) {
  std::string out = begin_body(request.prompt, "IMAGE");
  if (request.width != 0) {
    const std::string shape = shape_of(request.width, request.height);
    if (shape.empty()) {
      Error error = invalid_request(
          "'size' must be of a shape that this model has: 1:1, 2:3, 3:2, 3:4, 4:3, 4:5, 5:4, 9:16, "
          "16:9 or 21:9.",
          "size");
      error.code = "unsupported_parameter";
      return fail(std::move(error));
    }
    out.append(R"(,"imageConfig":{)");
    add_text(out, "aspectRatio", shape);
    out.append("}");
  }
  return out.append("}}");
}

Result<model::ImageAnswer> read_gemini_images(model::ChatAnswer answer) {
  auto files = files_in(answer);
  if (!files) {
    return fail(files.error());
  }
  return model::ImageAnswer{.images = std::move(*files), .usage = answer.usage};
}

std::string write_gemini_speech(const model::SpeechRequest& request) {
  std::string out = begin_body(request.input, "AUDIO");
  if (!request.voice.empty()) {
    out.append(R"(,"speechConfig":{"voiceConfig":{"prebuiltVoiceConfig":{)");
    add_text(out, "voiceName", request.voice);
    out.append("}}}");
  }
  return out.append("}}");
}

Result<model::SpeechAnswer> read_gemini_speech(model::ChatAnswer answer) {
  auto files = files_in(answer);
  if (!files) {
    return fail(files.error());
  }
  const std::string type = ascii_lower(files->front().media_type);
  if (!type.starts_with("audio/l16") && !type.starts_with("audio/pcm")) {
    return fail(upstream_failed("The model server answered in an unexpected form.",
                                "speech of the type " + type.substr(0, 80)));
  }
  model::SpeechAnswer speech{.samples = {}, .rate = rate_of(type), .usage = answer.usage};
  for (const auto& file : *files) {
    auto bytes = decode_base64(file.base64);
    if (!bytes) {
      return fail(upstream_failed("The model server's answer cannot be read.",
                                  "speech that is not base64"));
    }
    speech.samples.append(*bytes);
  }
  return speech;
}

}  // namespace headgate::providers
