#include "base/http_text.h"

#include <algorithm>
#include <array>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/encoding.h"

namespace headgate {
namespace {

constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) {
    table[static_cast<std::size_t>(c)] = true;
  }
  for (int c = 'a'; c <= 'z'; ++c) {
    table[static_cast<std::size_t>(c)] = true;
    table[static_cast<std::size_t>(c - 32)] = true;
  }
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}

bool is_value_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
}

constexpr std::array<bool, 256> kTokenByte = make_token_table();

}  // namespace

std::size_t token_length(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end && kTokenByte[static_cast<unsigned char>(*at)]) {
    ++at;
  }
  return static_cast<std::size_t>(at - text.data());
}

bool is_token(std::string_view text) { return !text.empty() && token_length(text) == text.size(); }

bool is_field_value(std::string_view text) {
#ifdef __SSE2__
  const __m128i last_control = _mm_set1_epi8(0x1F);
  const __m128i del = _mm_set1_epi8(0x7F);
  const __m128i tab = _mm_set1_epi8('\t');
  while (text.size() >= 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data()));
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(block, last_control), block);
    const __m128i bad = _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(block, tab), control),
                                     _mm_cmpeq_epi8(block, del));
    if (_mm_movemask_epi8(bad) != 0) {
      return false;
    }
    text.remove_prefix(16);
  }
#endif
  return std::ranges::all_of(text, is_value_byte);
}

std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
    text.remove_suffix(1);
  }
  return text;
}

bool is_media_type(std::string_view content_type, std::string_view type) {
  return ascii_equal_ignore_case(trim_blanks(content_type.substr(0, content_type.find(';'))), type);
}

}  // namespace headgate
