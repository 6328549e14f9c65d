#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace headgate::documents {

enum class FileType : std::uint8_t { Unknown, Png, Jpeg, Webp, Bmp, Tiff, Pdf, Gif };

std::string_view name_of(FileType type);

struct PageSize {
  float width = 0;  ///< pixels of a picture, points (1/72 inch) of a PDF page
  float height = 0;
};

/// What a file is, found without decoding its pictures.
struct Inspection {
  FileType type = FileType::Unknown;
  std::vector<PageSize> pages;  ///< one per page, at least one
};

/// How much effort goes into a page. For the embedded engine these are the sizes that larger
/// models name; Large is full quality, the smaller ones trade accuracy for time.
enum class Resolution : std::uint8_t { Tiny, Small, Base, Large, Gundam };

/// "tiny", "small", ...; false if unknown, leaving `resolution` alone.
bool parse_resolution(std::string_view name, Resolution& resolution);

enum class TextLayer : std::uint8_t { UseIfComplete, Ignore };

struct ReadOptions {
  Resolution resolution = Resolution::Large;
  TextLayer text_layer = TextLayer::UseIfComplete;
  std::vector<std::string> languages;       ///< Tesseract's names; empty: the configured ones
  SteadyTime deadline = SteadyTime::max();  ///< of the whole request, waiting included
};

}  // namespace headgate::documents
