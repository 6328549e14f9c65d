#include "documents/page_reader.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "documents/pdf_file.h"
#include "documents/picture_header.h"
#include "documents/text_lines.h"

namespace headgate::documents {
namespace {

using Clock = std::chrono::steady_clock;

constexpr float kPointsPerInch = 72;
constexpr float kReadingDpi = 200;  // of the boxes of a PDF page
constexpr float kProofDpi = 100;    // to see whether the text layer is complete

std::unexpected<Refusal> refuse(PageFailure failure, std::uint64_t figure = 0) {
  return std::unexpected(Refusal{.failure = failure, .figure = figure});
}

/// How hard to try. Long sides in pixels. Small pictures read clearly better at 2600 than as sent;
/// between 2200 and 3300 no size has been shown to be the best.
struct Effort {
  int long_side;
  bool second_pass;
  bool orientation;
};
constexpr std::array<Effort, 5> kEfforts = {{
    {.long_side = 1300, .second_pass = false, .orientation = false},  // tiny
    {.long_side = 1650, .second_pass = false, .orientation = false},  // small
    {.long_side = 2200, .second_pass = false, .orientation = true},   // base
    {.long_side = 2600, .second_pass = true, .orientation = true},    // large
    {.long_side = 3300, .second_pass = true, .orientation = true},    // gundam
}};

const Effort& effort_of(Resolution resolution) {
  return kEfforts[static_cast<std::size_t>(resolution)];
}

bool too_many_pixels(PageSize size, const PageLimits& limits) {
  return static_cast<double>(size.width) * size.height > static_cast<double>(limits.max_pixels);
}

std::expected<Inspection, Refusal> inspect_pdf(std::string_view bytes, const PageLimits& limits) {
  const auto file = PdfFile::open(bytes);
  if (!file) {
    return std::unexpected(file.error());
  }
  const std::uint32_t count = (*file)->pages();
  if (count > limits.max_pages) {
    return refuse(PageFailure::TooManyPages, limits.max_pages);
  }
  Inspection inspection{.type = FileType::Pdf, .pages = {}};
  for (std::uint32_t number = 1; number <= count; ++number) {
    inspection.pages.push_back((*file)->page_size(number).value_or(PageSize{}));
  }
  return inspection;
}

/// The directories of a TIFF that are pages: thumbnails are not.
std::vector<std::uint32_t> tiff_page_numbers(const std::vector<TiffPage>& pages) {
  std::vector<std::uint32_t> numbers;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    if (!pages[i].reduced || pages.size() == 1) {
      numbers.push_back(static_cast<std::uint32_t>(i + 1));
    }
  }
  return numbers;
}

std::expected<Inspection, Refusal> inspect_tiff(std::string_view bytes, const PageLimits& limits) {
  const std::vector<TiffPage> pages = tiff_pages(bytes, limits.max_pages);
  if (pages.size() > limits.max_pages) {
    return refuse(PageFailure::TooManyPages, limits.max_pages);
  }
  Inspection inspection{.type = FileType::Tiff, .pages = {}};
  for (const std::uint32_t number : tiff_page_numbers(pages)) {
    inspection.pages.push_back(pages[number - 1].size);
  }
  return inspection;
}

std::expected<Inspection, Refusal> inspect_picture(FileType type, std::string_view bytes) {
  const auto size = picture_size(type, bytes);
  if (!size) {
    return refuse(PageFailure::Unreadable);
  }
  return Inspection{.type = type, .pages = {*size}};
}

/// The best reading so far of a picture, and the picture it was read from.
struct Attempt {
  Picture picture;
  Recognition recognition;
  int turned = 0;  ///< degrees clockwise from the page as it came
};

class Reading {
 public:
  Reading(const PageEngines& engines, const Effort& effort, int dpi, SteadyTime until)
      : engines_(engines), effort_(effort), dpi_(dpi), until_(until), started_(Clock::now()) {}

  Attempt read(const Picture& picture) {
    Attempt best = read_as_it_is(picture, 0);
    if (!effort_.orientation || !time_left()) {
      return best;
    }
    if (best.recognition.turn != 0) {
      return read_sideways(picture, std::move(best));
    }
    // Noise may be text upside down or on its side; only then is the direction worth asking for,
    // for upright receipts are often judged upside down.
    const bool ask = engines_.orientation != nullptr && best.recognition.confidence < kNoise;
    const int turn = ask ? engines_.orientation->turn_needed(picture, dpi_) : 0;
    if (turn != 0) {
      Attempt other = read_as_it_is(turned(picture, turn), turn);
      if (other.recognition.confidence > best.recognition.confidence) {
        return other;
      }
    }
    return best;
  }

 private:
  static constexpr float kNoise = 0.65F;

  /// Tesseract saw columns of words; set upright they need only be as good, for their lines must be
  /// level for whoever looks for columns. Noise may have been read from the wrong end.
  Attempt read_sideways(const Picture& picture, Attempt best) {
    constexpr double kAsGood = 0.8;
    const int turn = best.recognition.turn;
    Attempt other = read_as_it_is(turned(picture, turn), turn);
    if (other.recognition.confidence < kNoise && time_left()) {
      const int opposite = (turn + 180) % 360;
      Attempt third = read_as_it_is(turned(picture, opposite), opposite);
      if (third.recognition.confidence > other.recognition.confidence) {
        other = std::move(third);
      }
    }
    return other.recognition.yield >= kAsGood * best.recognition.yield ? std::move(other)
                                                                       : std::move(best);
  }

  Attempt read_as_it_is(const Picture& picture, int turn) {
    constexpr float kClear = 0.85F;  // above, a second look is not worth its time
    Attempt attempt{.picture = deskewed(picture), .recognition = {}, .turned = turn};
    attempt.recognition = engines_.recognizer.read(attempt.picture, dpi_, Layout::Page, until_);
    if (!effort_.second_pass || attempt.recognition.confidence >= kClear || !time_left()) {
      return attempt;
    }
    const Picture even = evened(attempt.picture);
    Recognition second =
        engines_.recognizer.read(even ? even : attempt.picture, dpi_, Layout::Sparse, until_);
    // Scattered words lose their lines and columns, so they must be clearly more.
    constexpr double kClearlyMore = 1.05;
    if (second.yield > kClearlyMore * attempt.recognition.yield) {
      attempt.recognition = std::move(second);
    }
    return attempt;
  }

  /// Another pass takes about as long as what went before.
  bool time_left() const {
    const auto now = Clock::now();
    return now + (now - started_) < until_;
  }

  const PageEngines& engines_;
  const Effort& effort_;
  int dpi_;
  SteadyTime until_;
  SteadyTime started_;
};

void scale(model::Box& box, float factor) {
  box.left *= factor;
  box.top *= factor;
  box.right *= factor;
  box.bottom *= factor;
}

/// The attempt as a page whose pixels are `factor` times those of the picture read.
model::PageReading page_of(Attempt attempt, float factor, float dpi) {
  model::PageReading reading;
  reading.width = static_cast<float>(width_of(attempt.picture)) * factor;
  reading.height = static_cast<float>(height_of(attempt.picture)) * factor;
  reading.dpi = dpi;
  reading.confidence = attempt.recognition.confidence;
  reading.lines = std::move(attempt.recognition.lines);
  reading.source =
      reading.lines.empty() ? model::PageReading::Source::Blank : model::PageReading::Source::Ocr;
  for (model::Line& line : reading.lines) {
    scale(line.box, factor);
    for (model::Word& word : line.words) {
      scale(word.box, factor);
    }
  }
  return reading;
}

/// Large photos may keep half as much again as the working size: their text is small.
int working_side(const Picture& picture, const Effort& effort) {
  const int longest = std::max(width_of(picture), height_of(picture));
  return std::clamp(longest, effort.long_side, effort.long_side * 3 / 2);
}

std::expected<model::PageReading, Refusal> read_picture(FileType type, std::string_view bytes,
                                                        std::uint32_t page, const Effort& effort,
                                                        const PageEngines& engines,
                                                        SteadyTime until) {
  constexpr int kUsualInches = 11;
  auto picture = decode_picture(type, bytes, page);
  if (!picture) {
    return std::unexpected(picture.error());
  }
  const int side = working_side(*picture, effort);
  Picture work = scaled_to(*picture, side);
  if (!work) {
    return refuse(PageFailure::OutOfMemory);
  }
  const float factor = static_cast<float>(width_of(*picture)) / static_cast<float>(width_of(work));
  picture->reset();
  Reading reading(engines, effort, side / kUsualInches, until);
  return page_of(reading.read(work), factor, kReadingDpi);
}

/// The resolution at which the page's long side has the wanted pixels, within reason.
float render_dpi(PageSize points, const Effort& effort) {
  constexpr float kLeast = 100;
  constexpr float kMost = 300;
  constexpr float kMostPixels = 25e6F;
  const float inches = std::max(points.width, points.height) / kPointsPerInch;
  const float area = points.width * points.height / (kPointsPerInch * kPointsPerInch);
  const float wanted = std::clamp(static_cast<float>(effort.long_side) / inches, kLeast, kMost);
  return std::min(wanted, std::sqrt(kMostPixels / area));
}

std::expected<model::PageReading, Refusal> read_pdf_page(std::string_view bytes,
                                                         const JobMessage& job,
                                                         const PageEngines& engines,
                                                         SteadyTime until) {
  const auto file = PdfFile::open(bytes);
  if (!file) {
    return std::unexpected(file.error());
  }
  if (job.page < 1 || job.page > (*file)->pages()) {
    return refuse(PageFailure::NoSuchPage);
  }
  auto layer = (*file)->text_layer(job.page);
  if (!layer) {
    return std::unexpected(layer.error());
  }
  const auto points = (*file)->page_size(job.page);
  if (!points) {
    return std::unexpected(points.error());
  }
  const Effort& effort = effort_of(job.resolution);
  const float dpi = render_dpi(*points, effort);
  if (job.text_layer == TextLayer::UseIfComplete && !layer->reading.lines.empty()) {
    const float proof_dpi = std::min(kProofDpi, dpi);
    const auto proof = (*file)->render(job.page, proof_dpi);
    const Picture upright = proof ? turned(*proof, layer->turned) : Picture();
    if (upright && judge_layer(layer->reading, upright, proof_dpi) == LayerVerdict::Complete) {
      return std::move(layer->reading);
    }
  }
  auto picture = (*file)->render(job.page, dpi);
  if (!picture) {
    return std::unexpected(picture.error());
  }
  Reading reading(engines, effort, static_cast<int>(dpi), until);
  return page_of(reading.read(*picture), kReadingDpi / dpi, kReadingDpi);
}

}  // namespace

std::expected<Inspection, Refusal> inspect_file(std::string_view bytes, const PageLimits& limits) {
  const FileType type = detect_type(bytes);
  if (type == FileType::Unknown) {
    return refuse(PageFailure::UnknownType);
  }
  if (type == FileType::Gif) {
    return refuse(PageFailure::UnsupportedType, static_cast<std::uint64_t>(type));
  }
  if (type == FileType::Pdf) {
    return inspect_pdf(bytes, limits);  // its pages are drawn at a size of our choice
  }
  auto inspection =
      type == FileType::Tiff ? inspect_tiff(bytes, limits) : inspect_picture(type, bytes);
  if (!inspection) {
    return inspection;
  }
  if (inspection->pages.empty()) {
    return refuse(PageFailure::Unreadable);
  }
  for (const PageSize& size : inspection->pages) {
    if (too_many_pixels(size, limits)) {
      return refuse(PageFailure::TooManyPixels, limits.max_pixels);
    }
  }
  return inspection;
}

std::expected<model::PageReading, Refusal> read_file_page(std::string_view bytes,
                                                          const JobMessage& job,
                                                          const PageLimits& limits,
                                                          const PageEngines& engines,
                                                          SteadyTime until) {
  if (detect_type(bytes) == FileType::Pdf) {
    auto reading = read_pdf_page(bytes, job, engines, until);
    if (reading) {
      reading->number = job.page;
    }
    return reading;
  }
  const auto inspection = inspect_file(bytes, limits);  // headers again: the limits hold here too
  if (!inspection) {
    return std::unexpected(inspection.error());
  }
  if (job.page < 1 || job.page > inspection->pages.size()) {
    return refuse(PageFailure::NoSuchPage);
  }
  const std::uint32_t directory =
      inspection->type == FileType::Tiff
          ? tiff_page_numbers(tiff_pages(bytes, limits.max_pages))[job.page - 1]
          : job.page;
  auto reading =
      read_picture(inspection->type, bytes, directory, effort_of(job.resolution), engines, until);
  if (reading) {
    reading->number = job.page;
  }
  return reading;
}

}  // namespace headgate::documents
