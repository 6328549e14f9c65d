#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>

namespace headgate::queue {

/// Where a member of a FairQueue stands in it.
struct FairPlace {
  std::uint64_t since = 0;  ///< the round in which it began to save
  std::uint64_t round = 0;  ///< the round in which it can pay for its front
  std::uint64_t turn = 0;   ///< order among those of one round
  bool queued = false;
};

/// Deficit round robin: in each round every member saves one unit of work, and its front goes once
/// the savings pay for it. The rounds are not walked: a member is sorted by the round in which it
/// will have saved enough, so each change costs O(log members) whatever the work.
///
/// A member that leaves and comes back begins anew: waiting idle earns nothing. `Member` has a
/// `FairPlace place` and does not move while it is queued.
template <class Member>
class FairQueue {
 public:
  bool empty() const { return members_.empty(); }
  std::size_t size() const { return members_.size(); }
  /// Whose turn it is. Not for an empty queue.
  Member& front() const { return **members_.begin(); }
  /// The first in order of turns that `accepts`; null if none. Walks the members before it.
  template <class Accepts>
  Member* first(Accepts accepts) const {
    const auto found = std::find_if(members_.begin(), members_.end(),
                                    [&](Member* each) { return accepts(*each); });
    return found == members_.end() ? nullptr : *found;
  }

  /// `member` joins, or its front costs `work` now. Savings beyond that are lost, so that they
  /// cannot be made with one front and spent on others.
  void put(Member& member, std::uint64_t work) {
    FairPlace& place = member.place;
    if (!place.queued) {
      place.since = round_;
    }
    const std::uint64_t round = std::max(place.since + work, round_);
    if (place.queued && round == place.round) {
      return;
    }
    remove(member);
    place = {.since = round - work, .round = round, .turn = ++turns_, .queued = true};
    members_.insert(&member);
  }
  /// The front of `member` was served and paid for; put() or remove() must follow.
  void served(Member& member) {
    if (&member == &front()) {  // else it went out of turn, which is no round for the others
      round_ = member.place.round;
    }
    member.place.since = member.place.round;
  }
  void remove(Member& member) {
    if (member.place.queued) {
      members_.erase(&member);
      member.place.queued = false;
    }
  }

 private:
  struct Earlier {
    bool operator()(const Member* a, const Member* b) const {
      return a->place.round != b->place.round ? a->place.round < b->place.round
                                              : a->place.turn < b->place.turn;
    }
  };
  std::set<Member*, Earlier> members_;
  std::uint64_t round_ = 0;
  std::uint64_t turns_ = 0;
};

}  // namespace headgate::queue
