#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string_view>

#include "documents/worker_protocol.h"

struct Pix;

namespace headgate::documents {

struct PixDeleter {
  void operator()(Pix* pix) const;
};

/// A picture in memory; grey with 8 bits unless said otherwise.
using Picture = std::unique_ptr<Pix, PixDeleter>;

/// Decodes page `page` (from 1) of a picture file to grey: alpha on white, any colour space and
/// depth, upright by its Exif or TIFF orientation. The size was checked before.
std::expected<Picture, Refusal> decode_picture(FileType type, std::string_view bytes,
                                               std::uint32_t page);

/// `rows` of `width` grey bytes, `stride` apart, copied.
Picture grey_picture(const unsigned char* rows, int width, int height, int stride);

/// The picture with its longer side at `long_side` pixels, but enlarged at most fourfold.
Picture scaled_to(const Picture& picture, int long_side);

/// Turned by a few degrees so that the lines of text are level; a copy if they are or none is
/// found.
Picture deskewed(const Picture& picture);

/// Light and shade of the paper evened out, contrast stretched; nothing if there is too little
/// picture for that.
Picture evened(const Picture& picture);

/// Turned clockwise by a multiple of 90 degrees.
Picture turned(const Picture& picture, int degrees);

int width_of(const Picture& picture);
int height_of(const Picture& picture);

/// Keeps Leptonica quiet: its messages quote the document.
void silence_picture_library();

}  // namespace headgate::documents
