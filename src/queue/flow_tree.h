#pragma once

#include <algorithm>
#include <array>
#include <bitset>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "queue/arrival.h"
#include "queue/fair_queue.h"
#include "queue/waiting_entries.h"

namespace headgate::queue {

/// All that wait in one line, in the order in which they go (see Line). A flow is the waiting
/// entries of one class, owner, client and kind. By its first entry's class and age it counts as a
/// class: that is its rank. Flows stand in a tree of fair queues:
///
///   rank -> lane (of each class that came with or aged to it) -> owner -> flow -> entries
///
/// The next to start is at the end of the fronts. A change of a flow's first entry is carried up
/// from there.
class FlowTree final {
 public:
  /// One bit for each model::Priority.
  using Classes = std::bitset<model::kPriorities>;
  struct Started {
    Ticket ticket = 0;
    std::size_t priority = 0;
    SteadyTime came;
  };

  explicit FlowTree(std::chrono::milliseconds age_step);
  FlowTree(const FlowTree&) = delete;
  FlowTree& operator=(const FlowTree&) = delete;

  /// O(flows) if it is another one.
  void set_age_step(std::chrono::milliseconds age_step);
  /// It is `at` now, or later if that was said before.
  void observe(SteadyTime at) { now_ = std::max(now_, at); }

  /// Nothing if its ticket waits already.
  void add(const Arrival& arrival);
  /// False if it does not wait.
  bool remove(Ticket ticket);
  /// Moves flows whose first entry has waited another step: the longest waiting of each class, a
  /// bounded number in each call.
  void age();
  /// The first in order of those `allowed` goes.
  std::optional<Started> start_next(Classes allowed);

  std::size_t size() const { return entries_.size(); }
  bool waits(Ticket ticket) const { return entries_.find(ticket).has_value(); }
  std::size_t waiting(std::size_t priority) const;
  std::size_t waiting(std::size_t priority, Kind kind) const;
  /// Arrival of the longest waiting first entry of a flow.
  std::optional<SteadyTime> oldest(std::size_t priority) const;
  std::optional<std::size_t> position(Ticket ticket) const;
  /// The callers that wait, those of one flow in order. O(flows).
  std::vector<Arrival> callers() const;

 private:
  struct Owner;

  struct Flow {
    FairPlace place;
    Owner* owner = nullptr;
    const std::pair<Kind, std::string>* name = nullptr;  // its key in Owner::flows
    std::uint32_t id = 0;
    std::size_t rank = 0;             // while place.queued
    SteadyTime first_at;              // arrival of its first entry, while place.queued
    WaitingList entries;              // in order
    std::map<Ticket, Slot> returned;  // jobs back with older tickets than the list's last

    std::size_t size() const { return entries.size + returned.size(); }
  };

  /// The flows of one owner in one lane.
  struct OwnerFlows {
    FairPlace place;
    FairQueue<Flow> flows;
  };

  struct Owner {
    const std::string* name = nullptr;  // its key in Class::owners
    std::size_t priority = 0;
    std::size_t waiting = 0;
    std::array<OwnerFlows, model::kPriorities> ranked;
    std::map<std::pair<Kind, std::string>, Flow> flows;
  };

  struct OlderFirst {
    bool operator()(const Flow* a, const Flow* b) const {
      return a->first_at != b->first_at ? a->first_at < b->first_at : a->id < b->id;
    }
  };

  /// The flows of one class that have one rank.
  struct Lane {
    FairPlace place;
    std::size_t priority = 0;
    FairQueue<OwnerFlows> owners;
    std::set<Flow*, OlderFirst> by_age;
  };

  struct Class {
    std::array<std::size_t, kKinds> waiting{};   // by kind
    std::array<Lane, model::kPriorities> lanes;  // by rank
    std::map<std::string, Owner> owners;
  };

  Flow& flow_of(const Arrival& arrival);
  void insert(Flow& flow, Slot slot);
  void extract(Flow& flow, Slot slot);
  Slot first_of(const Flow& flow) const;
  std::uint64_t work_of(const Flow& flow) const { return entries_[first_of(flow)].work; }
  std::size_t rank_of(std::size_t priority, SteadyTime at) const;
  void settle(Flow& flow);
  void withdraw(Flow& flow);
  void forget(Flow& flow);
  void carry_up(Owner& owner, std::size_t rank);
  WaitingEntry start(Lane& lane);
  std::size_t ahead_in_flow(const Flow& flow, Slot slot) const;

  std::chrono::milliseconds age_step_;
  SteadyTime now_ = SteadyTime::min();
  WaitingEntries entries_;
  std::array<Class, model::kPriorities> classes_;
  std::array<FairQueue<Lane>, model::kPriorities> ranks_;
  std::vector<Flow*> flows_;  // by id
  std::vector<std::uint32_t> free_flows_;
};

}  // namespace headgate::queue
