#include "queue/lines.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/event_loop.h"
#include "base/recycler.h"
#include "base/signal.h"
#include "base/text_map.h"

namespace headgate::queue {
namespace {

constexpr std::size_t kShards = 16;
/// Lines beyond this many of a shard that nobody uses are forgotten: a provider that takes any
/// model name lets clients invent them.
constexpr std::size_t kLinesPerShard = 1024;

/// A caller that waits for a slot, on its own loop.
struct Waiter {
  EventLoop* loop = EventLoop::current();
  Signal granted;
  bool has_slot = false;  // guarded by the shard's mutex
};

struct ModelLine {
  explicit ModelLine(LineSettings settings) : line(settings), settings(settings) {}
  Line line;
  LineSettings settings;
  std::size_t claims = 0;                                       // jobs on their way to disk
  std::size_t delayed = 0;                                      // jobs between two attempts
  std::unordered_map<Ticket, std::shared_ptr<Waiter>> waiters;  // shared with the caller's frame
  std::uint64_t rejected_callers = 0;
  std::uint64_t rejected_jobs = 0;
  std::uint64_t gave_up = 0;
  LineView::Waits waits;

  void started(model::Priority priority, Kind kind, std::chrono::nanoseconds waited) {
    waits[static_cast<std::size_t>(priority)][static_cast<std::size_t>(kind)].add(waited);
  }

  bool idle() const {
    return line.running() == 0 && line.waiting_callers() == 0 && line.waiting_jobs() == 0 &&
           claims == 0 && delayed == 0;
  }

  /// Whether one more job would neither start at once nor find room to wait.
  bool backlog_full() const {
    const std::size_t waiting = line.waiting_jobs() + delayed;
    const bool somebody_waits = line.waiting_jobs() + line.waiting_callers() != 0;
    const std::size_t free = somebody_waits || line.running() >= settings.max_concurrent
                                 ? 0
                                 : settings.max_concurrent - line.running();
    return claims >= free && waiting + (claims - free) >= settings.max_backlog;
  }
};

using LineMap = TextMap<std::unique_ptr<ModelLine>>;

struct alignas(64) Shard {
  std::mutex mutex;
  LineMap lines;  // guarded by mutex
};

Error full(std::string_view message, std::chrono::seconds retry_after) {
  Error error = overloaded(std::string(message), retry_after);
  error.code = "queue_full";
  return error;
}

}  // namespace

struct Lines::Impl : std::enable_shared_from_this<Lines::Impl> {
  explicit Impl(SettingsOf of) : settings_of(std::move(of)) {}

  SettingsOf settings_of;
  StartJob start_job;
  std::array<Shard, kShards> shards;
  std::atomic<Ticket> last_caller{0};
  std::atomic<bool> closed_to_jobs{false};  // changes under no lock, is looked at under a shard's
  std::atomic<Batch> batch{Batch::Runs};    // likewise

  class Slot;
  /// A line and what guards it. Stays where it is while anybody is in it: a line in use is not
  /// forgotten.
  struct Place {
    Shard* shard;
    ModelLine* line;
  };
  /// Jobs whose turn came; started after the lock is released.
  using Starts = std::vector<std::pair<model::JobSeq, model::Priority>>;

  Shard& shard_of(std::string_view model) { return shards[TextHash{}(model) % kShards]; }

  ModelLine& line_of(Shard& shard, std::string_view model) {
    const auto found = shard.lines.find(model);
    if (found != shard.lines.end()) {
      return *found->second;
    }
    if (shard.lines.size() >= kLinesPerShard) {
      std::erase_if(shard.lines, [](const auto& entry) { return entry.second->idle(); });
    }
    auto made = std::make_unique<ModelLine>(settings_of(model));
    made->line.pause(paused());
    return *shard.lines.emplace(std::string(model), std::move(made)).first->second;
  }

  Line::Classes paused() const {
    Line::Classes classes;
    return classes.set(static_cast<std::size_t>(model::Priority::Batch), batch == Batch::Paused);
  }

  /// Changes every line and starts those whose turn has come by it.
  template <class Change>
  void change_all(Change change);

  /// Hands slots to all whose turn has come. Needs the shard's mutex.
  static void advance(ModelLine& line, SteadyTime now, Starts& starts) {
    for (const Line::Start& start : line.line.take(now)) {
      line.started(start.priority, kind_of(start.ticket), now - start.came);
      if (kind_of(start.ticket) == Kind::Job) {
        starts.emplace_back(start.ticket, start.priority);
        continue;
      }
      const auto waiter = line.waiters.extract(start.ticket);
      waiter.mapped()->has_slot = true;
      waiter.mapped()->loop->post([kept = waiter.mapped()] { kept->granted.notify(); });
    }
  }

  /// `at` is when the jobs' turn came.
  void start(const Starts& starts, Place place, SteadyTime at);
  void ended(Place place, model::Priority priority, SteadyTime since);
};

/// A slot that is taken.
class Lines::Impl::Slot final : public model::HeldSlot, public Recycled {
 public:
  Slot(std::shared_ptr<Impl> lines, Place place, model::Priority priority, SteadyTime since)
      : lines_(std::move(lines)), place_(place), priority_(priority), since_(since) {}
  ~Slot() override { lines_->ended(place_, priority_, since_); }

 private:
  std::shared_ptr<Impl> lines_;  // shared: a slot may outlive the Lines while the gateway stops
  Place place_;
  model::Priority priority_;
  SteadyTime since_;
};

void Lines::Impl::start(const Starts& starts, Place place, SteadyTime at) {
  if (!start_job) {
    return;  // the gateway stops: on disk they wait for the next start
  }
  for (const auto& [seq, priority] : starts) {
    start_job(seq, std::make_unique<Slot>(shared_from_this(), place, priority, at));
  }
}

void Lines::Impl::ended(Place place, model::Priority priority, SteadyTime since) {
  const SteadyTime now = std::chrono::steady_clock::now();
  Starts starts;
  {
    const std::lock_guard lock(place.shard->mutex);
    Line& line = place.line->line;
    line.ended(priority, now, std::chrono::duration<double>(now - since).count());
    if (line.waiting_callers() + line.waiting_jobs() != 0) {
      advance(*place.line, now, starts);
    }
  }
  start(starts, place, now);
}

Lines::Lines(SettingsOf settings_of) : impl_(std::make_shared<Impl>(std::move(settings_of))) {}

Lines::~Lines() = default;

void Lines::on_job(StartJob start) { impl_->start_job = std::move(start); }

template <class Change>
void Lines::Impl::change_all(Change change) {
  for (Shard& shard : shards) {
    std::vector<std::pair<ModelLine*, Starts>> all;
    const SteadyTime now = std::chrono::steady_clock::now();
    {
      const std::lock_guard lock(shard.mutex);
      for (auto& [model, line] : shard.lines) {
        change(model, *line);
        advance(*line, now, all.emplace_back(line.get(), Starts()).second);
      }
    }
    for (const auto& [line, starts] : all) {
      start(starts, {&shard, line}, now);
    }
  }
}

void Lines::reconfigure() {
  impl_->change_all([this](const std::string& model, ModelLine& line) {
    line.settings = impl_->settings_of(model);
    line.line.set(line.settings);
  });
}

void Lines::close_to_jobs() {
  impl_->closed_to_jobs = true;
  impl_->change_all([](const std::string&, ModelLine& line) { line.line.leave_jobs(); });
}

void Lines::set_batch(Batch batch) {
  impl_->batch = batch;
  impl_->change_all(
      [this](const std::string&, ModelLine& line) { line.line.pause(impl_->paused()); });
}

std::unique_ptr<model::HeldSlot> Lines::try_enter(const Caller& caller) {
  Shard& shard = impl_->shard_of(caller.model);
  ModelLine* line = nullptr;
  {
    const std::lock_guard lock(shard.mutex);
    line = &impl_->line_of(shard, caller.model);
    if (!line->line.run_at_once(caller.priority, caller.at)) {
      return nullptr;
    }
    line->started(caller.priority, Kind::Caller, {});
  }
  return std::make_unique<Impl::Slot>(impl_, Impl::Place{&shard, line}, caller.priority, caller.at);
}

Task<Result<std::unique_ptr<model::HeldSlot>>> Lines::enter(Caller caller, CancelSource& cancel,
                                                            SteadyTime patience) {
  Shard& shard = impl_->shard_of(caller.model);
  const Ticket ticket = impl_->last_caller.fetch_sub(1, std::memory_order_relaxed) - 1;
  ModelLine* place = nullptr;
  std::shared_ptr<Waiter> waiter;  // shared with the line until it is our turn
  {
    const std::lock_guard lock(shard.mutex);
    ModelLine& line = impl_->line_of(shard, caller.model);
    place = &line;
    if (!line.line.run_at_once(caller.priority, caller.at)) {
      const auto verdict = line.line.caller({.ticket = ticket,
                                             .priority = caller.priority,
                                             .owner = std::string(caller.owner),
                                             .client = std::string(caller.client),
                                             .work = caller.work,
                                             .at = caller.at});
      if (verdict == Line::Verdict::Full) {
        ++line.rejected_callers;
        co_return fail(full("Queue is full, please try again later", line.line.retry_after()));
      }
      if (verdict == Line::Verdict::Waits) {
        waiter = line.waiters.emplace(ticket, std::make_shared<Waiter>()).first->second;
      }
    }
    if (!waiter) {
      line.started(caller.priority, Kind::Caller, {});
    }
  }
  if (waiter) {
    {
      OnCancel wake(cancel, [&] { waiter->granted.notify(); });
      co_await waiter->granted.wait_until(patience);
    }
    const std::lock_guard lock(shard.mutex);
    if (!waiter->has_slot) {
      ModelLine& line = *place;
      line.line.leave(ticket);
      line.waiters.erase(ticket);
      ++line.gave_up;
      if (cancel.cancelled()) {
        co_return fail(client_left());
      }
      co_return fail(
          full("The model is busy: no slot came free in time.", line.line.retry_after()));
    }
  }
  const SteadyTime since = waiter ? std::chrono::steady_clock::now() : caller.at;
  std::unique_ptr<model::HeldSlot> slot =
      std::make_unique<Impl::Slot>(impl_, Impl::Place{&shard, place}, caller.priority, since);
  if (cancel.cancelled()) {
    co_return fail(client_left());  // the slot goes back
  }
  co_return slot;
}

Result<void> Lines::claim_backlog(std::string_view model) {
  Shard& shard = impl_->shard_of(model);
  const std::lock_guard lock(shard.mutex);
  ModelLine& line = impl_->line_of(shard, model);
  if (line.backlog_full()) {
    ++line.rejected_jobs;
    return fail(full("Queue is full, please try again later", line.line.retry_after()));
  }
  ++line.claims;
  return {};
}

void Lines::drop_claim(std::string_view model) {
  Shard& shard = impl_->shard_of(model);
  const std::lock_guard lock(shard.mutex);
  --impl_->line_of(shard, model).claims;
}

void Lines::add_job(std::string_view model, Arrival arrival) {
  drop_claim(model);
  restore_job(model, arrival);
}

void Lines::restore_job(std::string_view model, const Arrival& arrival) {
  Shard& shard = impl_->shard_of(model);
  Impl::Place place{&shard, nullptr};
  Impl::Starts starts;
  const SteadyTime now = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(shard.mutex);
    if (impl_->closed_to_jobs) {
      return;
    }
    place.line = &impl_->line_of(shard, model);
    place.line->line.restore(arrival);
    Impl::advance(*place.line, now, starts);
  }
  impl_->start(starts, place, now);
}

void Lines::set_aside(std::string_view model) {
  Shard& shard = impl_->shard_of(model);
  const std::lock_guard lock(shard.mutex);
  ++impl_->line_of(shard, model).delayed;
}

void Lines::take_back(std::string_view model) {
  Shard& shard = impl_->shard_of(model);
  const std::lock_guard lock(shard.mutex);
  --impl_->line_of(shard, model).delayed;
}

bool Lines::leave(std::string_view model, model::JobSeq seq) {
  Shard& shard = impl_->shard_of(model);
  const std::lock_guard lock(shard.mutex);
  return impl_->line_of(shard, model).line.leave(seq);
}

bool Lines::waits(std::string_view model, model::JobSeq seq) const {
  Shard& shard = impl_->shard_of(model);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.lines.find(model);
  return found != shard.lines.end() && found->second->line.waits(seq);
}

std::optional<std::size_t> Lines::position(std::string_view model, model::JobSeq seq) const {
  Shard& shard = impl_->shard_of(model);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.lines.find(model);
  return found == shard.lines.end() ? std::nullopt : found->second->line.position(seq);
}

LineView Lines::view(std::string_view model) const {
  Shard& shard = impl_->shard_of(model);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.lines.find(model);
  if (found == shard.lines.end()) {
    return {.settings = impl_->settings_of(model), .classes = {}, .waits = {}};
  }
  const ModelLine& at = *found->second;
  LineView view{.settings = at.settings,
                .classes = {},
                .running = at.line.running(),
                .waiting_callers = at.line.waiting_callers(),
                .waiting_jobs = at.line.waiting_jobs(),
                .delayed_jobs = at.delayed,
                .drain_rate = at.line.drain_rate(),
                .retry_after = at.line.retry_after(),
                .rejected_callers = at.rejected_callers,
                .rejected_jobs = at.rejected_jobs,
                .gave_up = at.gave_up,
                .waits = at.waits};
  for (std::size_t i = 0; i < model::kPriorities; ++i) {
    view.classes[i] = at.line.state(static_cast<model::Priority>(i));
  }
  return view;
}

std::vector<std::string> Lines::models() const {
  std::vector<std::string> names;
  for (Shard& shard : impl_->shards) {
    const std::lock_guard lock(shard.mutex);
    for (const auto& [model, line] : shard.lines) {
      names.push_back(model);
    }
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace headgate::queue
