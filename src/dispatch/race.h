#pragma once

#include <array>
#include <memory>

#include "base/result.h"
#include "base/signal.h"
#include "base/task.h"
#include "dispatch/attempts.h"

namespace headgate::dispatch {

/// Two calls of one request beside each other: the first that begins to answer wins, the other is
/// broken off at once.
///
/// A call that is broken off ends a moment later, by itself; until then it keeps what it needs, and
/// looks at nothing that is the request's. So a race may die undecided.
class Race final {
 public:
  /// Follows one call until it has begun to answer.
  class Start {
   public:
    virtual ~Start() = default;
    /// Returns when the call may win; fails as the call does. Once the attempt is broken off it
    /// looks at nothing but the attempt.
    virtual Task<Result<void>> run(Attempt& attempt) = 0;
  };

  /// Lets the current call of `attempts`, which outlives the race, run against `beside`.
  Race(Attempts& attempts, std::unique_ptr<Start> start, Attempts::Call beside,
       std::unique_ptr<Start> start_beside);
  ~Race();
  Race(const Race&) = delete;
  Race& operator=(const Race&) = delete;

  /// Waits for the winner until `patience`: false if there is none yet. It is the current call
  /// then. Fails as the call that failed last if none is left, which then is the current call.
  Task<Result<bool>> decide(SteadyTime patience);
  /// The winner's, once it is decided.
  Start& winner() { return *winner_; }

 private:
  struct Racer;
  static Task<void> run(std::shared_ptr<Racer> racer);
  static void break_off(std::shared_ptr<Racer> racer);
  std::optional<Result<bool>> judge();

  Attempts& attempts_;
  Signal ended_;
  std::array<std::shared_ptr<Racer>, 2> racers_;  // shared with their coroutines, see above
  std::unique_ptr<Start> winner_;
};

}  // namespace headgate::dispatch
