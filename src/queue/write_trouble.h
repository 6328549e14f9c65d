#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>

#include "base/clock.h"
#include "base/error.h"

namespace headgate::queue {

/// Whether the store is only out of order: full, broken off, too busy. Any other failure to write
/// (a damaged table) is lasting: it will not go away by itself.
bool is_passing(const Error& error);

/// How long to wait after the `failures`-th try (from 1) to write something failed: `pause` while
/// the trouble is passing, so that work goes on as soon as it is over; doubled with each failure,
/// up to sixty times `pause`, if it is lasting.
std::chrono::milliseconds write_pause(std::chrono::milliseconds pause, std::size_t failures,
                                      const Error& error);

/// What becomes of jobs and cannot be written: who waits for that, how often it failed, and when to
/// say so. Thread safe.
class WriteTrouble final {
 public:
  static constexpr std::chrono::minutes kBetweenReports{1};

  /// Somebody who has something to write, from its first failure until it is written or given up.
  class Waiter final {
   public:
    explicit Waiter(WriteTrouble& trouble) : trouble_(trouble) {}
    ~Waiter();
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    /// A try failed. How many wait because of lasting trouble if it is time to report that, at most
    /// once in kBetweenReports however many wait.
    std::optional<std::size_t> failed(const Error& error, SteadyTime now);

   private:
    enum class Counts : std::uint8_t { No, Lasting };
    WriteTrouble& trouble_;
    Counts counts_ = Counts::No;  // guarded by the trouble's mutex
  };

  /// How many wait because of lasting trouble.
  std::size_t lasting() const;
  /// Tries that failed since the start.
  std::uint64_t failures() const;

 private:
  mutable std::mutex mutex_;  // guards all below
  std::size_t lasting_ = 0;
  std::uint64_t failures_ = 0;
  std::optional<SteadyTime> reported_;
};

}  // namespace headgate::queue
