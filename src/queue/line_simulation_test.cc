#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "queue/line.h"

// A simulated life of one line against a model of plain sets, which knows what the line must
// answer but not how it finds it. The seed is printed when something does not hold; to repeat:
// HEADGATE_SIM_SEED=<seed> queue_test --gtest_filter='LineSimulation.*'

namespace headgate::queue {
namespace {

using namespace std::chrono_literals;
using model::kPriorities;
using model::Priority;
using Verdict = Line::Verdict;

constexpr int kSteps = 1'000'000;
constexpr int kStepsOfOtherSeeds = 25'000;
constexpr std::uint64_t kOwners = 3;
constexpr std::uint64_t kClients = 3;
constexpr std::uint32_t kMostWork = 8;
// Before the first entry of a flow that counts as high, each flow may get as much work as that
// entry costs and one entry more, at each of the three levels; every start is one unit at least.
constexpr std::uint64_t kMostStartsBefore = kPriorities * kOwners * 2 * kClients * kMostWork * 2;

std::uint64_t seed_of_this_run() {
  const char* given =
      std::getenv("HEADGATE_SIM_SEED");  // NOLINT(concurrency-mt-unsafe): one thread
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 20'260'115;
}

std::size_t index_of(Priority priority) { return static_cast<std::size_t>(priority); }

/// What the model knows of one entry.
struct Known {
  Arrival arrival;
  std::uint64_t order = 0;  // of arrival, for callers
};

/// Class, owner, client, and whether callers.
using FlowKey = std::tuple<std::size_t, std::string, std::string, bool>;

struct KnownFlow {
  struct Entry {
    Ticket ticket = 0;
    SteadyTime at;
  };
  const Entry& first() const { return entries.begin()->second; }
  std::map<std::int64_t, Entry> entries;    // by what orders them
  std::optional<std::uint64_t> high_since;  // free starts when its first began to count as high
};

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed) : random_(seed) { restart_with_new_settings(); }

  void step() {
    pass_time();
    if (below(10'000) == 0) {
      arrivals_in_10000_ = 1'000 + below(5'000);  // from nearly idle to more than can be served
    }
    const std::uint64_t dice = below(10'000);
    if (dice < arrivals_in_10000_) {
      if (below(3) == 0) {
        arrive_caller();
      } else {
        submit_job();
      }
    } else if (dice < 8'500) {
      end_one();
    } else if (dice < 9'200) {
      cancel_one();
    } else if (dice < 9'600) {
      retry_one();
    } else if (dice < 9'994) {
      look();
    } else if (dice < 9'998) {
      change_settings();
    } else {
      crash();
    }
    take();
    check_counts();
  }

  void drain() {
    settings_.max_concurrent = 4;
    line_->set(settings_);
    while (!retrying_.empty()) {
      retry_one();
    }
    take();
    while (!running_.empty()) {
      finish(pick(running_));
      take();
      check_counts();
      ASSERT_FALSE(testing::Test::HasFailure());
    }
    EXPECT_EQ(waiting_.size(), 0U) << "nothing is lost";
    for (const auto& [ticket, times] : accepted_jobs_) {
      EXPECT_EQ(times, 1) << "job " << ticket << " must end exactly once";
    }
  }

  std::uint64_t starts() const { return starts_; }
  std::uint64_t longest_wait() const { return longest_wait_; }
  std::uint64_t refused() const { return refused_; }
  std::uint64_t at_once() const { return at_once_; }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  template <class Map>
  Ticket pick(const Map& from) {  // by the nearest ticket to a random one
    const Ticket low = from.begin()->first;
    const Ticket high = from.rbegin()->first;
    const auto span = static_cast<std::uint64_t>(high - low) + 1;
    return from.lower_bound(low + static_cast<Ticket>(below(span)))->first;
  }

  void pass_time() {
    const std::uint64_t dice = below(10'000);
    now_ += std::chrono::milliseconds(dice == 0 ? 3'600'000 : dice < 20 ? 20'000 : below(50));
  }

  Arrival somebody(Ticket ticket) {
    const std::uint64_t crowd = below(4);  // half of all are of one owner and client
    return {.ticket = ticket,
            .priority = static_cast<Priority>(std::min(below(6), below(6)) % kPriorities),
            .owner = "owner" + std::to_string(crowd < 2 ? 0 : below(kOwners)),
            .client = crowd < 2 ? "" : std::string(below(kClients), 'c'),
            .work = crowd == 3 ? 1 + static_cast<std::uint32_t>(below(kMostWork)) : 1,
            .at = now_};
  }

  static FlowKey key_of(const Arrival& arrival) {
    return {index_of(arrival.priority), arrival.owner, arrival.client, arrival.ticket < 0};
  }
  static std::int64_t order_in_flow(const Known& known) {
    return known.arrival.ticket < 0 ? static_cast<std::int64_t>(known.order) : known.arrival.ticket;
  }

  // --- What happens ---

  void submit_job() {
    const Arrival arrival = somebody(next_job_ += 1 + static_cast<Ticket>(below(3)));
    const bool full = jobs_waiting() >= settings_.max_backlog;
    const Verdict verdict = line_->job(arrival);
    if (verdict != Verdict::Full) {
      accepted_jobs_[arrival.ticket] = 0;
    }
    note(arrival, verdict, full);
  }

  void arrive_caller() {
    const Arrival arrival = somebody(next_caller_ -= 1 + static_cast<Ticket>(below(3)));
    const bool full = callers_waiting() >= settings_.max_waiting;
    note(arrival, line_->caller(arrival), full);
  }

  void note(const Arrival& arrival, Verdict verdict, bool full) {
    const bool free = running_.size() < settings_.max_concurrent && waiting_.empty();
    ASSERT_EQ(verdict, free ? Verdict::Runs : full ? Verdict::Full : Verdict::Waits);
    if (verdict == Verdict::Runs) {
      ++at_once_;
      running_[arrival.ticket] = {arrival};
      ++running_by_class_[index_of(arrival.priority)];
    } else if (verdict == Verdict::Waits) {
      wait(arrival);
    } else {
      ++refused_;
    }
  }

  void wait(const Arrival& arrival) {
    const Known known{arrival, ++arrivals_};
    ASSERT_TRUE(waiting_.emplace(arrival.ticket, known).second);
    KnownFlow& flow = flows_[key_of(arrival)];
    const std::int64_t order = order_in_flow(known);
    if (flow.entries.empty() || order < flow.entries.begin()->first) {
      flow.high_since.reset();
    }
    flow.entries.emplace(order, KnownFlow::Entry{arrival.ticket, arrival.at});
    ++waiting_by_class_[index_of(arrival.priority)][arrival.ticket < 0 ? 0 : 1];
  }

  void stop_waiting(Ticket ticket) {
    const auto found = waiting_.find(ticket);
    const FlowKey key = key_of(found->second.arrival);
    KnownFlow& flow = flows_[key];
    if (flow.first().ticket == ticket) {
      flow.high_since.reset();
    }
    flow.entries.erase(order_in_flow(found->second));
    if (flow.entries.empty()) {
      flows_.erase(key);
    }
    --waiting_by_class_[std::get<0>(key)][ticket < 0 ? 0 : 1];
    waiting_.erase(found);
  }

  void end_one() {
    if (running_.empty()) {
      return;
    }
    const Ticket ticket = pick(running_);
    if (ticket > 0 && below(4) == 0) {
      retrying_.emplace(ticket, running_[ticket].arrival);
      release(ticket);
    } else {
      finish(ticket);
    }
    if (below(4) == 0) {  // somebody arrives while the slot is between two
      submit_job();
    }
  }

  void finish(Ticket ticket) {
    if (ticket > 0) {
      ++accepted_jobs_[ticket];
    }
    release(ticket);
  }

  void release(Ticket ticket) {
    const Priority priority = running_[ticket].arrival.priority;
    line_->ended(priority, now_, 0.001 * static_cast<double>(below(5000)));
    --running_by_class_[index_of(priority)];
    running_.erase(ticket);
  }

  void cancel_one() {
    if (!waiting_.empty()) {
      const Ticket ticket = pick(waiting_);
      ASSERT_TRUE(line_->leave(ticket));
      ASSERT_FALSE(line_->leave(ticket));
      stop_waiting(ticket);
      if (ticket > 0) {
        ++accepted_jobs_[ticket];
      }
    }
    if (!running_.empty()) {
      ASSERT_FALSE(line_->leave(pick(running_))) << "what runs does not wait";
    }
  }

  void retry_one() {
    if (retrying_.empty()) {
      return;
    }
    const auto found = retrying_.find(pick(retrying_));
    Arrival arrival = found->second;
    if (below(2) == 0) {
      arrival.at = now_;
    }
    retrying_.erase(found);
    line_->restore(arrival);
    line_->restore(arrival);  // once more changes nothing
    wait(arrival);
  }

  void change_settings() {
    settings_ = random_settings();
    line_->set(settings_);
  }

  LineSettings random_settings() {
    LineSettings made{.max_concurrent = 1 + below(12),
                      .max_waiting = below(20),
                      .max_backlog = 20 + below(300),
                      .age_step = std::chrono::milliseconds(below(8) == 0 ? 0 : 500 + below(5000))};
    if (below(2) == 0) {
      made.reserved[below(kPriorities)] = 0.25;
      made.reserved[below(kPriorities)] = 0.2;
    }
    return made;
  }

  void restart_with_new_settings() {
    settings_ = random_settings();
    line_.emplace(settings_);
  }

  /// All that ran and called is gone; the jobs come back from disk in order, with what waited for
  /// another attempt.
  void crash() {
    std::map<Ticket, Arrival> on_disk;
    for (const auto* entries : {&waiting_, &running_}) {
      for (const auto& [ticket, known] : *entries) {
        if (ticket > 0) {
          on_disk.emplace(ticket, known.arrival);
        }
      }
    }
    waiting_.clear();
    running_.clear();
    flows_.clear();
    running_by_class_ = {};
    waiting_by_class_ = {};
    restart_with_new_settings();
    for (const auto& [ticket, arrival] : on_disk) {
      line_->restore(arrival);
      wait(arrival);
    }
  }

  // --- What must hold ---

  std::size_t rank_of(const KnownFlow& flow, std::size_t priority) const {
    const SteadyTime at = flow.first().at;
    if (settings_.age_step.count() == 0 || at >= now_) {
      return priority;
    }
    const auto steps = static_cast<std::size_t>((now_ - at) / settings_.age_step);
    return priority - std::min(priority, steps);
  }

  std::size_t reserved(std::size_t priority) const {
    return static_cast<std::size_t>(settings_.reserved[priority] *
                                    static_cast<double>(settings_.max_concurrent));
  }

  /// Whether `priority` may have the next slot: others keep those they reserved and wait for.
  bool entitled(std::size_t priority) const { return kept_for(priority) > 0 || for_anybody(); }
  std::size_t kept_for(std::size_t priority) const {
    const std::size_t waits = waiting_by_class_[priority][0] + waiting_by_class_[priority][1];
    const std::size_t runs = running_by_class_[priority];
    return runs < reserved(priority) ? std::min(waits, reserved(priority) - runs) : 0;
  }
  bool for_anybody() const {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < kPriorities; ++i) {
      kept += kept_for(i);
    }
    return settings_.max_concurrent - running_.size() > kept;
  }

  void take() {
    for (const auto& [ticket, priority, came] : line_->take(now_)) {
      const auto found = waiting_.find(ticket);
      ASSERT_NE(found, waiting_.end()) << ticket << " does not wait: run twice, or cancelled";
      ASSERT_LT(running_.size(), settings_.max_concurrent);
      ASSERT_EQ(came, found->second.arrival.at) << "its wait would be told wrongly";
      check_choice(found->second);
      free_starts_ += for_anybody() ? 1 : 0;
      running_[ticket] = found->second;
      ++running_by_class_[index_of(found->second.arrival.priority)];
      stop_waiting(ticket);
      ++starts_;
    }
    ASSERT_TRUE(waiting_.empty() || running_.size() >= settings_.max_concurrent)
        << "a slot is idle while somebody waits";
  }

  void check_choice(const Known& chosen) {
    const FlowKey key = key_of(chosen.arrival);
    const KnownFlow& flow = flows_.at(key);
    ASSERT_EQ(flow.first().ticket, chosen.arrival.ticket) << "in a flow the first goes";
    ASSERT_TRUE(entitled(std::get<0>(key))) << "a reserved slot was taken";
    const std::size_t rank = rank_of(flow, std::get<0>(key));
    for (auto& [other_key, other] : flows_) {
      const std::size_t other_rank = rank_of(other, std::get<0>(other_key));
      if (other_rank < rank) {
        ASSERT_FALSE(entitled(std::get<0>(other_key)))
            << "a better one waits behind " << chosen.arrival.ticket;
      }
      if (other_rank > 0) {
        other.high_since.reset();
        continue;
      }
      if (!other.high_since) {
        other.high_since = free_starts_;
      }
      const std::uint64_t waited = free_starts_ - *other.high_since;
      longest_wait_ = std::max(longest_wait_, waited);
      ASSERT_LE(waited, kMostStartsBefore) << "the first of a flow starves";
    }
  }

  void check_counts() {
    ASSERT_EQ(line_->running(), running_.size()) << "a slot has leaked";
    ASSERT_EQ(line_->waiting_callers(), callers_waiting());
    ASSERT_EQ(line_->waiting_jobs(), jobs_waiting());
    ASSERT_EQ(line_->waiting_callers() + line_->waiting_jobs(), waiting_.size());
  }

  void look() {
    for (std::size_t i = 0; i < kPriorities; ++i) {
      const auto state = line_->state(static_cast<Priority>(i));
      ASSERT_EQ(state.running, running_by_class_[i]);
      ASSERT_EQ(state.waiting_callers, waiting_by_class_[i][0]);
      ASSERT_EQ(state.waiting_jobs, waiting_by_class_[i][1]);
      std::optional<SteadyTime> oldest;
      for (const auto& [key, flow] : flows_) {
        if (std::get<0>(key) == i) {
          const SteadyTime at = flow.first().at;
          oldest = oldest ? std::min(*oldest, at) : at;
        }
      }
      ASSERT_EQ(state.oldest, oldest);
    }
    if (!waiting_.empty()) {
      const auto position = line_->position(pick(waiting_));
      ASSERT_TRUE(position.has_value());
      ASSERT_GE(*position, 1U);
      ASSERT_LE(*position, waiting_.size());
    }
    ASSERT_EQ(line_->position(next_job_ + 1), std::nullopt);
  }

  std::size_t callers_waiting() const { return waiting_of_kind(0); }
  std::size_t jobs_waiting() const { return waiting_of_kind(1); }
  std::size_t waiting_of_kind(std::size_t kind) const {
    std::size_t sum = 0;
    for (const auto& each : waiting_by_class_) {
      sum += each[kind];
    }
    return sum;
  }

  std::mt19937_64 random_;
  LineSettings settings_;
  std::optional<Line> line_;
  SteadyTime now_{1000s};
  Ticket next_job_ = 0;
  Ticket next_caller_ = 0;
  std::uint64_t arrivals_in_10000_ = 5'000;
  std::uint64_t arrivals_ = 0;
  std::uint64_t starts_ = 0;
  std::uint64_t free_starts_ = 0;  // in slots that nobody had reserved
  std::uint64_t longest_wait_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t at_once_ = 0;

  std::map<Ticket, Known> waiting_;
  std::map<Ticket, Known> running_;
  std::map<Ticket, Arrival> retrying_;
  std::map<Ticket, int> accepted_jobs_;  // how often each has ended
  std::map<FlowKey, KnownFlow> flows_;
  std::array<std::size_t, kPriorities> running_by_class_{};
  std::array<std::array<std::size_t, 2>, kPriorities> waiting_by_class_{};  // callers, jobs
};

/// A life of so many steps, to the end of everything that came.
void live(Simulation& simulation, int steps) {
  for (int step = 0; step < steps; ++step) {
    simulation.step();
    ASSERT_FALSE(testing::Test::HasFailure()) << "at step " << step;
  }
  simulation.drain();
}

TEST(LineSimulation, NothingIsLostOrDoubledAndTheOrderHolds) {
  const std::uint64_t seed = seed_of_this_run();
  SCOPED_TRACE("HEADGATE_SIM_SEED=" + std::to_string(seed));
  Simulation simulation(seed);
  live(simulation, kSteps);

  EXPECT_GT(simulation.starts(), kSteps / 10) << "the simulation must keep the line busy";
  EXPECT_GT(simulation.refused(), 1'000U);
  EXPECT_GT(simulation.at_once(), 1'000U);
  RecordProperty("longest_wait_in_starts", std::to_string(simulation.longest_wait()));
}

TEST(LineSimulation, TheSameHoldsInOtherLives) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE("HEADGATE_SIM_SEED=" + std::to_string(seed));
    Simulation simulation(seed);
    live(simulation, kStepsOfOtherSeeds);
    ASSERT_FALSE(HasFailure());
    EXPECT_GT(simulation.starts(), kStepsOfOtherSeeds / 100U);
  }
}

/// Owners that always have something waiting get the same work, whatever their jobs' sizes, their
/// clients and the order of their arrivals.
TEST(LineSimulation, OwnersThatAlwaysWaitGetTheSameWork) {
  const std::uint64_t seed = seed_of_this_run();
  SCOPED_TRACE("HEADGATE_SIM_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  Line line({.max_concurrent = 3, .max_backlog = 1'000'000});
  constexpr SteadyTime kNow{1000s};
  constexpr std::size_t kSharers = 5;
  std::map<Ticket, std::pair<std::size_t, std::uint32_t>> jobs;  // owner and work
  std::array<std::uint64_t, kSharers> served{};
  std::vector<Ticket> running;
  Ticket next = 0;
  const auto submit = [&](std::size_t owner) {
    const auto work = static_cast<std::uint32_t>(1 + random() % (owner * 10 + 1));
    jobs[++next] = {owner, work};
    const std::string name(owner + 1, 'o');
    const std::string client(random() % (owner * 3 + 1), 'c');
    line.restore({.ticket = next, .owner = name, .client = client, .work = work, .at = kNow});
  };
  for (std::size_t owner = 0; owner < kSharers; ++owner) {
    for (int i = 0; i < 20; ++i) {
      submit(owner);
    }
  }
  const auto take = [&] {
    for (const auto& [ticket, priority, came] : line.take(kNow)) {
      const auto [owner, work] = jobs[ticket];
      served[owner] += work;
      running.push_back(ticket);
      submit(owner);
    }
  };
  take();
  for (int i = 0; i < 20'000; ++i) {
    std::swap(running[random() % running.size()], running.back());
    running.pop_back();
    line.ended(Priority::Normal, kNow, 1);
    take();
    const auto [least, most] = std::minmax_element(served.begin(), served.end());
    ASSERT_LE(*most - *least, 2 * (kSharers * 10)) << "after " << i << " starts";
  }
}

}  // namespace
}  // namespace headgate::queue
