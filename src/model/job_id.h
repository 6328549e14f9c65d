#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/job.h"

namespace headgate::model {

/// A job's id is a UUIDv7 (RFC 9562) that carries its JobSeq: 48 bits of Unix milliseconds and 15
/// bits that count within the millisecond. The other 59 bits are random; they keep ids from being
/// guessed and are kept with the job, so that an id is found by its seq without an index of ids.
struct JobId {
  JobSeq seq = 0;
  std::int64_t tail = 0;  ///< the random bits

  std::string text() const {
    const auto bits = static_cast<std::uint64_t>(seq);
    const std::uint64_t high = (bits >> 15U << 16U) | 0x7000U | ((bits >> 3U) & 0xFFFU);
    const std::uint64_t low =
        (1ULL << 63U) | ((bits & 7U) << 59U) | static_cast<std::uint64_t>(tail);
    std::array<char, 36> out{};
    char* end = write_hex(out.data(), high >> 32U, 8);
    *end++ = '-';
    end = write_hex(end, high >> 16U, 4);
    *end++ = '-';
    end = write_hex(end, high, 4);
    *end++ = '-';
    end = write_hex(end, low >> 48U, 4);
    *end++ = '-';
    write_hex(end, low, 12);
    return {out.data(), out.size()};
  }

  static std::optional<JobId> parse(std::string_view text) {
    if (text.size() != 36) {
      return std::nullopt;
    }
    std::array<std::uint64_t, 2> words{};
    std::size_t digits = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (i == 8 || i == 13 || i == 18 || i == 23) {
        if (c != '-') {
          return std::nullopt;
        }
        continue;
      }
      constexpr std::string_view kHex = "0123456789abcdef";
      const std::size_t value = kHex.find(c);
      if (value == std::string_view::npos) {
        return std::nullopt;
      }
      std::uint64_t& word = words[digits++ / 16];
      word = word << 4U | value;
    }
    const auto [high, low] = words;
    if ((high >> 12U & 0xFU) != 7 || low >> 62U != 2 || high >> 63U != 0) {
      return std::nullopt;
    }
    return JobId{.seq = static_cast<JobSeq>((high >> 16U << 15U) | ((high & 0xFFFU) << 3U) |
                                            (low >> 59U & 7U)),
                 .tail = static_cast<std::int64_t>(low & ((1ULL << 59U) - 1))};
  }

 private:
  /// The lowest `digits` digits of `value`; returns their end.
  static char* write_hex(char* out, std::uint64_t value, int digits) {
    for (int i = digits - 1; i >= 0; --i) {
      out[i] = "0123456789abcdef"[value & 0xFU];
      value >>= 4U;
    }
    return out + digits;
  }
};

/// Gives out the ids of new jobs, in rising order. Any thread.
class JobIds final {
 public:
  /// Every seq given out is above `newest`.
  void start_after(JobSeq newest) { last_ = std::max(last_.load(), newest); }
  /// `random` gives the tail.
  JobId next(std::int64_t unix_ms, std::uint64_t random) {
    JobSeq last = last_.load(std::memory_order_relaxed);
    JobSeq next = 0;
    do {
      next = std::max(last + 1, unix_ms << 15U);
    } while (!last_.compare_exchange_weak(last, next, std::memory_order_relaxed));
    return {.seq = next, .tail = static_cast<std::int64_t>(random & ((1ULL << 59U) - 1))};
  }

 private:
  std::atomic<JobSeq> last_{0};
};

}  // namespace headgate::model
