#pragma once

#include <cstddef>
#include <cstdint>

#include "base/text_buffer.h"

namespace headgate::observe {

/// Writes RFC 3339 times, keeping the date and second last written. One thread at a time.
class TimeText final {
 public:
  static constexpr std::size_t kLength = 24;
  /// Adds `unix_milliseconds` as 2026-01-15T17:00:00.000Z.
  void add(TextBuffer& out, std::int64_t unix_milliseconds);

 private:
  std::int64_t second_ = INT64_MIN;
  char text_[kLength] = {};
};

}  // namespace headgate::observe
