#include "documents/pdf_file.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <iconv.h>
#include <poppler/cpp/poppler-document.h>
#include <poppler/cpp/poppler-page-renderer.h>
#include <poppler/cpp/poppler-page.h>

#include "documents/text_lines.h"

namespace headgate::documents {
namespace {

constexpr float kLayerDpi = 200;
constexpr float kPointsPerInch = 72;

std::unexpected<Refusal> refuse(PageFailure failure) {
  return std::unexpected(Refusal{.failure = failure, .figure = 0});
}

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xC0 | code >> 6));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | code >> 12));
    out.push_back(static_cast<char>(0x80 | (code >> 6 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else {
    out.push_back(static_cast<char>(0xF0 | code >> 18));
    out.push_back(static_cast<char>(0x80 | (code >> 12 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (code >> 6 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  }
}

bool is_space(std::uint32_t code) {
  return code <= 0x20 || code == 0x7F || code == 0xA0 || code == 0xFEFF ||
         (code >= 0x2000 && code <= 0x200B);
}

/// Without spaces and control characters; lone surrogates become U+FFFD.
std::string utf8_of(const poppler::ustring& text) {
  constexpr std::size_t kLongestWord = 1024;
  constexpr std::uint32_t kReplacement = 0xFFFD;
  std::string out;
  for (std::size_t i = 0; i < text.size() && out.size() < kLongestWord; ++i) {
    std::uint32_t code = text[i];
    if (code >= 0xD800 && code < 0xE000) {
      const std::uint32_t next = i + 1 < text.size() ? text[i + 1] : 0;
      if (code < 0xDC00 && next >= 0xDC00 && next < 0xE000) {
        code = 0x10000 + ((code - 0xD800) << 10) + (next - 0xDC00);
        ++i;
      } else {
        code = kReplacement;
      }
    }
    if (!is_space(code)) {
      append_utf8(out, code);
    }
  }
  return out;
}

/// A box of a page whose text stands `turns` quarters clockwise, as it is on the page read upright.
model::Box upright(const model::Box& box, int turns, float width, float height) {
  switch (turns) {
    case 1:
      return {.left = box.top,
              .top = width - box.right,
              .right = box.bottom,
              .bottom = width - box.left};
    case 2:
      return {.left = width - box.right,
              .top = height - box.bottom,
              .right = width - box.left,
              .bottom = height - box.top};
    case 3:
      return {.left = height - box.bottom,
              .top = box.left,
              .right = height - box.top,
              .bottom = box.right};
    default:
      return box;
  }
}

/// The way most of the words stand.
int usual_rotation(const std::vector<poppler::text_box>& words) {
  std::array<std::size_t, 4> counts{};
  for (const poppler::text_box& word : words) {
    ++counts[static_cast<unsigned>(word.rotation()) % counts.size()];
  }
  return static_cast<int>(std::max_element(counts.begin(), counts.end()) - counts.begin());
}

PageSize displayed_size(const poppler::page& page) {
  const poppler::rectf box = page.page_rect(poppler::crop_box);
  auto width = static_cast<float>(std::abs(box.width()));
  auto height = static_cast<float>(std::abs(box.height()));
  const auto orientation = page.orientation();
  if (orientation == poppler::page::landscape || orientation == poppler::page::seascape) {
    std::swap(width, height);
  }
  return {.width = width, .height = height};
}

bool is_usable(PageSize size) {
  constexpr float kMost = 1e6F;
  return size.width >= 1 && size.height >= 1 && size.width < kMost && size.height < kMost;
}

}  // namespace

struct PdfFile::Impl {
  std::unique_ptr<poppler::document> document;

  std::unique_ptr<poppler::page> page(std::uint32_t number) const {
    return std::unique_ptr<poppler::page>(document->create_page(static_cast<int>(number) - 1));
  }
};

PdfFile::PdfFile() : impl_(std::make_unique<Impl>()) {}
PdfFile::~PdfFile() = default;

std::expected<std::unique_ptr<PdfFile>, Refusal> PdfFile::open(std::string_view bytes) {
  std::unique_ptr<PdfFile> file(new PdfFile);
  file->impl_->document.reset(
      poppler::document::load_from_raw_data(bytes.data(), static_cast<int>(bytes.size())));
  const poppler::document* const document = file->impl_->document.get();
  if (document == nullptr) {
    return refuse(PageFailure::Unreadable);
  }
  if (document->is_locked()) {
    return refuse(PageFailure::PasswordRequired);
  }
  if (document->pages() < 1) {
    return refuse(PageFailure::NoPages);
  }
  return file;
}

std::uint32_t PdfFile::pages() const {
  return static_cast<std::uint32_t>(impl_->document->pages());
}

std::expected<PageSize, Refusal> PdfFile::page_size(std::uint32_t number) const {
  const auto page = impl_->page(number);
  if (!page) {
    return refuse(PageFailure::Unreadable);
  }
  return displayed_size(*page);
}

std::expected<LayerReading, Refusal> PdfFile::text_layer(std::uint32_t number) const {
  constexpr std::size_t kMostWords = 100'000;
  constexpr float kScale = kLayerDpi / kPointsPerInch;
  const auto page = impl_->page(number);
  if (!page || !is_usable(displayed_size(*page))) {
    return refuse(PageFailure::Unreadable);
  }
  const PageSize size = displayed_size(*page);
  const std::vector<poppler::text_box> boxes = page->text_list();
  const int turns = usual_rotation(boxes);
  std::vector<model::Word> words;
  for (const poppler::text_box& box : boxes) {
    std::string text = utf8_of(box.text());
    if (text.empty() || words.size() >= kMostWords) {
      continue;
    }
    const poppler::rectf at = box.bbox();
    model::Box place{.left = static_cast<float>(at.left()) * kScale,
                     .top = static_cast<float>(at.top()) * kScale,
                     .right = static_cast<float>(at.right()) * kScale,
                     .bottom = static_cast<float>(at.bottom()) * kScale};
    place = upright(place, turns, size.width * kScale, size.height * kScale);
    words.push_back({.text = std::move(text), .box = place, .confidence = 1});
  }
  model::PageReading reading;
  reading.number = number;
  reading.dpi = kLayerDpi;
  reading.width = (turns % 2 == 0 ? size.width : size.height) * kScale;
  reading.height = (turns % 2 == 0 ? size.height : size.width) * kScale;
  reading.source = model::PageReading::Source::TextLayer;
  reading.confidence = 1;
  reading.lines = lines_of(std::move(words));
  return LayerReading{.reading = std::move(reading), .turned = (4 - turns) % 4 * 90};
}

std::expected<Picture, Refusal> PdfFile::render(std::uint32_t number, float dpi) const {
  const auto page = impl_->page(number);
  if (!page || !is_usable(displayed_size(*page))) {
    return refuse(PageFailure::Unreadable);
  }
  poppler::page_renderer renderer;
  renderer.set_image_format(poppler::image::format_gray8);
  renderer.set_render_hint(poppler::page_renderer::antialiasing);
  renderer.set_render_hint(poppler::page_renderer::text_antialiasing);
  const poppler::image image = renderer.render_page(page.get(), dpi, dpi);
  if (!image.is_valid() || image.format() != poppler::image::format_gray8) {
    return refuse(PageFailure::OutOfMemory);
  }
  Picture picture = grey_picture(reinterpret_cast<const unsigned char*>(image.const_data()),
                                 image.width(), image.height(), image.bytes_per_row());
  if (!picture) {
    return refuse(PageFailure::OutOfMemory);
  }
  return picture;
}

struct PdfWarmth::Impl {
  std::vector<iconv_t> converters;
  bool complete = false;
  std::unique_ptr<PdfFile> file;
};

PdfWarmth::PdfWarmth() : impl_(std::make_unique<Impl>()) {
  static constexpr std::string_view kPage =
      "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
      "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
      "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R"
      "/Resources<</Font<</F1 5 0 R>>>>>>endobj\n"
      "4 0 obj<</Length 33>>stream\nBT /F1 12 Tf 9 50 Td (Ready) Tj ET\nendstream endobj\n"
      "5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n"
      "trailer<</Root 1 0 R>>\n";
  poppler::set_debug_error_function([](const std::string&, void*) {}, nullptr);
  // An open converter keeps its code loaded; the sandbox lets no more code in.
  impl_->converters.push_back(::iconv_open("UTF-16", "UTF-8"));
  impl_->converters.push_back(::iconv_open("UTF-8", "UTF-16"));
  impl_->converters.push_back(::iconv_open("UTF-16LE", "UTF-8"));
  auto file = PdfFile::open(kPage);
  if (file) {
    impl_->file = std::move(*file);
    const auto layer = impl_->file->text_layer(1);
    const auto picture = impl_->file->render(1, kPointsPerInch);
    impl_->complete = layer.has_value() && picture.has_value();
  }
}

bool PdfWarmth::complete() const { return impl_->complete; }

PdfWarmth::~PdfWarmth() {
  constexpr iconv_t kNone = nullptr;
  for (iconv_t converter : impl_->converters) {
    if (converter != kNone && reinterpret_cast<std::intptr_t>(converter) != -1) {
      ::iconv_close(converter);
    }
  }
}

}  // namespace headgate::documents
