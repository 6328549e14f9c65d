// A stop is a byte that ends the run of plain string text. Where escapes are frequent (prose with
// line ends and quotes), going back to the loop's head at each of them costs more than the scan
// itself, because the processor cannot foresee them. So 64 bytes at a time are judged at once, as
// bit masks; which bytes are escaped is found with the carry of an addition (Langdale and Lemire,
// "Parsing Gigabytes of JSON per Second", 2019, section 3.1.1).
#include "api/json_string_scan.h"

#include <array>
#include <cstdint>
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

const char* scan_bytes(const char* at, const char* end, bool& not_ascii) {
  while (at < end) {
    const auto byte = static_cast<unsigned char>(*at);
    not_ascii |= byte > 0x7F;
    if (byte != '"' && byte != '\\' && byte > 0x1F) {
      ++at;
    } else if (byte == '\\' && end - at >= 2 &&
               kTwoCharacterEscape[static_cast<unsigned char>(at[1])]) {
      at += 2;
    } else {
      break;
    }
  }
  return at;
}

#ifdef __x86_64__

/// Sixteen bytes at a time up to the first stop or escape.
const char* scan_sse2(const char* at, const char* end, bool& not_ascii) {
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i last_control = _mm_set1_epi8(0x1F);
  while (end - at >= 16) {
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
    const bool passes =
        *at == '\\' && end - at >= 2 && kTwoCharacterEscape[static_cast<unsigned char>(at[1])];
    if (!passes) {
      return at;
    }
    at += 2;
  }
  return scan_bytes(at, end, not_ascii);
}

/// A bit for each of 64 bytes.
struct Masks {
  std::uint64_t quote;
  std::uint64_t backslash;
  std::uint64_t control;
  std::uint64_t escapable;  ///< what may follow a backslash, but for 'u'
  std::uint64_t not_ascii;
};

__attribute__((target("avx2"))) inline std::uint64_t mask_of(__m256i low, __m256i high) {
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(low)) |
         static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm256_movemask_epi8(high))) << 32;
}

/// Not zero for the bytes " \ / b f n r t: each has a bit that both its halves' rows name.
__attribute__((target("avx2"))) inline __m256i escapable(__m256i block) {
  const __m256i by_low = _mm256_setr_epi8(0, 0, 13, 0, 8, 0, 4, 0, 0, 0, 0, 0, 2, 0, 4, 1,  //
                                          0, 0, 13, 0, 8, 0, 4, 0, 0, 0, 0, 0, 2, 0, 4, 1);
  const __m256i by_high = _mm256_setr_epi8(0, 0, 1, 0, 0, 2, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0,  //
                                           0, 0, 1, 0, 0, 2, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0);
  const __m256i high_half = _mm256_and_si256(_mm256_srli_epi16(block, 4), _mm256_set1_epi8(0x0F));
  const __m256i both =
      _mm256_and_si256(_mm256_shuffle_epi8(by_low, block), _mm256_shuffle_epi8(by_high, high_half));
  return _mm256_cmpgt_epi8(both, _mm256_setzero_si256());
}

__attribute__((target("avx2"))) inline Masks judge(const char* at) {
  const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + 32));
  const __m256i quote = _mm256_set1_epi8('"');
  const __m256i backslash = _mm256_set1_epi8('\\');
  const __m256i last_control = _mm256_set1_epi8(0x1F);
  return {
      .quote = mask_of(_mm256_cmpeq_epi8(low, quote), _mm256_cmpeq_epi8(high, quote)),
      .backslash = mask_of(_mm256_cmpeq_epi8(low, backslash), _mm256_cmpeq_epi8(high, backslash)),
      .control = mask_of(_mm256_cmpeq_epi8(_mm256_min_epu8(low, last_control), low),
                         _mm256_cmpeq_epi8(_mm256_min_epu8(high, last_control), high)),
      .escapable = mask_of(escapable(low), escapable(high)),
      .not_ascii = mask_of(low, high)};
}

/// The bytes that a backslash escapes; `carry` is 1 if the last byte before these was such a
/// backslash, and is left so for the next ones.
inline std::uint64_t escaped_bytes(std::uint64_t backslash, std::uint64_t& carry) {
  constexpr std::uint64_t kEven = 0x5555555555555555;
  backslash &= ~carry;
  const std::uint64_t follows = backslash << 1 | carry;
  const std::uint64_t odd_starts = backslash & ~kEven & ~follows;
  std::uint64_t on_even = 0;
  carry = __builtin_add_overflow(odd_starts, backslash, &on_even) ? 1 : 0;
  return (kEven ^ (on_even << 1)) & follows;
}

__attribute__((target("avx2"))) const char* scan_avx2(const char* at, const char* end,
                                                      bool& not_ascii) {
  std::uint64_t carry = 0;
  while (end - at >= 64) {
    const Masks masks = judge(at);
    const std::uint64_t escaped = escaped_bytes(masks.backslash, carry);
    const std::uint64_t stops =
        (masks.quote & ~escaped) | masks.control | (escaped & ~masks.escapable);
    not_ascii |= masks.not_ascii != 0;
    if (stops != 0) {
      const unsigned stop = static_cast<unsigned>(__builtin_ctzll(stops));
      // A wrong escape stops at its backslash, which may be the last byte of the bytes before.
      return at + stop - (escaped >> stop & 1U);
    }
    at += 64;
  }
  return scan_sse2(at - carry, end, not_ascii);
}

// Debian's amd64 is SSE2; the processor may have more.
using Scan = const char* (*)(const char*, const char*, bool&);
const Scan kScan = __builtin_cpu_supports("avx2") ? scan_avx2 : scan_sse2;

#else

constexpr auto kScan = scan_bytes;

#endif

}  // namespace

const char* scan_json_string(const char* at, const char* end, bool& not_ascii) {
  return kScan(at, end, not_ascii);
}

}  // namespace headgate::api
