#include "base/encoding.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>

#include <sodium.h>

namespace headgate {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

/// Eight bytes at once, with each ASCII capital made small.
std::uint64_t lower_word(const char* text) {
  constexpr std::uint64_t kEach = 0x0101010101010101;
  std::uint64_t word = 0;
  std::memcpy(&word, text, sizeof word);
  const std::uint64_t low_bits = word & (0x7F * kEach);
  const std::uint64_t from_a = low_bits + (0x80 - 'A') * kEach;       // bit 7: 'A' or above
  const std::uint64_t above_z = low_bits + (0x80 - 'Z' - 1) * kEach;  // bit 7: above 'Z'
  const std::uint64_t capital = (from_a ^ above_z) & ~word & (0x80 * kEach);
  return word | (capital >> 2);
}

std::string encode(std::string_view bytes, int variant) {
  std::string text(sodium_base64_encoded_len(bytes.size(), variant), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                    bytes.size(), variant);
  text.pop_back();  // libsodium counts the terminating zero
  return text;
}

std::optional<std::string> decode(std::string_view text, int variant) {
  std::string bytes((text.size() / 4 + 1) * 3, '\0');
  std::size_t length = 0;
  const char* end = nullptr;
  const int status = sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(),
                                       text.data(), text.size(), nullptr, &length, &end, variant);
  if (status != 0 || end != text.data() + text.size()) {
    return std::nullopt;
  }
  bytes.resize(length);
  return bytes;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char low = lower(c);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/// Length of the valid UTF-8 sequence at the start of `text`, 0 if there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) {
    return 1;
  }
  std::size_t length = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    low = lead == 0xE0 ? 0xA0 : 0x80;
    high = lead == 0xED ? 0x9F : 0xBF;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    low = lead == 0xF0 ? 0x90 : 0x80;
    high = lead == 0xF4 ? 0x8F : 0xBF;
  }
  if (length == 0 || text.size() < length || byte(1) < low || byte(1) > high) {
    return 0;
  }
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) {
      return 0;
    }
  }
  return length;
}

/// ASCII that stands for itself in a JSON string.
bool is_plain(char c) { return c >= ' ' && c < 0x7F && c != '"' && c != '\\'; }

/// Whether eight bytes are all plain.
bool is_plain_word(const char* text) {
  constexpr std::uint64_t kEach = 0x0101010101010101;
  constexpr std::uint64_t kTop = 0x80 * kEach;
  std::uint64_t word = 0;
  std::memcpy(&word, text, sizeof word);
  const auto has = [word](unsigned char c) {
    const std::uint64_t zero_where_equal = word ^ (c * kEach);
    return (zero_where_equal - kEach) & ~zero_where_equal & kTop;
  };
  const std::uint64_t control = (word - ' ' * kEach) & ~word & kTop;
  return ((word & kTop) | control | has('"') | has('\\') | has(0x7F)) == 0;
}

/// How many plain characters `text` begins with.
std::size_t plain_length(std::string_view text) {
  std::size_t length = 0;
  while (text.size() - length >= 8 && is_plain_word(text.data() + length)) {
    length += 8;
  }
  while (length < text.size() && is_plain(text[length])) {
    ++length;
  }
  return length;
}

void write_digits(char* out, int count, unsigned value) {
  for (int i = count - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

}  // namespace

std::string hex(std::string_view bytes) {
  std::string text(bytes.size() * 2 + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                 bytes.size());
  text.pop_back();
  return text;
}

std::string base64(std::string_view bytes) { return encode(bytes, sodium_base64_VARIANT_ORIGINAL); }

std::string base64url(std::string_view bytes) {
  return encode(bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

std::optional<std::string> decode_base64(std::string_view text) {
  return decode(text, sodium_base64_VARIANT_ORIGINAL);
}

std::optional<std::string> decode_base64url(std::string_view text) {
  return decode(text, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

std::optional<std::string> decode_percent(std::string_view text, PercentMode mode) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && mode == PercentMode::Form) {
      out.push_back(' ');
    } else if (text[i] != '%') {
      out.push_back(text[i]);
    } else {
      if (i + 2 >= text.size()) {
        return std::nullopt;
      }
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) {
        return std::nullopt;
      }
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    }
  }
  return out;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

std::string ascii_lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

bool ascii_equal_ignore_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) {
    return false;
  }
  std::size_t done = 0;
  for (; a.size() - done >= 8; done += 8) {
    if (lower_word(a.data() + done) != lower_word(b.data() + done)) {
      return false;
    }
  }
  for (; done < a.size(); ++done) {
    if (lower(a[done]) != lower(b[done])) {
      return false;
    }
  }
  return true;
}

bool ascii_starts_with_ignore_case(std::string_view text, std::string_view prefix) {
  return ascii_equal_ignore_case(text.substr(0, prefix.size()), prefix);
}

std::string join(std::span<const std::string> texts) {
  std::string joined;
  for (const std::string& text : texts) {
    joined.append(joined.empty() ? "" : ", ").append(text);
  }
  return joined;
}

std::string rfc3339(long long unix_milliseconds) {
  std::string text;
  append_rfc3339(text, unix_milliseconds);
  return text;
}

void append_rfc3339(std::string& out, long long unix_milliseconds) {
  using std::chrono::days;
  using std::chrono::milliseconds;
  constexpr std::chrono::sys_time<milliseconds> kFirst =
      std::chrono::sys_days(std::chrono::year(0) / std::chrono::January / std::chrono::day(1));
  constexpr std::chrono::sys_time<milliseconds> kLast =
      std::chrono::sys_days(std::chrono::year(10'000) / std::chrono::January /
                            std::chrono::day(1)) -
      milliseconds(1);
  const auto time = std::clamp(std::chrono::sys_time<milliseconds>(milliseconds(unix_milliseconds)),
                               kFirst, kLast);
  const auto midnight = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date(midnight);
  const auto of_day = static_cast<unsigned>((time - midnight).count());
  std::array<char, 24> text{};
  write_digits(&text[0], 4, static_cast<unsigned>(static_cast<int>(date.year())));
  text[4] = '-';
  write_digits(&text[5], 2, static_cast<unsigned>(date.month()));
  text[7] = '-';
  write_digits(&text[8], 2, static_cast<unsigned>(date.day()));
  text[10] = 'T';
  write_digits(&text[11], 2, of_day / 3'600'000);
  text[13] = ':';
  write_digits(&text[14], 2, of_day / 60'000 % 60);
  text[16] = ':';
  write_digits(&text[17], 2, of_day / 1000 % 60);
  text[19] = '.';
  write_digits(&text[20], 3, of_day % 1000);
  text[23] = 'Z';
  out.append(text.data(), text.size());
}

std::string json_quote(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  append_json_quoted(out, text);
  return out;
}

void append_json_quoted(std::string& out, std::string_view text) {
  out.push_back('"');
  while (true) {
    const std::size_t plain = plain_length(text);
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) {
      break;
    }
    const char c = text.front();
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      out.append("\xEF\xBF\xBD");
      text.remove_prefix(1);
      continue;
    }
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (c == '\n') {
      out.append("\\n");
    } else if (c == '\r') {
      out.append("\\r");
    } else if (c == '\t') {
      out.append("\\t");
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      out.append("\\u00");
      out.push_back(kDigits[static_cast<unsigned char>(c) >> 4U]);
      out.push_back(kDigits[static_cast<unsigned char>(c) & 0xFU]);
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(length);
  }
  out.push_back('"');
}

}  // namespace headgate
