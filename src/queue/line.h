#pragma once

#include <array>
#include <bitset>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "model/job.h"
#include "queue/arrival.h"

namespace headgate::queue {

struct LineSettings {
  std::size_t max_concurrent = 10;    ///< slots: callers and jobs that run
  std::size_t max_waiting = 10;       ///< callers
  std::size_t max_backlog = 100'000;  ///< jobs
  /// After each such wait an entry counts one class better; 0: never.
  std::chrono::milliseconds age_step{30'000};
  /// Share of the slots that is kept for a class while it waits, 0..1; rounded down to slots.
  std::array<double, model::kPriorities> reserved{};
};

/// The line in front of one model: who of those that wait is next, and the slots of those that
/// run. Callers and jobs share both. Pure: it is told what happens and when, and answers who
/// starts; a time before one it was told earlier counts as that one.
///
/// The best class goes first; an entry that waited k times `age_step` counts k classes better, so
/// everybody is served in the end. Those that count as the same class share the slots by estimated
/// work (see FairQueue), at three levels: between the classes they came with, in it between
/// owners, in an owner between its clients, so that nobody gains by inventing client ids. A
/// client's callers go in order of arrival, its jobs in order of tickets; the two are flows of
/// their own, so a call does not wait behind the thousand jobs of the same client.
///
/// Of a flow only the first ages: the rest follow it. Every call costs O(log flows), however many
/// wait, except set() with another `age_step`: O(flows). Owned by one thread.
class Line final {
 public:
  explicit Line(LineSettings settings);
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  ~Line();

  /// With fewer slots than run now, nobody starts until enough have ended; entries beyond a lower
  /// limit stay. More slots are filled by take().
  void set(LineSettings settings);

  enum class Verdict : std::uint8_t {
    Runs,   ///< a slot was taken
    Waits,  ///< until take() names it
    Full,   ///< not accepted
  };
  Verdict caller(const Arrival& arrival);
  Verdict job(const Arrival& arrival);
  /// A job that was accepted before, at start-up or after the wait for its next attempt: waits,
  /// whatever the limits, in its old place if its ticket is old. `at` decides its age. take() must
  /// follow. One that waits already is left as it is.
  void restore(const Arrival& arrival);
  /// One that waits goes; false if `ticket` does not wait.
  bool leave(Ticket ticket);
  /// All jobs that wait go, O(flows); callers keep their order. take() must follow.
  void leave_jobs();
  /// Entries of these classes wait and are not started; those that run go on. When fewer classes
  /// are paused than before, take() must follow.
  using Classes = std::bitset<model::kPriorities>;
  void pause(Classes classes);
  /// One of that class gave its slot back. take() must follow.
  void ended(model::Priority priority, SteadyTime now, double seconds_held);
  struct Start {
    Ticket ticket = 0;
    model::Priority priority = model::Priority::Normal;
    SteadyTime came;
  };
  /// All that start now, best first, each with a slot.
  std::vector<Start> take(SteadyTime now);
  /// A slot for a caller if one is free and nobody waits; else the caller must go through caller().
  bool run_at_once(model::Priority priority, SteadyTime now);

  struct ClassState {
    std::size_t running = 0;
    std::size_t waiting_callers = 0;
    std::size_t waiting_jobs = 0;
    std::optional<SteadyTime> oldest;  ///< arrival of the longest waiting first of a flow
  };
  ClassState state(model::Priority priority) const;
  std::size_t running() const;
  std::size_t waiting_callers() const;
  std::size_t waiting_jobs() const;
  bool waits(Ticket ticket) const;
  /// How many starts away it is, about, from 1: neither aging nor work is counted. Unset if it does
  /// not wait.
  std::optional<std::size_t> position(Ticket ticket) const;
  /// Entries per second that end while all slots are taken, by the last 64 that ended; 0 if none
  /// has.
  double drain_rate() const;
  /// When a caller that was refused may try again: once those who wait have started, 1 s to 2 min.
  std::chrono::seconds retry_after() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headgate::queue
