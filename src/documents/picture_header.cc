#include "documents/picture_header.h"

#include <algorithm>
#include <cstdlib>
#include <unordered_set>

namespace headgate::documents {
namespace {

enum class Order : std::uint8_t { Little, Big };

/// Bounds-checked numbers at offsets of untrusted bytes.
class Bytes {
 public:
  Bytes(std::string_view bytes, Order order) : bytes_(bytes), order_(order) {}

  std::optional<std::uint64_t> number(std::uint64_t offset, unsigned size) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset) {
      return std::nullopt;
    }
    std::uint64_t value = 0;
    for (unsigned i = 0; i < size; ++i) {
      const unsigned place = order_ == Order::Big ? i : size - 1 - i;
      value = value << 8 | static_cast<unsigned char>(bytes_[offset + place]);
    }
    return value;
  }
  /// As number(), 0 beyond the end.
  std::uint64_t at(std::uint64_t offset, unsigned size) const {
    return number(offset, size).value_or(0);
  }

 private:
  std::string_view bytes_;
  Order order_;
};

std::optional<PageSize> size_of(std::uint64_t width, std::uint64_t height) {
  constexpr std::uint64_t kMax = 1U << 31;
  if (width == 0 || height == 0 || width > kMax || height > kMax) {
    return std::nullopt;
  }
  return PageSize{.width = static_cast<float>(width), .height = static_cast<float>(height)};
}

std::optional<PageSize> png_size(std::string_view bytes) {
  const Bytes in(bytes, Order::Big);
  return bytes.substr(12, 4) == "IHDR" ? size_of(in.at(16, 4), in.at(20, 4)) : std::nullopt;
}

/// Calls `visit(marker, offset of the payload, its size)` per segment until it returns true, the
/// picture data begins or the bytes end.
template <class Visit>
void walk_jpeg(std::string_view bytes, Visit visit) {
  const Bytes in(bytes, Order::Big);
  std::uint64_t offset = 2;
  while (offset + 4 <= bytes.size()) {
    if (in.at(offset, 1) != 0xFF) {
      ++offset;  // junk between segments, as decoders allow
      continue;
    }
    const std::uint64_t marker = in.at(offset + 1, 1);
    if (marker == 0xFF || marker == 0 || marker == 1 || (marker >= 0xD0 && marker <= 0xD8)) {
      offset += marker == 0xFF ? 1 : 2;
      continue;
    }
    const std::uint64_t length = in.at(offset + 2, 2);
    if (marker == 0xD9 || length < 2 || visit(marker, offset + 4, length - 2) || marker == 0xDA) {
      return;
    }
    offset += 2 + length;
  }
}

bool is_frame_marker(std::uint64_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

std::optional<PageSize> jpeg_size(std::string_view bytes) {
  const Bytes in(bytes, Order::Big);
  std::optional<PageSize> size;
  walk_jpeg(bytes, [&](std::uint64_t marker, std::uint64_t offset, std::uint64_t) {
    if (!is_frame_marker(marker)) {
      return false;
    }
    size = size_of(in.at(offset + 3, 2), in.at(offset + 1, 2));
    return true;
  });
  return size;
}

std::optional<PageSize> webp_size(std::string_view bytes) {
  const Bytes in(bytes, Order::Little);
  const std::string_view chunk = bytes.substr(std::min<std::size_t>(12, bytes.size()), 4);
  if (chunk == "VP8X") {
    return size_of(in.at(24, 3) + 1, in.at(27, 3) + 1);
  }
  if (chunk == "VP8L") {
    const std::uint64_t packed = in.at(21, 4);
    return size_of((packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1);
  }
  if (chunk == "VP8 ") {
    return size_of(in.at(26, 2) & 0x3FFF, in.at(28, 2) & 0x3FFF);
  }
  return std::nullopt;
}

std::optional<PageSize> bmp_size(std::string_view bytes) {
  const Bytes in(bytes, Order::Little);
  if (in.at(14, 4) == 12) {  // the OS/2 header
    return size_of(in.at(18, 2), in.at(20, 2));
  }
  const auto width = static_cast<std::int32_t>(in.at(18, 4));
  const auto height = static_cast<std::int32_t>(in.at(22, 4));  // negative: top row first
  return size_of(static_cast<std::uint64_t>(std::abs(static_cast<std::int64_t>(width))),
                 static_cast<std::uint64_t>(std::abs(static_cast<std::int64_t>(height))));
}

struct TiffLayout {
  unsigned offset_size;
  unsigned count_size;
  unsigned entry_size;
  unsigned value_at;  ///< in an entry
};
constexpr TiffLayout kClassic{.offset_size = 4, .count_size = 2, .entry_size = 12, .value_at = 8};
constexpr TiffLayout kBig{.offset_size = 8, .count_size = 8, .entry_size = 20, .value_at = 12};

std::optional<TiffPage> tiff_page(const Bytes& in, const TiffLayout& layout, std::uint64_t offset,
                                  std::uint64_t entries) {
  std::uint64_t width = 0;
  std::uint64_t height = 0;
  TiffPage page;
  for (std::uint64_t i = 0; i < entries; ++i) {
    const std::uint64_t entry = offset + layout.count_size + i * layout.entry_size;
    const std::uint64_t tag = in.at(entry, 2);
    const unsigned size = in.at(entry + 2, 2) == 3 ? 2 : 4;
    const std::uint64_t value = in.at(entry + layout.value_at, size);
    if (tag == 256) {
      width = value;
    } else if (tag == 257) {
      height = value;
    } else if (tag == 254) {
      page.reduced = (value & 1) != 0;
    }
  }
  const auto size = size_of(width, height);
  if (!size) {
    return std::nullopt;
  }
  page.size = *size;
  return page;
}

int orientation_in_exif(std::string_view exif) {
  const Order order = exif.starts_with("MM") ? Order::Big : Order::Little;
  const Bytes in(exif, order);
  const std::uint64_t directory = in.at(4, 4);
  const std::uint64_t entries = std::min<std::uint64_t>(in.at(directory, 2), 512);
  for (std::uint64_t i = 0; i < entries; ++i) {
    const std::uint64_t entry = directory + 2 + i * 12;
    if (in.at(entry, 2) == 0x0112) {
      const std::uint64_t value = in.at(entry + 8, 2);
      return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
    }
  }
  return 1;
}

}  // namespace

FileType detect_type(std::string_view bytes) {
  constexpr std::size_t kPdfHeaderWithin = 1024;
  using namespace std::string_view_literals;
  if (bytes.starts_with("\x89PNG\r\n\x1a\n")) {
    return FileType::Png;
  }
  if (bytes.starts_with("\xff\xd8\xff")) {
    return FileType::Jpeg;
  }
  if (bytes.starts_with("RIFF") && bytes.size() > 12 && bytes.substr(8, 4) == "WEBP") {
    return FileType::Webp;
  }
  if (bytes.starts_with("II*\0"sv) || bytes.starts_with("MM\0*"sv) ||
      bytes.starts_with("II+\0"sv) || bytes.starts_with("MM\0+"sv)) {
    return FileType::Tiff;
  }
  if (bytes.starts_with("GIF8")) {
    return FileType::Gif;
  }
  if (bytes.starts_with("BM") && bytes.size() >= 26) {
    return FileType::Bmp;
  }
  if (bytes.substr(0, kPdfHeaderWithin).find("%PDF-") != std::string_view::npos) {
    return FileType::Pdf;
  }
  return FileType::Unknown;
}

std::optional<PageSize> picture_size(FileType type, std::string_view bytes) {
  constexpr std::size_t kSmallestHeader = 26;
  if (bytes.size() < kSmallestHeader) {
    return std::nullopt;
  }
  switch (type) {
    case FileType::Png:
      return png_size(bytes);
    case FileType::Jpeg:
      return jpeg_size(bytes);
    case FileType::Webp:
      return webp_size(bytes);
    case FileType::Bmp:
      return bmp_size(bytes);
    default:
      return std::nullopt;
  }
}

std::vector<TiffPage> tiff_pages(std::string_view bytes, std::uint64_t max_pages) {
  constexpr std::uint64_t kMaxEntries = 4096;
  const Bytes in(bytes, bytes.starts_with("MM") ? Order::Big : Order::Little);
  const bool big = in.at(2, 2) == 43;
  const TiffLayout& layout = big ? kBig : kClassic;
  std::vector<TiffPage> pages;
  std::unordered_set<std::uint64_t> seen;
  std::uint64_t offset = in.at(big ? 8 : 4, layout.offset_size);
  while (offset != 0 && pages.size() <= max_pages && seen.insert(offset).second) {
    const auto entries = in.number(offset, layout.count_size);
    if (!entries || *entries > kMaxEntries) {
      break;
    }
    const auto page = tiff_page(in, layout, offset, *entries);
    if (!page) {
      break;
    }
    pages.push_back(*page);
    offset = in.at(offset + layout.count_size + *entries * layout.entry_size, layout.offset_size);
  }
  return pages;
}

int exif_orientation(std::string_view jpeg) {
  constexpr std::string_view kExif("Exif\0\0", 6);
  int orientation = 1;
  walk_jpeg(jpeg, [&](std::uint64_t marker, std::uint64_t offset, std::uint64_t size) {
    const std::string_view payload = jpeg.substr(std::min<std::size_t>(offset, jpeg.size()), size);
    if (marker != 0xE1 || !payload.starts_with(kExif)) {
      return false;
    }
    orientation = orientation_in_exif(payload.substr(kExif.size()));
    return true;
  });
  return orientation;
}

}  // namespace headgate::documents
