#include "sim/text.h"

#include <charconv>
#include <cstdint>

namespace headgate::sim {
namespace {

constexpr std::size_t kMaxSize = std::size_t{1} << 30;
constexpr double kMaxSeconds = 86400;

struct Unit {
  std::string_view name;
  double factor;
};

constexpr Unit kDurations[] = {{"us", 1e-6}, {"ms", 1e-3}, {"", 1e-3}, {"s", 1}, {"m", 60}};
constexpr Unit kSizes[] = {{"", 1}, {"B", 1}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}};

std::optional<double> parse_with_unit(std::string_view text, const Unit* begin, const Unit* end) {
  double number = 0;
  const char* first = text.data();
  const char* last = first + text.size();
  auto [rest, error] = std::from_chars(first, last, number, std::chars_format::fixed);
  if (error != std::errc() || !(number >= 0)) {
    return std::nullopt;
  }
  std::string_view unit(rest, static_cast<std::size_t>(last - rest));
  for (const Unit* known = begin; known != end; ++known) {
    if (known->name == unit) {
      return number * known->factor;
    }
  }
  return std::nullopt;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

void append_escape(std::string& out, unsigned char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += "\\u00";
  out += kHex[c >> 4];
  out += kHex[c & 15];
}

}  // namespace

std::optional<std::chrono::microseconds> parse_duration(std::string_view text) {
  auto seconds = parse_with_unit(text, std::begin(kDurations), std::end(kDurations));
  if (!seconds || *seconds > kMaxSeconds) {
    return std::nullopt;
  }
  return std::chrono::microseconds(static_cast<std::int64_t>(*seconds * 1e6));
}

std::optional<std::size_t> parse_size(std::string_view text) {
  auto bytes = parse_with_unit(text, std::begin(kSizes), std::end(kSizes));
  if (!bytes || *bytes > static_cast<double>(kMaxSize)) {
    return std::nullopt;
  }
  return static_cast<std::size_t>(*bytes);
}

std::optional<std::size_t> parse_count(std::string_view text, std::size_t max) {
  std::size_t number = 0;
  const char* first = text.data();
  const char* last = first + text.size();
  auto [rest, error] = std::from_chars(first, last, number);
  if (error != std::errc() || rest != last || number > max) {
    return std::nullopt;
  }
  return number;
}

bool equals_ignoring_case(std::string_view left, std::string_view right) {
  if (left.size() != right.size()) {
    return false;
  }
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (lower(left[i]) != lower(right[i])) {
      return false;
    }
  }
  return true;
}

void append_json_string(std::string& out, std::string_view text, HighBytes high_bytes) {
  out += '"';
  for (char character : text) {
    auto c = static_cast<unsigned char>(character);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += character;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c < 0x20 || (c >= 0x7f && high_bytes == HighBytes::Latin1)) {
      append_escape(out, c);
    } else {
      out += character;
    }
  }
  out += '"';
}

}  // namespace headgate::sim
