#pragma once

// Small documents for the tests of this folder, drawn and assembled here.

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <leptonica/allheaders.h>

#include "documents/picture.h"

namespace headgate::documents {

/// White paper with `lines` of black text in Leptonica's own letters, enlarged twofold.
inline Picture drawn_text(const std::vector<std::string>& lines) {
  constexpr int kWidth = 900;
  constexpr int kLineHeight = 44;
  constexpr int kPoints = 10;
  const int height = 80 + kLineHeight * static_cast<int>(lines.size());
  const Picture page(pixCreate(kWidth, height, 8));
  pixSetAll(page.get());
  L_BMF* font = bmfCreate(nullptr, kPoints);
  int y = 60;
  for (const std::string& line : lines) {
    l_int32 width = 0;
    pixSetTextline(page.get(), font, line.c_str(), 0, 40, y, &width, nullptr);
    y += kLineHeight;
  }
  bmfDestroy(&font);
  return Picture(pixScaleGrayLI(page.get(), 2, 2));
}

/// `picture` as a file of Leptonica's format `format` (IFF_PNG, IFF_JFIF_JPEG, ...).
inline std::string encoded(const Picture& picture, int format) {
  l_uint8* data = nullptr;
  std::size_t size = 0;
  if (pixWriteMem(&data, &size, picture.get(), format) != 0) {
    return {};
  }
  std::string bytes(reinterpret_cast<const char*>(data), size);
  std::free(data);  // NOLINT(cppcoreguidelines-no-malloc): Leptonica's allocation
  return bytes;
}

/// A page of many lines, which takes a while to read.
inline Picture long_text() {
  std::vector<std::string> lines;
  lines.reserve(40);
  for (int i = 0; i < 40; ++i) {
    lines.push_back("The quick brown fox number " + std::to_string(i * 37) + " jumps over it");
  }
  return drawn_text(lines);
}

/// A PDF of these objects, numbered from 1; the first is the catalogue. `trailer` goes into the
/// trailer dictionary. Has no cross-reference table: readers rebuild it.
inline std::string pdf_of(const std::vector<std::string>& objects, std::string_view trailer = {}) {
  std::string pdf = "%PDF-1.6\n";
  for (std::size_t i = 0; i < objects.size(); ++i) {
    pdf += std::to_string(i + 1) + " 0 obj\n" + objects[i] + "\nendobj\n";
  }
  pdf += "trailer<</Root 1 0 R/Size " + std::to_string(objects.size() + 1);
  pdf.append(trailer).append(">>\n%%EOF\n");
  return pdf;
}

inline std::string pdf_stream(std::string_view content, std::string_view dictionary = {}) {
  return "<</Length " + std::to_string(content.size()) + std::string(dictionary) + ">>stream\n" +
         std::string(content) + "\nendstream";
}

/// `pages` pages with the same text in Helvetica.
inline std::string text_pdf(std::string_view text, int pages = 1) {
  std::string kids;
  std::vector<std::string> objects = {
      "<</Type/Catalog/Pages 2 0 R>>", "", "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
      pdf_stream("BT /F1 12 Tf 40 700 Td (" + std::string(text) + ") Tj ET")};
  for (int i = 0; i < pages; ++i) {
    kids += std::to_string(objects.size() + 1) + " 0 R ";
    objects.emplace_back(
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R"
        "/Resources<</Font<</F1 3 0 R>>>>>>");
  }
  objects[1] = "<</Type/Pages/Kids[" + kids + "]/Count " + std::to_string(pages) + ">>";
  return pdf_of(objects);
}

/// A form with one field that holds `value`, drawn by its appearance.
inline std::string form_pdf(std::string_view value) {
  return pdf_of(
      {"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[5 0 R]/DA(/F1 12 Tf)>>>>",
       "<</Type/Pages/Kids[4 0 R]/Count 1>>", "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
       "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Annots[5 0 R]>>",
       "<</Type/Annot/Subtype/Widget/FT/Tx/F 4/T(name)/V(" + std::string(value) +
           ")/DA(/F1 12 Tf)/Rect[40 690 340 710]/AP<</N 6 0 R>>>>",
       pdf_stream("/Tx BMC BT /F1 12 Tf 2 5 Td (" + std::string(value) + ") Tj ET EMC",
                  "/Type/XObject/Subtype/Form/BBox[0 0 300 20]/Resources<</Font<</F1 3 0 R>>>>")});
}

/// Forms that draw each other ten times, eight deep: some kilobytes that take hours to draw.
inline std::string endless_pdf() {
  std::vector<std::string> objects = {
      "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>",
      "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R"
      "/Resources<</XObject<</X 5 0 R>>>>>>",
      pdf_stream("/X Do")};
  constexpr int kDepth = 9;
  for (int i = 0; i < kDepth; ++i) {
    const bool last = i == kDepth - 1;
    std::string content;
    for (int j = 0; j < 10; ++j) {
      content += last ? "0 0 500 500 re f " : "/X Do ";
    }
    const std::string next = last ? "" : "/X " + std::to_string(objects.size() + 2) + " 0 R";
    objects.push_back(pdf_stream(content,
                                 "/Type/XObject/Subtype/Form/BBox[0 0 612 792]"
                                 "/Resources<</XObject<<" +
                                     next + ">>>>"));
  }
  return pdf_of(objects);
}

/// Encrypted with a password nobody has.
inline std::string locked_pdf() {
  const std::string hash(32, 'x');
  return pdf_of({"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>",
                 "<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>",
                 "<</Filter/Standard/V 1/R 2/P -4/O(" + hash + ")/U(" + hash + ")>>"},
                "/Encrypt 4 0 R/ID[(abc)(abc)]");
}

}  // namespace headgate::documents
