#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "config/settings.h"
#include "model/job.h"

namespace headgate::limits {

/// Which requests the gateway refuses because it is itself at its limit: the classes below high,
/// the lowest first. Pure: it is told what was measured and when. Owned by one thread.
///
/// The level rises as soon as a figure has reached a threshold: the memory once, the delay of the
/// event loops in three measurements in a row, so that a single hiccup turns nobody away. It falls
/// by one step for each OverloadSettings::hold in which the figure stayed well below the threshold
/// of the level, so that it does not flap.
class Overload final {
 public:
  enum class Level : std::uint8_t {
    None,    ///< everyone is let in
    Low,     ///< low and batch are refused
    Normal,  ///< so is normal; high never is
  };
  enum class Reason : std::uint8_t { Lag, Memory };

  explicit Overload(const config::OverloadSettings& settings) : settings_(settings) {}

  /// Counts from the next measurement on.
  void set(const config::OverloadSettings& settings) { settings_ = settings; }
  /// `lag`: the longest that something which is ready waits for its event loop.
  void measure_lag(std::chrono::milliseconds lag, SteadyTime now);
  /// `used`: the share of the memory that the process may use.
  void measure_memory(double used, SteadyTime now);

  Level level() const;
  /// What the level comes from.
  Reason reason() const;

 private:
  struct Thresholds {
    double low;     ///< 0: none
    double normal;  ///< 0: none
    double calm;    ///< the part of a threshold below which it counts as calm
  };
  /// The level that one figure asks for.
  struct Figure {
    Level level = Level::None;
    std::optional<SteadyTime> calm_since;
    /// `rising` lifts the level, `falling` lowers it.
    void step(double rising, double falling, const Thresholds& at, std::chrono::milliseconds hold,
              SteadyTime now);
  };

  static constexpr std::size_t kInARow = 3;

  config::OverloadSettings settings_;
  Figure lag_;
  Figure memory_;
  std::array<double, kInARow> lags_{};  // milliseconds, a ring
  std::size_t measured_ = 0;
};

/// Whether a request of that class is refused at `level`.
bool sheds(Overload::Level level, model::Priority priority);

}  // namespace headgate::limits
