#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/token_usage.h"

namespace headgate::model {

/// An image to be made of a prompt, in no vendor's dialect.
struct ImageRequest {
  std::string prompt;
  std::int64_t width = 0;  ///< with `height` the shape; 0: the model's choice
  std::int64_t height = 0;
};

struct ImageAnswer {
  struct Image {
    std::string media_type;
    std::string base64;
  };
  std::vector<Image> images;  ///< at least one
  Usage usage;
};

/// A text to be spoken, in no vendor's dialect.
struct SpeechRequest {
  std::string input;
  std::string voice;  ///< empty: the model's choice
  enum class Format : std::uint8_t { Pcm, Wav };
  Format format = Format::Pcm;  ///< how the client wants to hear it
};

struct SpeechAnswer {
  std::string samples;     ///< of 16 bits with a sign, little-endian, one channel
  std::uint32_t rate = 0;  ///< samples in a second
  Usage usage;
};

}  // namespace headgate::model
