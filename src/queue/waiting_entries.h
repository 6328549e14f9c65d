#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "queue/arrival.h"

namespace headgate::queue {

/// Names an entry until it is erased.
using Slot = std::uint32_t;
inline constexpr Slot kNoSlot = std::numeric_limits<Slot>::max();

/// One that waits: there may be millions.
struct WaitingEntry {
  Ticket ticket = 0;
  SteadyTime at;  ///< when it came
  std::uint32_t work = 1;
  std::uint32_t flow = 0;
  Slot previous = kNoSlot;
  Slot next = kNoSlot;
};
static_assert(sizeof(WaitingEntry) == 32);

/// Entries in the order in which they were appended.
struct WaitingList {
  Slot front = kNoSlot;
  Slot back = kNoSlot;
  std::uint32_t size = 0;
};

/// All that wait in one line, found by ticket and linked into lists. An entry costs 32 bytes and
/// about 7 for finding it, if most of its neighbours by number wait too.
class WaitingEntries {
 public:
  const WaitingEntry& operator[](Slot slot) const { return entries_[slot]; }
  std::size_t size() const { return entries_.size() - free_.size(); }
  std::optional<Slot> find(Ticket ticket) const;
  /// `entry.ticket` must not be there yet.
  Slot add(const WaitingEntry& entry);
  /// Its slot is void then; it must be in no list.
  void erase(Slot slot);

  void append(WaitingList& list, Slot slot);
  void unlink(WaitingList& list, Slot slot);

 private:
  static constexpr Ticket kChunk = 16;
  struct Chunk {
    Chunk() { slots.fill(kNoSlot); }
    std::array<Slot, kChunk> slots;
    std::uint32_t used = 0;
  };
  using Chunks = std::map<Ticket, Chunk>;  // by ticket / kChunk

  Chunks::const_iterator at_or_after(Ticket number) const;

  std::deque<WaitingEntry> entries_;
  std::vector<Slot> free_;
  Chunks chunks_;
};

}  // namespace headgate::queue
