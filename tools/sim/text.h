#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace headgate::sim {

/// `300us`, `50ms`, `3s`, `2m`; a bare number is milliseconds. At most a day.
std::optional<std::chrono::microseconds> parse_duration(std::string_view text);

/// `16384`, `16KiB`, `4MiB`. At most 1 GiB.
std::optional<std::size_t> parse_size(std::string_view text);

/// A plain decimal number of at most `max`.
std::optional<std::size_t> parse_count(std::string_view text, std::size_t max);

bool equals_ignoring_case(std::string_view left, std::string_view right);

/// What is done with bytes above 0x7f when text becomes a JSON string.
enum class HighBytes : unsigned char {
  Keep,    ///< as they are: the text is UTF-8
  Latin1,  ///< each becomes \u00XX: the text may be anything
};

/// Appends `text` as a JSON string with its quotes.
void append_json_string(std::string& out, std::string_view text, HighBytes high_bytes);

}  // namespace headgate::sim
