#include "queue/line.h"

#include <algorithm>
#include <cmath>

#include "queue/flow_tree.h"

namespace headgate::queue {
namespace {

using model::kPriorities;
using model::Priority;

constexpr std::size_t kMeasured = 64;    // ended entries in the drain rate
constexpr double kShortestHold = 0.001;  // seconds

std::size_t index_of(Priority priority) { return static_cast<std::size_t>(priority); }

}  // namespace

struct Line::Impl {
  explicit Impl(LineSettings initial)
      : settings(initial), tree(std::make_unique<FlowTree>(initial.age_step)) {}

  Verdict arrive(const Arrival& arrival, std::size_t limit);
  bool run_at_once(Priority priority, SteadyTime now);
  std::size_t waiting(Kind kind) const;
  std::size_t kept_for(std::size_t priority) const;
  FlowTree::Classes entitled() const;

  LineSettings settings;
  Classes paused;
  std::unique_ptr<FlowTree> tree;
  std::size_t running = 0;
  std::array<std::size_t, kPriorities> running_by_class{};
  std::array<double, kMeasured> held{};  // seconds, a ring
  std::size_t measured = 0;
};

Line::Verdict Line::Impl::arrive(const Arrival& arrival, std::size_t limit) {
  if (run_at_once(arrival.priority, arrival.at)) {
    return Verdict::Runs;
  }
  if (waiting(kind_of(arrival.ticket)) >= limit) {
    return Verdict::Full;
  }
  tree->add(arrival);
  return Verdict::Waits;
}

bool Line::Impl::run_at_once(Priority priority, SteadyTime now) {
  tree->observe(now);
  if (running >= settings.max_concurrent || tree->size() != 0 || paused[index_of(priority)]) {
    return false;
  }
  ++running;
  ++running_by_class[index_of(priority)];
  return true;
}

std::size_t Line::Impl::waiting(Kind kind) const {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < kPriorities; ++i) {
    sum += tree->waiting(i, kind);
  }
  return sum;
}

/// Free slots that are kept for the entries of a class that wait.
std::size_t Line::Impl::kept_for(std::size_t priority) const {
  const double share = std::clamp(settings.reserved[priority], 0.0, 1.0);
  constexpr double kRounding = 1e-9;  // 0.29 of 100 slots are 29
  const auto reserved = static_cast<std::size_t>(
      std::floor(share * static_cast<double>(settings.max_concurrent) + kRounding));
  const std::size_t runs = running_by_class[priority];
  return reserved <= runs || paused[priority] ? 0
                                              : std::min(reserved - runs, tree->waiting(priority));
}

/// The classes that may have the next slot; none if there is none.
FlowTree::Classes Line::Impl::entitled() const {
  FlowTree::Classes classes;
  if (running >= settings.max_concurrent) {
    return classes;
  }
  std::size_t all_kept = 0;
  for (std::size_t i = 0; i < kPriorities; ++i) {
    const std::size_t kept = kept_for(i);
    classes[i] = kept > 0;
    all_kept += kept;
  }
  return (settings.max_concurrent - running > all_kept ? classes.set() : classes) & ~paused;
}

Line::Line(LineSettings settings) : impl_(std::make_unique<Impl>(settings)) {}
Line::~Line() = default;

void Line::set(LineSettings settings) {
  impl_->settings = settings;
  impl_->tree->set_age_step(settings.age_step);
}

Line::Verdict Line::caller(const Arrival& arrival) {
  return impl_->arrive(arrival, impl_->settings.max_waiting);
}

Line::Verdict Line::job(const Arrival& arrival) {
  return impl_->arrive(arrival, impl_->settings.max_backlog);
}

void Line::restore(const Arrival& arrival) {
  impl_->tree->observe(arrival.at);
  impl_->tree->add(arrival);
}

bool Line::leave(Ticket ticket) { return impl_->tree->remove(ticket); }

void Line::leave_jobs() {
  auto callers = std::make_unique<FlowTree>(impl_->settings.age_step);
  for (const Arrival& caller : impl_->tree->callers()) {
    callers->add(caller);
  }
  impl_->tree = std::move(callers);
}

void Line::pause(Classes classes) { impl_->paused = classes; }

void Line::ended(Priority priority, SteadyTime now, double seconds_held) {
  impl_->tree->observe(now);
  std::size_t& runs = impl_->running_by_class[index_of(priority)];
  if (runs == 0) {
    return;
  }
  --runs;
  --impl_->running;
  impl_->held[impl_->measured++ % kMeasured] = seconds_held;
}

std::vector<Line::Start> Line::take(SteadyTime now) {
  impl_->tree->observe(now);
  impl_->tree->age();
  std::vector<Start> started;
  while (const auto next = impl_->tree->start_next(impl_->entitled())) {
    ++impl_->running;
    ++impl_->running_by_class[next->priority];
    started.push_back({next->ticket, static_cast<Priority>(next->priority), next->came});
  }
  return started;
}

Line::ClassState Line::state(Priority priority) const {
  const std::size_t index = index_of(priority);
  return {.running = impl_->running_by_class[index],
          .waiting_callers = impl_->tree->waiting(index, Kind::Caller),
          .waiting_jobs = impl_->tree->waiting(index, Kind::Job),
          .oldest = impl_->tree->oldest(index)};
}

bool Line::run_at_once(Priority priority, SteadyTime now) {
  return impl_->run_at_once(priority, now);
}

std::size_t Line::running() const { return impl_->running; }
std::size_t Line::waiting_callers() const { return impl_->waiting(Kind::Caller); }
std::size_t Line::waiting_jobs() const { return impl_->waiting(Kind::Job); }

bool Line::waits(Ticket ticket) const { return impl_->tree->waits(ticket); }

std::optional<std::size_t> Line::position(Ticket ticket) const {
  return impl_->tree->position(ticket);
}

double Line::drain_rate() const {
  const std::size_t count = std::min(impl_->measured, kMeasured);
  if (count == 0) {
    return 0;
  }
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    sum += impl_->held[i];
  }
  const double mean = std::max(sum / static_cast<double>(count), kShortestHold);
  return static_cast<double>(impl_->settings.max_concurrent) / mean;
}

std::chrono::seconds Line::retry_after() const {
  constexpr double kLeast = 1;
  constexpr double kMost = 120;  // clients give up beyond two minutes
  const double rate = drain_rate();
  const double wait = rate > 0 ? std::ceil(static_cast<double>(waiting_callers()) / rate) : kLeast;
  return std::chrono::seconds(static_cast<std::int64_t>(std::clamp(wait, kLeast, kMost)));
}

}  // namespace headgate::queue
