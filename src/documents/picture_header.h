#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "documents/inspection.h"

namespace headgate::documents {

// What a picture says about itself in its first bytes, read without decoding it. Pure; the bytes
// are untrusted.

/// By magic bytes only; whatever the client called it. PDF may start within the first kilobyte.
FileType detect_type(std::string_view bytes);

/// Width and height in pixels of a one-picture file; nothing if the header is damaged.
std::optional<PageSize> picture_size(FileType type, std::string_view bytes);

/// One directory of a TIFF: a page.
struct TiffPage {
  PageSize size;
  bool reduced = false;  ///< a thumbnail of another page
};

/// Follows the chain of directories (also of BigTIFF) until its end, a loop, damage or `max_pages`
/// + 1 pages.
std::vector<TiffPage> tiff_pages(std::string_view bytes, std::uint64_t max_pages);

/// The Exif orientation of a JPEG, 1 to 8; 1 if it has none.
int exif_orientation(std::string_view jpeg);

}  // namespace headgate::documents
