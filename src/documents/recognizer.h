#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "documents/picture.h"
#include "model/document.h"

namespace headgate::documents {

/// What Tesseract read, in pixels of the picture it was given.
struct Recognition {
  std::vector<model::Line> lines;
  float confidence = 0;  ///< mean of the words weighted by length, 0..1
  double yield = 0;      ///< characters, weighted by how far each word is above a guess
  int turn = 0;          ///< degrees clockwise that set most of it upright; 0: it stands upright
};

enum class Layout : std::uint8_t {
  Page,    ///< columns, paragraphs, lines
  Sparse,  ///< scattered bits of text, as on forms and receipts
};

/// Tesseract with one set of languages, loaded once by the worker and inherited by its pages.
class Recognizer final {
 public:
  /// Null if the data of a language is missing. Names as Tesseract's: [a-zA-Z0-9_]+.
  static std::unique_ptr<Recognizer> load(const std::vector<std::string>& languages);
  ~Recognizer();

  /// Reads `picture` at `dpi`; gives what it has when `until` passes.
  Recognition read(const Picture& picture, int dpi, Layout layout, SteadyTime until);

  /// Where its language data lies.
  std::string data_folder() const;

 private:
  Recognizer();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Tells which way up a page is.
class OrientationFinder final {
 public:
  /// Null if Tesseract's "osd" data is missing.
  static std::unique_ptr<OrientationFinder> load();
  ~OrientationFinder();

  /// Degrees clockwise (90, 180, 270) by which to turn `picture`; 0 if upright or unsure.
  int turn_needed(const Picture& picture, int dpi);

 private:
  OrientationFinder();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headgate::documents
