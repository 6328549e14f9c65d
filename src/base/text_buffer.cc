#include "base/text_buffer.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/encoding.h"

namespace headgate {
namespace {

/// Bytes that stand for themselves inside a JSON string and on a terminal.
constexpr std::array<bool, 256> make_plain() {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x7F; ++c) {
    plain[c] = c != '"' && c != '\\';
  }
  return plain;
}
constexpr std::array<bool, 256> kPlain = make_plain();

}  // namespace

void TextBuffer::add_escaped(std::string_view text) {
  char* out = data_.get() + size_;
  for (const char c : text) {
    if (!kPlain[static_cast<unsigned char>(c)]) {
      const std::string quoted = json_quote(text);
      add(std::string_view(quoted).substr(1, quoted.size() - 2));
      return;
    }
    *out++ = c;
  }
  size_ += text.size();
}

void TextBuffer::grow(std::size_t bytes) {
  constexpr std::size_t kFirst = 1 << 10;
  const std::size_t wanted = std::max({capacity_ * 2, size_ + bytes, kFirst});
  auto bigger = std::make_unique_for_overwrite<char[]>(wanted);
  if (size_ > 0) {
    std::memcpy(bigger.get(), data_.get(), size_);
  }
  data_ = std::move(bigger);
  capacity_ = wanted;
}

}  // namespace headgate
