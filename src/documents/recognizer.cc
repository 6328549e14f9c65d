#include "documents/recognizer.h"

#include <algorithm>
#include <chrono>
#include <clocale>
#include <cmath>

#include <tesseract/baseapi.h>
#include <tesseract/ocrclass.h>
#include <tesseract/resultiterator.h>

#include "base/encoding.h"

namespace headgate::documents {
namespace {

// Smaller pictures hold no text, and Tesseract complains about them.
constexpr int kSmallestSide = 12;

bool is_language_name(std::string_view name) {
  return !name.empty() && name.size() <= 32 &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '_';
         });
}

model::Box box_of(const tesseract::ResultIterator& at, tesseract::PageIteratorLevel level) {
  int left = 0;
  int top = 0;
  int right = 0;
  int bottom = 0;
  at.BoundingBox(level, &left, &top, &right, &bottom);
  return {.left = static_cast<float>(left),
          .top = static_cast<float>(top),
          .right = static_cast<float>(right),
          .bottom = static_cast<float>(bottom)};
}

std::string text_of(const tesseract::ResultIterator& at) {
  constexpr std::size_t kLongestWord = 1024;
  const std::unique_ptr<char[]> text(at.GetUTF8Text(tesseract::RIL_WORD));
  std::string word = text ? text.get() : "";
  std::erase_if(word, [](unsigned char c) { return c <= ' '; });
  return word.size() <= kLongestWord && is_utf8(word) ? word : std::string();
}

void judge(Recognition& recognition) {
  constexpr float kGuess = 0.5F;  // words below are as often wrong as right
  double sum = 0;
  double letters = 0;
  for (const model::Line& line : recognition.lines) {
    for (const model::Word& word : line.words) {
      const auto length = static_cast<double>(word.text.size());
      sum += word.confidence * length;
      letters += length;
      recognition.yield += std::max(0.0F, word.confidence - kGuess) * length;
    }
  }
  recognition.confidence = letters > 0 ? static_cast<float>(sum / letters) : 0;
}

/// Tesseract reads columns of text that lies on its side, but leaves the words where they are. The
/// turn that sets most of the text upright, from how the words of its lines follow each other.
int turn_of(const std::vector<model::Line>& lines) {
  constexpr std::size_t kShortest = 3;  // letters; shorter words may be tall by nature
  std::size_t tall = 0;
  std::size_t wide = 0;
  float downwards = 0;
  for (const model::Line& line : lines) {
    for (const model::Word& word : line.words) {
      if (word.text.size() >= kShortest) {
        const bool stands = word.box.height() > 1.5F * word.box.width();
        (stands ? tall : wide) += word.text.size();
      }
    }
    downwards += line.words.back().box.middle_y() - line.words.front().box.middle_y();
  }
  if (tall <= wide) {
    return 0;
  }
  return downwards > 0 ? 270 : 90;
}

Recognition collect(tesseract::ResultIterator& at) {
  Recognition recognition;
  std::uint32_t block = 0;
  do {
    if (at.Empty(tesseract::RIL_WORD)) {
      continue;
    }
    const bool first = recognition.lines.empty();
    if (at.IsAtBeginningOf(tesseract::RIL_PARA) && !first) {
      ++block;
    }
    if (first || at.IsAtBeginningOf(tesseract::RIL_TEXTLINE)) {
      model::Line line;
      line.block = block;
      line.box = box_of(at, tesseract::RIL_TEXTLINE);
      recognition.lines.push_back(std::move(line));
    }
    std::string text = text_of(at);
    if (!text.empty()) {
      const float percent = std::clamp(at.Confidence(tesseract::RIL_WORD), 0.0F, 100.0F);
      recognition.lines.back().words.push_back({.text = std::move(text),
                                                .box = box_of(at, tesseract::RIL_WORD),
                                                .confidence = percent / 100});
    }
  } while (at.Next(tesseract::RIL_WORD));
  std::erase_if(recognition.lines, [](const model::Line& line) { return line.words.empty(); });
  judge(recognition);
  recognition.turn = turn_of(recognition.lines);
  return recognition;
}

bool too_small(const Picture& picture) {
  return width_of(picture) < kSmallestSide || height_of(picture) < kSmallestSide;
}

}  // namespace

struct Recognizer::Impl {
  tesseract::TessBaseAPI api;
};

Recognizer::Recognizer() : impl_(std::make_unique<Impl>()) {}
Recognizer::~Recognizer() = default;

std::unique_ptr<Recognizer> Recognizer::load(const std::vector<std::string>& languages) {
  std::string joined;
  for (const std::string& language : languages) {
    if (!is_language_name(language)) {
      return nullptr;
    }
    joined += (joined.empty() ? "" : "+") + language;
  }
  std::unique_ptr<Recognizer> recognizer(new Recognizer);
  if (joined.empty() ||
      recognizer->impl_->api.Init(nullptr, joined.c_str(), tesseract::OEM_LSTM_ONLY) != 0) {
    return nullptr;
  }
  recognizer->impl_->api.SetVariable("debug_file", "/dev/null");
  return recognizer;
}

std::string Recognizer::data_folder() const { return impl_->api.GetDatapath(); }

Recognition Recognizer::read(const Picture& picture, int dpi, Layout layout, SteadyTime until) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      until - std::chrono::steady_clock::now());
  if (too_small(picture) || left.count() <= 0) {
    return {};
  }
  tesseract::TessBaseAPI& api = impl_->api;
  api.SetPageSegMode(layout == Layout::Page ? tesseract::PSM_AUTO : tesseract::PSM_SPARSE_TEXT);
  api.SetImage(picture.get());
  api.SetSourceResolution(dpi);
  tesseract::ETEXT_DESC monitor;
  monitor.set_deadline_msecs(static_cast<int32_t>(std::min<std::int64_t>(left.count(), 3600'000)));
  Recognition recognition;
  if (api.Recognize(&monitor) == 0) {
    const std::unique_ptr<tesseract::ResultIterator> at(api.GetIterator());
    if (at) {
      recognition = collect(*at);
    }
  }
  api.Clear();
  return recognition;
}

struct OrientationFinder::Impl {
  tesseract::TessBaseAPI api;
};

OrientationFinder::OrientationFinder() : impl_(std::make_unique<Impl>()) {}
OrientationFinder::~OrientationFinder() = default;

std::unique_ptr<OrientationFinder> OrientationFinder::load() {
  std::unique_ptr<OrientationFinder> finder(new OrientationFinder);
  if (finder->impl_->api.Init(nullptr, "osd", tesseract::OEM_TESSERACT_ONLY) != 0) {
    return nullptr;
  }
  finder->impl_->api.SetPageSegMode(tesseract::PSM_OSD_ONLY);
  return finder;
}

int OrientationFinder::turn_needed(const Picture& picture, int dpi) {
  // Low on purpose: real rotations were seen from 5 up, false ones on upright receipts up to 3, and
  // a false one costs only another reading, of which the better is kept.
  constexpr float kSure = 2.5F;
  if (too_small(picture)) {
    return 0;
  }
  tesseract::TessBaseAPI& api = impl_->api;
  api.SetImage(picture.get());
  api.SetSourceResolution(dpi);
  int degrees = 0;
  float confidence = 0;
  const char* script = nullptr;
  float script_confidence = 0;
  const bool found =
      api.DetectOrientationScript(&degrees, &confidence, &script, &script_confidence);
  api.Clear();
  // Tesseract gives the angle of the page; turning it back is the rest of the circle.
  return found && confidence >= kSure ? (360 - degrees) % 360 : 0;
}

}  // namespace headgate::documents
