#include "documents/inspection.h"

#include <array>

namespace headgate::documents {

std::string_view name_of(FileType type) {
  constexpr std::array<std::string_view, 8> kNames = {"unknown", "PNG",  "JPEG", "WebP",
                                                      "BMP",     "TIFF", "PDF",  "GIF"};
  const auto index = static_cast<std::size_t>(type);
  return index < kNames.size() ? kNames[index] : kNames[0];
}

bool parse_resolution(std::string_view name, Resolution& resolution) {
  constexpr std::array<std::string_view, 5> kNames = {"tiny", "small", "base", "large", "gundam"};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) {
      resolution = static_cast<Resolution>(i);
      return true;
    }
  }
  return false;
}

}  // namespace headgate::documents
