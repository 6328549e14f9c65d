#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "model/job.h"
#include "model/request_context.h"
#include "queue/line.h"
#include "queue/wait_times.h"

namespace headgate::queue {

/// What a model's line looks like at a moment.
struct LineView {
  LineSettings settings;
  std::array<Line::ClassState, model::kPriorities> classes;
  std::size_t running = 0;
  std::size_t waiting_callers = 0;
  std::size_t waiting_jobs = 0;
  std::size_t delayed_jobs = 0;  ///< wait for their next attempt, outside the line
  double drain_rate = 0;         ///< entries per second
  std::chrono::seconds retry_after{1};
  std::uint64_t rejected_callers = 0;  ///< the line was full
  std::uint64_t rejected_jobs = 0;     ///< the backlog was full
  std::uint64_t gave_up = 0;           ///< callers whose wait ended without a slot
  /// Of all that started since the line came into being, by model::Priority and Kind. A job's
  /// counts from its submission, also when it starts for another attempt.
  using Waits = std::array<std::array<WaitTimes, kKinds>, model::kPriorities>;
  Waits waits;
};

/// The lines of all models, for all event loops. A model's line comes into being when it is first
/// needed. Safe from any thread; locks are held for about a microsecond.
class Lines final {
 public:
  /// What the configuration says of a model's line.
  using SettingsOf = std::function<LineSettings(std::string_view model)>;
  /// Called when a job's turn has come, with its slot; must not block.
  using StartJob = std::function<void(model::JobSeq seq, std::unique_ptr<model::HeldSlot> slot)>;

  explicit Lines(SettingsOf settings_of);
  ~Lines();
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;

  /// Before the first job comes.
  void on_job(StartJob start);
  /// The configuration has changed: asks again for every line.
  void reconfigure();
  /// The gateway stops: all jobs leave their lines and none comes in any more, so that slots which
  /// come free are for callers. On disk they wait for the next start.
  void close_to_jobs();
  /// Whether entries of the batch class are started.
  enum class Batch : std::uint8_t { Runs, Paused };
  void set_batch(Batch batch);

  struct Caller {
    std::string_view model;
    model::Priority priority = model::Priority::Normal;
    std::string_view owner;
    std::string_view client;
    std::uint32_t work = 1;
    SteadyTime at{};  ///< now
  };
  /// A slot of the model, which is given back when it dies; null if none is free at once.
  std::unique_ptr<model::HeldSlot> try_enter(const Caller& caller);
  /// Waits for a slot until `patience`. Overloaded (`queue_full`) with the time to come back if too
  /// many wait or it took too long; ClientLeft if cancelled.
  Task<Result<std::unique_ptr<model::HeldSlot>>> enter(Caller caller, CancelSource& cancel,
                                                       SteadyTime patience);

  /// Makes room for one job in the backlog: Overloaded if it is full. Full is it when as many jobs
  /// wait as may, those between two attempts included; one that would start at once waits for
  /// nothing and is let in. Each success is followed by add_job(), or by drop_claim() if the job
  /// did not come to be.
  Result<void> claim_backlog(std::string_view model);
  void drop_claim(std::string_view model);
  void add_job(std::string_view model, Arrival arrival);
  /// A job that was accepted before: takes no claim.
  void restore_job(std::string_view model, const Arrival& arrival);
  /// A job waits outside the line for its next attempt, but counts in the backlog.
  void set_aside(std::string_view model);
  /// It does so no longer: it was restored, or has ended.
  void take_back(std::string_view model);
  /// A waiting job goes; false if it does not wait.
  bool leave(std::string_view model, model::JobSeq seq);

  bool waits(std::string_view model, model::JobSeq seq) const;
  std::optional<std::size_t> position(std::string_view model, model::JobSeq seq) const;
  LineView view(std::string_view model) const;
  /// Names of all lines that came into being.
  std::vector<std::string> models() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with the slots that are out
};

}  // namespace headgate::queue
