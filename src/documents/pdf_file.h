#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string_view>

#include "documents/picture.h"
#include "documents/worker_protocol.h"
#include "model/document.h"

namespace headgate::documents {

/// A page's text layer, upright even if the page shows its text on the side.
struct LayerReading {
  model::PageReading reading;
  int turned = 0;  ///< degrees clockwise from the page as displayed
};

/// One PDF, opened with an empty password. The bytes outlive it.
class PdfFile final {
 public:
  static std::expected<std::unique_ptr<PdfFile>, Refusal> open(std::string_view bytes);
  ~PdfFile();

  std::uint32_t pages() const;
  /// In points, as displayed; nothing if the page is broken.
  std::expected<PageSize, Refusal> page_size(std::uint32_t number) const;
  /// The words of the page's text layer in pixels at 200 dpi, form fields included. May be empty.
  std::expected<LayerReading, Refusal> text_layer(std::uint32_t number) const;
  /// The page in grey, on white paper.
  std::expected<Picture, Refusal> render(std::uint32_t number, float dpi) const;

 private:
  PdfFile();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Opens, reads and draws a page of our own, so that fonts, character tables and converters are
/// loaded before the sandbox closes; keeps them. Also stops Poppler's messages.
class PdfWarmth final {
 public:
  PdfWarmth();
  ~PdfWarmth();
  /// Whether Poppler managed our page.
  bool complete() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headgate::documents
