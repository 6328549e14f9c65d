#include "documents/picture_header.h"

#include <string>

#include <gtest/gtest.h>

#include "documents/testing_documents.h"

namespace headgate::documents {
namespace {

using namespace std::string_view_literals;

struct Format {
  int leptonica;
  FileType type;
};
constexpr Format kFormats[] = {{IFF_PNG, FileType::Png},
                               {IFF_JFIF_JPEG, FileType::Jpeg},
                               {IFF_WEBP, FileType::Webp},
                               {IFF_BMP, FileType::Bmp}};

TEST(PictureHeader, KnowsTypeAndSizeOfEveryFormat) {
  const Picture picture = drawn_text({"abc"});
  for (const Format& format : kFormats) {
    const std::string bytes = encoded(picture, format.leptonica);
    ASSERT_FALSE(bytes.empty());
    EXPECT_EQ(detect_type(bytes), format.type);
    const auto size = picture_size(format.type, bytes);
    ASSERT_TRUE(size.has_value()) << name_of(format.type);
    EXPECT_EQ(size->width, width_of(picture));
    EXPECT_EQ(size->height, height_of(picture));
  }
}

TEST(PictureHeader, GoesByTheBytesAndNotByTheName) {
  EXPECT_EQ(detect_type("<html><body>"), FileType::Unknown);
  EXPECT_EQ(detect_type("<svg xmlns='...'>"), FileType::Unknown);
  EXPECT_EQ(detect_type("PK\x03\x04"), FileType::Unknown);
  EXPECT_EQ(detect_type(""), FileType::Unknown);
  EXPECT_EQ(detect_type("GIF89a"), FileType::Gif);
  EXPECT_EQ(detect_type("junk before\n%PDF-1.4"), FileType::Pdf);
  EXPECT_EQ(detect_type(std::string(2000, ' ') + "%PDF-1.4"), FileType::Unknown);
}

TEST(PictureHeader, SurvivesTruncationAtEveryByte) {
  const Picture picture = drawn_text({"abc"});
  for (const Format& format : kFormats) {
    const std::string bytes = encoded(picture, format.leptonica);
    for (std::size_t length = 0; length < 200 && length < bytes.size(); ++length) {
      const std::string part = bytes.substr(0, length);
      (void)picture_size(format.type, part);
      (void)exif_orientation(part);
    }
  }
  const std::string tiff = encoded(picture, IFF_TIFF_LZW);
  for (std::size_t length = 0; length < tiff.size(); ++length) {
    EXPECT_LE(tiff_pages(std::string_view(tiff).substr(0, length), 10).size(), 1U);
  }
}

TEST(PictureHeader, ReadsTheSizeOfATiff) {
  const Picture picture = drawn_text({"abc"});
  const auto pages = tiff_pages(encoded(picture, IFF_TIFF_LZW), 10);
  ASSERT_EQ(pages.size(), 1U);
  EXPECT_EQ(pages[0].size.width, width_of(picture));
  EXPECT_EQ(pages[0].size.height, height_of(picture));
}

/// A directory of width 5 and height 7 at byte 8 that goes on at `next`.
std::string tiff_with_next(char next) {
  std::string tiff("II*\0\x08\0\0\0\x02\0", 10);
  tiff += "\0\1\3\0\1\0\0\0\5\0\0\0"sv;
  tiff += "\1\1\3\0\1\0\0\0\7\0\0\0"sv;
  tiff += next;
  tiff += "\0\0\0"sv;
  return tiff;
}

TEST(PictureHeader, EndsAtADirectoryThatPointsToItself) {
  const auto pages = tiff_pages(tiff_with_next('\x08'), 1000);
  ASSERT_EQ(pages.size(), 1U);
  EXPECT_EQ(pages[0].size.width, 5);
  EXPECT_EQ(pages[0].size.height, 7);
  EXPECT_EQ(tiff_pages(tiff_with_next('\0'), 1000).size(), 1U);
  EXPECT_EQ(tiff_pages(tiff_with_next('\x7f'), 1000).size(), 1U) << "beyond the end";
}

TEST(PictureHeader, ReadsTheExifOrientationInBothByteOrders) {
  constexpr auto kHead = "\xff\xd8\xff\xe1\x00\x22"sv;
  const std::string little = std::string(kHead) + std::string("Exif\0\0"sv) +
                             std::string("II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"sv);
  const std::string big = std::string(kHead) + std::string("Exif\0\0"sv) +
                          std::string("MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\x08\0\0\0\0\0\0"sv);
  EXPECT_EQ(exif_orientation(little), 6);
  EXPECT_EQ(exif_orientation(big), 8);
  EXPECT_EQ(exif_orientation(encoded(drawn_text({"abc"}), IFF_JFIF_JPEG)), 1);
}

}  // namespace
}  // namespace headgate::documents
