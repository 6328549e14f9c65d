#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace headgate {

/// A growing run of bytes for log lines and response heads: as a string, but room is made once for
/// all the small pieces of one, which are then plain copies.
class TextBuffer final {
 public:
  /// Makes room for `bytes` more. Every add_* below needs it.
  void ensure(std::size_t bytes) {
    if (capacity_ - size_ < bytes) {
      grow(bytes);
    }
  }
  void add(char c) { data_[size_++] = c; }
  void add(std::string_view text) { size_ += text.copy(data_.get() + size_, text.size()); }
  /// A literal: its length is known to the compiler.
  template <std::size_t kLength>
  void add(const char (&literal)[kLength]) {
    std::memcpy(data_.get() + size_, literal, kLength - 1);
    size_ += kLength - 1;
  }
  void add_number(std::int64_t value) {
    constexpr std::size_t kDigits = 20;
    char* const start = data_.get() + size_;
    size_ =
        static_cast<std::size_t>(std::to_chars(start, start + kDigits, value).ptr - data_.get());
  }
  /// `nanoseconds` as milliseconds with three decimals; negative ones are 0.000.
  void add_ms(std::int64_t nanoseconds) {
    const std::int64_t microseconds = nanoseconds < 0 ? 0 : nanoseconds / 1000;
    add_number(microseconds / 1000);
    const auto rest = static_cast<int>(microseconds % 1000);
    add('.');
    add(static_cast<char>('0' + rest / 100));
    add(static_cast<char>('0' + rest / 10 % 10));
    add(static_cast<char>('0' + rest % 10));
  }
  /// `text` for the inside of a JSON string; invalid UTF-8 becomes U+FFFD. Needs six bytes of room
  /// for each of its own.
  void add_escaped(std::string_view text);

  std::string_view text() const { return {data_.get(), size_}; }
  std::size_t size() const { return size_; }
  void clear() { size_ = 0; }

 private:
  void grow(std::size_t bytes);

  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace headgate
