#include "queue/flow_tree.h"

namespace headgate::queue {
namespace {

using model::kPriorities;

constexpr std::size_t kAgedAtOnce = 256;  // flows in one age(), to keep it short
constexpr std::size_t kWalk = 256;        // entries looked at for a position

std::size_t index_of(model::Priority priority) { return static_cast<std::size_t>(priority); }
std::size_t index_of(Kind kind) { return static_cast<std::size_t>(kind); }

/// How many of `all` go up to `place` of one of `sharers` that take turns, if the others have as
/// many entries as the average.
std::size_t with_turns(std::size_t place, std::size_t own, std::size_t all, std::size_t sharers) {
  if (sharers < 2) {
    return place;
  }
  const std::size_t others = sharers - 1;
  const std::size_t average = (all - own + others - 1) / others;
  return std::min(place + others * std::min(average, place), place + all - own);
}

}  // namespace

FlowTree::FlowTree(std::chrono::milliseconds age_step) : age_step_(age_step) {
  for (std::size_t i = 0; i < kPriorities; ++i) {
    for (Lane& lane : classes_[i].lanes) {
      lane.priority = i;
    }
  }
}

void FlowTree::set_age_step(std::chrono::milliseconds age_step) {
  if (age_step == age_step_) {
    return;
  }
  age_step_ = age_step;
  for (Class& each : classes_) {
    for (auto& [name, owner] : each.owners) {
      for (auto& [client, flow] : owner.flows) {
        settle(flow);
      }
    }
  }
}

// --- Entries come and go ---

void FlowTree::add(const Arrival& arrival) {
  if (entries_.find(arrival.ticket)) {
    return;
  }
  Flow& flow = flow_of(arrival);
  const Slot slot = entries_.add({.ticket = arrival.ticket,
                                  .at = arrival.at,
                                  .work = std::max<std::uint32_t>(arrival.work, 1),
                                  .flow = flow.id});
  ++classes_[index_of(arrival.priority)].waiting[index_of(kind_of(arrival.ticket))];
  ++flow.owner->waiting;
  insert(flow, slot);
  if (first_of(flow) == slot) {
    settle(flow);
  }
}

bool FlowTree::remove(Ticket ticket) {
  const auto slot = entries_.find(ticket);
  if (!slot) {
    return false;
  }
  Flow& flow = *flows_[entries_[*slot].flow];
  const bool was_first = first_of(flow) == *slot;
  extract(flow, *slot);
  if (was_first) {
    settle(flow);
  }
  return true;
}

std::optional<FlowTree::Started> FlowTree::start_next(Classes allowed) {
  for (const FairQueue<Lane>& rank : ranks_) {
    if (Lane* lane = rank.first([&](const Lane& each) { return allowed[each.priority]; })) {
      const std::size_t priority = lane->priority;
      const WaitingEntry entry = start(*lane);
      return Started{.ticket = entry.ticket, .priority = priority, .came = entry.at};
    }
  }
  return std::nullopt;
}

WaitingEntry FlowTree::start(Lane& lane) {
  OwnerFlows& owner = lane.owners.front();
  Flow& flow = owner.flows.front();
  const Slot slot = first_of(flow);
  const WaitingEntry entry = entries_[slot];
  ranks_[flow.rank].served(lane);
  lane.owners.served(owner);
  owner.flows.served(flow);
  extract(flow, slot);
  settle(flow);
  return entry;
}

FlowTree::Flow& FlowTree::flow_of(const Arrival& arrival) {
  const std::size_t priority = index_of(arrival.priority);
  const auto [owner, new_owner] = classes_[priority].owners.try_emplace(arrival.owner);
  if (new_owner) {
    owner->second.name = &owner->first;
    owner->second.priority = priority;
  }
  const auto [found, new_flow] =
      owner->second.flows.try_emplace({kind_of(arrival.ticket), arrival.client});
  Flow& flow = found->second;
  if (new_flow) {
    flow.owner = &owner->second;
    flow.name = &found->first;
    if (free_flows_.empty()) {
      flow.id = static_cast<std::uint32_t>(flows_.size());
      flows_.push_back(&flow);
    } else {
      flow.id = free_flows_.back();
      free_flows_.pop_back();
      flows_[flow.id] = &flow;
    }
  }
  return flow;
}

void FlowTree::insert(Flow& flow, Slot slot) {
  const Ticket ticket = entries_[slot].ticket;
  const bool in_order = kind_of(ticket) == Kind::Caller || flow.entries.size == 0 ||
                        entries_[flow.entries.back].ticket < ticket;
  if (in_order) {
    entries_.append(flow.entries, slot);
  } else {
    flow.returned.emplace(ticket, slot);
  }
}

void FlowTree::extract(Flow& flow, Slot slot) {
  const WaitingEntry entry = entries_[slot];
  if (flow.returned.empty() || flow.returned.erase(entry.ticket) == 0) {
    entries_.unlink(flow.entries, slot);
  }
  entries_.erase(slot);
  --classes_[flow.owner->priority].waiting[index_of(kind_of(entry.ticket))];
  --flow.owner->waiting;
}

Slot FlowTree::first_of(const Flow& flow) const {
  if (flow.returned.empty()) {
    return flow.entries.front;
  }
  const auto& [ticket, slot] = *flow.returned.begin();
  return flow.entries.size > 0 && entries_[flow.entries.front].ticket < ticket ? flow.entries.front
                                                                               : slot;
}

// --- The tree ---

std::size_t FlowTree::rank_of(std::size_t priority, SteadyTime at) const {
  if (age_step_.count() <= 0 || now_ <= at) {
    return priority;
  }
  const auto steps = (now_ - at) / age_step_;
  return priority - std::min<std::size_t>(priority, static_cast<std::size_t>(steps));
}

/// Puts `flow` where its first entry belongs. The last step of every change.
void FlowTree::settle(Flow& flow) {
  if (flow.size() == 0) {
    withdraw(flow);
    forget(flow);
    return;
  }
  const WaitingEntry& first = entries_[first_of(flow)];
  const std::size_t priority = flow.owner->priority;
  const std::size_t rank = rank_of(priority, first.at);
  if (flow.place.queued && flow.rank != rank) {
    withdraw(flow);
  }
  auto& by_age = classes_[priority].lanes[rank].by_age;
  if (!flow.place.queued || flow.first_at != first.at) {
    by_age.erase(&flow);
    flow.rank = rank;
    flow.first_at = first.at;
    by_age.insert(&flow);
  }
  flow.owner->ranked[rank].flows.put(flow, first.work);
  carry_up(*flow.owner, rank);
}

/// Takes `flow` out of the tree.
void FlowTree::withdraw(Flow& flow) {
  if (!flow.place.queued) {
    return;
  }
  classes_[flow.owner->priority].lanes[flow.rank].by_age.erase(&flow);
  flow.owner->ranked[flow.rank].flows.remove(flow);
  carry_up(*flow.owner, flow.rank);
}

void FlowTree::forget(Flow& flow) {
  Owner& owner = *flow.owner;
  free_flows_.push_back(flow.id);
  owner.flows.erase(owner.flows.find(*flow.name));
  if (owner.flows.empty()) {
    auto& owners = classes_[owner.priority].owners;
    owners.erase(owners.find(*owner.name));
  }
}

/// The flows of `owner` in its lane of `rank` have changed: so may its front's work, and the
/// lane's.
void FlowTree::carry_up(Owner& owner, std::size_t rank) {
  Lane& lane = classes_[owner.priority].lanes[rank];
  OwnerFlows& changed = owner.ranked[rank];
  if (changed.flows.empty()) {
    lane.owners.remove(changed);
  } else {
    lane.owners.put(changed, work_of(changed.flows.front()));
  }
  if (lane.owners.empty()) {
    ranks_[rank].remove(lane);
  } else {
    ranks_[rank].put(lane, work_of(lane.owners.front().flows.front()));
  }
}

void FlowTree::age() {
  if (age_step_.count() <= 0) {
    return;
  }
  std::size_t left = kAgedAtOnce;
  for (Class& each : classes_) {
    for (std::size_t rank = 1; rank < kPriorities; ++rank) {
      auto& by_age = each.lanes[rank].by_age;
      while (left > 0 && !by_age.empty()) {
        Flow& oldest = **by_age.begin();
        if (rank_of(each.lanes[rank].priority, oldest.first_at) >= rank) {
          break;
        }
        settle(oldest);
        --left;
      }
    }
  }
}

// --- Looking ---

std::size_t FlowTree::waiting(std::size_t priority) const {
  return waiting(priority, Kind::Caller) + waiting(priority, Kind::Job);
}

std::size_t FlowTree::waiting(std::size_t priority, Kind kind) const {
  return classes_[priority].waiting[index_of(kind)];
}

std::optional<SteadyTime> FlowTree::oldest(std::size_t priority) const {
  std::optional<SteadyTime> oldest;
  for (const Lane& lane : classes_[priority].lanes) {
    if (!lane.by_age.empty()) {
      const SteadyTime at = (*lane.by_age.begin())->first_at;
      oldest = oldest ? std::min(*oldest, at) : at;
    }
  }
  return oldest;
}

std::optional<std::size_t> FlowTree::position(Ticket ticket) const {
  const auto slot = entries_.find(ticket);
  if (!slot) {
    return std::nullopt;
  }
  const Flow& flow = *flows_[entries_[*slot].flow];
  const Owner& owner = *flow.owner;
  const std::size_t of_owner =
      with_turns(ahead_in_flow(flow, *slot) + 1, flow.size(), owner.waiting, owner.flows.size());
  std::size_t position = with_turns(of_owner, owner.waiting, waiting(owner.priority),
                                    classes_[owner.priority].owners.size());
  for (std::size_t better = 0; better < owner.priority; ++better) {
    position += waiting(better);
  }
  return position;
}

std::vector<Arrival> FlowTree::callers() const {
  std::vector<Arrival> found;
  for (std::size_t priority = 0; priority < kPriorities; ++priority) {
    for (const auto& [owner_name, owner] : classes_[priority].owners) {
      for (const auto& [name, flow] : owner.flows) {
        if (name.first != Kind::Caller) {
          continue;
        }
        for (Slot slot = flow.entries.front; slot != kNoSlot; slot = entries_[slot].next) {
          const WaitingEntry& entry = entries_[slot];
          found.push_back({.ticket = entry.ticket,
                           .priority = static_cast<model::Priority>(priority),
                           .owner = owner_name,
                           .client = name.second,
                           .work = entry.work,
                           .at = entry.at});
        }
      }
    }
  }
  return found;
}

/// How many of `flow` go before `slot`; estimated by ticket beyond the first few hundred.
std::size_t FlowTree::ahead_in_flow(const Flow& flow, Slot slot) const {
  const WaitingEntry& entry = entries_[slot];
  std::size_t ahead = 0;
  for (auto each = flow.returned.begin();
       each != flow.returned.end() && each->first < entry.ticket && ahead < kWalk; ++each) {
    ++ahead;
  }
  if (flow.returned.contains(entry.ticket)) {
    return ahead;
  }
  std::size_t steps = 0;
  Slot before = entry.previous;
  while (before != kNoSlot && steps < kWalk) {
    before = entries_[before].previous;
    ++steps;
  }
  if (before == kNoSlot) {
    return ahead + steps;
  }
  const auto first = static_cast<double>(entries_[flow.entries.front].ticket);
  const auto last = static_cast<double>(entries_[flow.entries.back].ticket);
  const double part =
      last == first ? 1 : (static_cast<double>(entry.ticket) - first) / (last - first);
  const auto estimate =
      static_cast<std::size_t>(std::clamp(part, 0.0, 1.0) * (flow.entries.size - 1));
  return ahead + std::max(steps, estimate);
}

}  // namespace headgate::queue
