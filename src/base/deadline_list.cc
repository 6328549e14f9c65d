#include "base/deadline_list.h"

#include <algorithm>

namespace headgate {

void Deadline::disarm() {
  if (list_ == nullptr) {
    return;
  }
  *link_ = next_;
  if (next_ != nullptr) {
    next_->link_ = link_;
  }
  --list_->armed_;
  list_ = nullptr;
  next_ = nullptr;
  link_ = nullptr;
}

std::uint64_t DeadlineList::tick_of(SteadyTime when) const {
  return when <= start_ ? 0 : static_cast<std::uint64_t>((when - start_) / kTick);
}

void DeadlineList::arm(Deadline& deadline, SteadyTime when) {
  deadline.disarm();
  // One tick later than the one that contains `when`, so that it never fires early.
  deadline.tick_ = std::max(tick_of(when) + 1, now_tick_ + 1);
  Deadline*& slot = slots_[deadline.tick_ % kSlots];
  deadline.list_ = this;
  deadline.next_ = slot;
  deadline.link_ = &slot;
  if (slot != nullptr) {
    slot->link_ = &deadline.next_;
  }
  slot = &deadline;
  ++armed_;
}

void DeadlineList::advance(SteadyTime now) {
  const std::uint64_t target = tick_of(now);
  // After a long pause every slot is visited once, not every tick that was missed.
  const std::uint64_t first = target - now_tick_ > kSlots ? target - kSlots : now_tick_;
  now_tick_ = std::max(now_tick_, target);
  for (std::uint64_t tick = first + 1; tick <= target && armed_ > 0; ++tick) {
    Deadline** link = &slots_[tick % kSlots];
    Deadline* due = nullptr;  // moved aside first: a callback may arm or disarm any other
    while (*link != nullptr) {
      Deadline* entry = *link;
      if (entry->tick_ > target) {
        link = &entry->next_;
        continue;
      }
      *link = entry->next_;
      if (entry->next_ != nullptr) {
        entry->next_->link_ = link;
      }
      entry->next_ = due;
      entry->link_ = &due;
      if (due != nullptr) {
        due->link_ = &entry->next_;
      }
      due = entry;
    }
    while (due != nullptr) {
      Deadline* entry = due;
      entry->disarm();
      entry->on_deadline();
    }
  }
}

}  // namespace headgate
