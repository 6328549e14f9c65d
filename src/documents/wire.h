#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace headgate::documents {

/// Writes little-endian numbers and length-prefixed texts.
class WireWriter final {
 public:
  template <std::unsigned_integral Number>
  void number(Number value) {
    for (std::size_t i = 0; i < sizeof(Number); ++i) {
      bytes_.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i)));
    }
  }
  void real(float value) { number(std::bit_cast<std::uint32_t>(value)); }
  void text(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    bytes_.append(value);
  }
  void raw(std::string_view value) { bytes_.append(value); }
  const std::string& bytes() const { return bytes_; }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// Reads them back from bytes nobody vouches for: after the first misfit everything reads as zero
/// and ok() is false. Never reads beyond the end, never allocates more than is there.
class WireReader final {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes) {}

  template <std::unsigned_integral Number>
  Number number() {
    if (rest_.size() < sizeof(Number)) {
      spoil();
      return 0;
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(Number); ++i) {
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(rest_[i])) << (8 * i);
    }
    rest_.remove_prefix(sizeof(Number));
    return static_cast<Number>(value);
  }
  /// A finite number.
  float real() {
    const auto value = std::bit_cast<float>(number<std::uint32_t>());
    if (!(value > -1e9F && value < 1e9F)) {
      spoil();
      return 0;
    }
    return value;
  }
  std::string_view text(std::size_t max_bytes) {
    const auto size = number<std::uint32_t>();
    if (size > max_bytes || size > rest_.size()) {
      spoil();
      return {};
    }
    const std::string_view value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return value;
  }
  /// A count of things of which each takes at least `bytes_each`; so it is bounded by what is left.
  std::uint32_t count(std::size_t bytes_each, std::uint32_t max) {
    const auto value = number<std::uint32_t>();
    if (value > max || value > rest_.size() / bytes_each) {
      spoil();
      return 0;
    }
    return value;
  }
  void spoil() {
    ok_ = false;
    rest_ = {};
  }
  bool ok() const { return ok_; }
  /// Everything was read and fitted.
  bool finished() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace headgate::documents
