#include "observe/line_format.h"

#include <array>
#include <charconv>

#include "base/encoding.h"

namespace headgate::observe {
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

bool all_plain(std::string_view text) {
  for (const char c : text) {
    if (!kPlain[static_cast<unsigned char>(c)]) {
      return false;
    }
  }
  return true;
}

}  // namespace

void append_escaped(std::string& out, std::string_view text) {
  if (all_plain(text)) {
    out.append(text);
    return;
  }
  const std::string quoted = json_quote(text);
  out.append(quoted, 1, quoted.size() - 2);
}

void append_number(std::string& out, std::int64_t value) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

void append_ms(std::string& out, std::int64_t nanoseconds) {
  const std::int64_t microseconds = nanoseconds < 0 ? 0 : nanoseconds / 1000;
  append_number(out, microseconds / 1000);
  const auto rest = static_cast<int>(microseconds % 1000);
  const std::array<char, 4> decimals = {'.', static_cast<char>('0' + rest / 100),
                                        static_cast<char>('0' + rest / 10 % 10),
                                        static_cast<char>('0' + rest % 10)};
  out.append(decimals.data(), decimals.size());
}

void append_json_text(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) {
    return;
  }
  out.append(",\"").append(name).append("\":\"");
  append_escaped(out, value);
  out.push_back('"');
}

void append_json_number(std::string& out, std::string_view name, std::int64_t value) {
  out.append(",\"").append(name).append("\":");
  append_number(out, value);
}

void append_json_ms(std::string& out, std::string_view name, std::int64_t nanoseconds) {
  out.append(",\"").append(name).append("\":");
  append_ms(out, nanoseconds);
}

void TimeText::append(std::string& out, std::int64_t unix_milliseconds) {
  const std::int64_t second = unix_milliseconds / 1000;
  if (second != second_ || text_.empty()) {
    text_ = rfc3339(second * 1000);
    text_.resize(text_.size() - 5);  // ".000Z"
    second_ = second;
  }
  const auto rest = static_cast<int>(unix_milliseconds % 1000);
  const std::array<char, 5> tail = {'.', static_cast<char>('0' + rest / 100),
                                    static_cast<char>('0' + rest / 10 % 10),
                                    static_cast<char>('0' + rest % 10), 'Z'};
  out.append(text_).append(tail.data(), tail.size());
}

}  // namespace headgate::observe
