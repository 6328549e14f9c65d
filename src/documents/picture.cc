#include "documents/picture.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <leptonica/allheaders.h>

#include "documents/picture_header.h"

namespace headgate::documents {
namespace {

constexpr std::uint32_t kWhite = 0xFFFFFF00;

Picture own(Pix* pix) { return Picture(pix); }

Pix* read_raw(FileType type, std::string_view bytes, std::uint32_t page) {
  const auto* const data = reinterpret_cast<const l_uint8*>(bytes.data());
  switch (type) {
    case FileType::Tiff:
      return pixReadMemTiff(data, bytes.size(), static_cast<l_int32>(page - 1));
    case FileType::Jpeg:
      // A truncated picture still has a readable part.
      return pixReadMemJpeg(data, bytes.size(), 0, 1, nullptr, L_JPEG_CONTINUE_WITH_BAD_DATA);
    default:
      return pixReadMem(data, bytes.size());
  }
}

/// Any depth and colour to grey; frees the original early, which may be four times as large.
Picture to_grey(Picture raw) {
  if (pixGetColormap(raw.get()) != nullptr) {
    raw = own(pixRemoveColormap(raw.get(), REMOVE_CMAP_BASED_ON_SRC));
  }
  if (raw && pixGetDepth(raw.get()) == 32 && pixGetSpp(raw.get()) == 4) {
    raw = own(pixAlphaBlendUniform(raw.get(), kWhite));
  }
  return raw ? own(pixConvertTo8(raw.get(), 0)) : Picture();
}

Picture upright(Picture picture, int orientation) {
  switch (orientation) {
    case 2:
      return own(pixFlipLR(nullptr, picture.get()));
    case 3:
      return own(pixRotateOrth(picture.get(), 2));
    case 4:
      return own(pixFlipTB(nullptr, picture.get()));
    case 5: {
      const Picture turn = own(pixRotateOrth(picture.get(), 1));
      return turn ? own(pixFlipLR(nullptr, turn.get())) : Picture();
    }
    case 6:
      return own(pixRotateOrth(picture.get(), 1));
    case 7: {
      const Picture turn = own(pixRotateOrth(picture.get(), 3));
      return turn ? own(pixFlipLR(nullptr, turn.get())) : Picture();
    }
    case 8:
      return own(pixRotateOrth(picture.get(), 3));
    default:
      return picture;
  }
}

Picture copy_of(const Picture& picture) { return own(pixClone(picture.get())); }

}  // namespace

void PixDeleter::operator()(Pix* pix) const { pixDestroy(&pix); }

void silence_picture_library() { setMsgSeverity(L_SEVERITY_NONE); }

int width_of(const Picture& picture) { return pixGetWidth(picture.get()); }
int height_of(const Picture& picture) { return pixGetHeight(picture.get()); }

std::expected<Picture, Refusal> decode_picture(FileType type, std::string_view bytes,
                                               std::uint32_t page) {
  Picture raw = own(read_raw(type, bytes, page));
  if (!raw) {
    return std::unexpected(Refusal{.failure = PageFailure::Unreadable, .figure = 0});
  }
  Picture grey = to_grey(std::move(raw));
  if (grey && type == FileType::Jpeg) {
    grey = upright(std::move(grey), exif_orientation(bytes));
  }
  if (!grey) {
    return std::unexpected(Refusal{.failure = PageFailure::OutOfMemory, .figure = 0});
  }
  return grey;
}

Picture grey_picture(const unsigned char* rows, int width, int height, int stride) {
  Picture picture = own(pixCreateNoInit(width, height, 8));
  if (!picture) {
    return picture;
  }
  l_uint32* const data = pixGetData(picture.get());
  const int words = pixGetWpl(picture.get());
  for (int y = 0; y < height; ++y) {
    const unsigned char* const row = rows + static_cast<std::ptrdiff_t>(y) * stride;
    l_uint32* const line = data + static_cast<std::ptrdiff_t>(y) * words;
    for (int x = 0; x < width; ++x) {
      SET_DATA_BYTE(line, x, row[x]);
    }
  }
  return picture;
}

Picture scaled_to(const Picture& picture, int long_side) {
  constexpr float kMostEnlarged = 4;
  const int longest = std::max(width_of(picture), height_of(picture));
  const float factor =
      std::min(kMostEnlarged, static_cast<float>(long_side) / static_cast<float>(longest));
  if (std::abs(factor - 1) < 0.02F) {
    return copy_of(picture);
  }
  return factor < 1 ? own(pixScaleGeneral(picture.get(), factor, factor, 0, 0))
                    : own(pixScaleGrayLI(picture.get(), factor, factor));
}

Picture deskewed(const Picture& picture) {
  constexpr float kLeast = 0.25F;   // degrees; less does not disturb the recogniser
  constexpr float kMost = 10.0F;    // more is a misjudged picture
  constexpr float kTrusted = 3.0F;  // Leptonica's own threshold
  const Picture black = own(pixConvertTo1Adaptive(picture.get()));
  l_float32 angle = 0;
  l_float32 confidence = 0;
  if (!black || pixFindSkew(black.get(), &angle, &confidence) != 0 || confidence < kTrusted ||
      std::abs(angle) < kLeast || std::abs(angle) > kMost) {
    return copy_of(picture);
  }
  const float radians = angle * 3.14159265F / 180;
  Picture level = own(pixRotate(picture.get(), radians, L_ROTATE_AREA_MAP, L_BRING_IN_WHITE, 0, 0));
  return level ? std::move(level) : copy_of(picture);
}

Picture evened(const Picture& picture) {
  constexpr int kTile = 32;
  constexpr int kSmallest = 4 * kTile;
  if (width_of(picture) < kSmallest || height_of(picture) < kSmallest) {
    return {};
  }
  constexpr int kDark = 80;  // darker is ink for the purpose of measuring paper
  constexpr int kCount = kTile * kTile / 4;
  constexpr int kPaper = 230;
  Picture flat = own(pixBackgroundNorm(picture.get(), nullptr, nullptr, kTile, kTile, kDark, kCount,
                                       kPaper, 2, 2));
  if (!flat) {
    return {};
  }
  // Locally, so that faint print becomes black beside a black border too.
  constexpr int kReach = 64;
  constexpr int kLeastContrast = 40;  // less is paper
  Picture stretched =
      own(pixContrastNorm(nullptr, flat.get(), kReach, kReach, kLeastContrast, 1, 1));
  return stretched;
}

Picture turned(const Picture& picture, int degrees) {
  return own(pixRotateOrth(picture.get(), degrees / 90 % 4));
}

}  // namespace headgate::documents
