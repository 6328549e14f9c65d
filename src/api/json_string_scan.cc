#include "api/json_string_scan.h"

#include <array>
#include <string_view>

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace headgate::api {
namespace {

constexpr std::array<bool, 256> make_escape_table() {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("\"\\/bfnrt")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}
constexpr std::array<bool, 256> kTwoCharacterEscape = make_escape_table();

bool is_two_character_escape(const char* at, const char* end) {
  return *at == '\\' && end - at >= 2 && kTwoCharacterEscape[static_cast<unsigned char>(at[1])];
}

#ifdef __x86_64__

const char* scan_sse2(const char* at, const char* end, bool& not_ascii) {
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i last_control = _mm_set1_epi8(0x1F);
  while (at < end) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i special =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, backslash)),
                     _mm_cmpeq_epi8(_mm_min_epu8(block, last_control), block));
    const auto hits = static_cast<unsigned>(_mm_movemask_epi8(special));
    not_ascii |= _mm_movemask_epi8(block) != 0;
    if (hits == 0) {
      at += 16;
      continue;
    }
    at += __builtin_ctz(hits);
    if (at >= end || !is_two_character_escape(at, end)) {
      break;
    }
    at += 2;
  }
  return at < end ? at : end;
}

__attribute__((target("avx2"))) const char* scan_avx2(const char* at, const char* end,
                                                      bool& not_ascii) {
  const __m256i quote = _mm256_set1_epi8('"');
  const __m256i backslash = _mm256_set1_epi8('\\');
  const __m256i last_control = _mm256_set1_epi8(0x1F);
  while (at < end) {
    const __m256i block = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    const __m256i special = _mm256_or_si256(
        _mm256_or_si256(_mm256_cmpeq_epi8(block, quote), _mm256_cmpeq_epi8(block, backslash)),
        _mm256_cmpeq_epi8(_mm256_min_epu8(block, last_control), block));
    const auto hits = static_cast<unsigned>(_mm256_movemask_epi8(special));
    not_ascii |= _mm256_movemask_epi8(block) != 0;
    if (hits == 0) {
      at += 32;
      continue;
    }
    at += __builtin_ctz(hits);
    if (at >= end || !is_two_character_escape(at, end)) {
      break;
    }
    at += 2;
  }
  return at < end ? at : end;
}

// Debian's amd64 is SSE2; the processor may have more.
using Scan = const char* (*)(const char*, const char*, bool&);
const Scan kScan = __builtin_cpu_supports("avx2") ? scan_avx2 : scan_sse2;

#else

const char* kScan(const char* at, const char* end, bool& not_ascii) {
  while (at < end) {
    const auto byte = static_cast<unsigned char>(*at);
    not_ascii |= byte > 0x7F;
    if (byte != '"' && byte != '\\' && byte > 0x1F) {
      ++at;
    } else if (is_two_character_escape(at, end)) {
      at += 2;
    } else {
      break;
    }
  }
  return at;
}

#endif

}  // namespace

const char* scan_json_string(const char* at, const char* end, bool& not_ascii) {
  return kScan(at, end, not_ascii);
}

}  // namespace headgate::api
