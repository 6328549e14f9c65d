#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace headgate::observe {

/// Appends `text` escaped for the inside of a JSON string; invalid UTF-8 becomes U+FFFD.
void append_escaped(std::string& out, std::string_view text);
/// Appends `,"name":"value"`, or nothing if `value` is empty.
void append_json_text(std::string& out, std::string_view name, std::string_view value);
/// Appends `,"name":value`.
void append_json_number(std::string& out, std::string_view name, std::int64_t value);
/// Appends `,"name":1.234`: nanoseconds as milliseconds with three decimals.
void append_json_ms(std::string& out, std::string_view name, std::int64_t nanoseconds);

void append_number(std::string& out, std::int64_t value);
/// `nanoseconds` as milliseconds with three decimals.
void append_ms(std::string& out, std::int64_t nanoseconds);

/// Writes RFC 3339 times, keeping the date and second last written. One thread at a time.
class TimeText final {
 public:
  /// Appends `unix_milliseconds` as 2026-01-15T17:00:00.000Z.
  void append(std::string& out, std::int64_t unix_milliseconds);

 private:
  std::int64_t second_ = INT64_MIN;
  std::string text_;  // up to and with the seconds
};

}  // namespace headgate::observe
