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
    std::string out;
    out.reserve(36);
    append_hex(out, high, 16);
    append_hex(out, low, 16);
    for (const std::size_t at : {8U, 13U, 18U, 23U}) {
      out.insert(at, 1, '-');
    }
    return out;
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
  static void append_hex(std::string& out, std::uint64_t value, int digits) {
    for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
      out.push_back("0123456789abcdef"[value >> static_cast<unsigned>(shift) & 0xFU]);
    }
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
