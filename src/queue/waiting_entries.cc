#include "queue/waiting_entries.h"

#include <iterator>

namespace headgate::queue {
namespace {

constexpr int kChunkBits = 4;
constexpr Ticket kWithinChunk = 15;

}  // namespace

// Most tickets are newer than all others: those are found without a search.
WaitingEntries::Chunks::const_iterator WaitingEntries::at_or_after(Ticket number) const {
  if (chunks_.empty()) {
    return chunks_.end();
  }
  const auto last = std::prev(chunks_.end());
  if (last->first <= number) {
    return last->first == number ? last : chunks_.end();
  }
  return chunks_.lower_bound(number);
}

std::optional<Slot> WaitingEntries::find(Ticket ticket) const {
  const Ticket number = ticket >> kChunkBits;
  const auto chunk = at_or_after(number);
  if (chunk == chunks_.end() || chunk->first != number) {
    return std::nullopt;
  }
  const Slot slot = chunk->second.slots[static_cast<std::size_t>(ticket & kWithinChunk)];
  return slot == kNoSlot ? std::nullopt : std::optional(slot);
}

Slot WaitingEntries::add(const WaitingEntry& entry) {
  Slot slot = 0;
  if (free_.empty()) {
    slot = static_cast<Slot>(entries_.size());
    entries_.push_back(entry);
  } else {
    slot = free_.back();
    free_.pop_back();
    entries_[slot] = entry;
  }
  const Ticket number = entry.ticket >> kChunkBits;
  // A hint that is the chunk itself or the one after it makes this O(1).
  Chunk& chunk = chunks_.try_emplace(at_or_after(number), number)->second;
  chunk.slots[static_cast<std::size_t>(entry.ticket & kWithinChunk)] = slot;
  ++chunk.used;
  return slot;
}

void WaitingEntries::erase(Slot slot) {
  const Ticket ticket = entries_[slot].ticket;
  const auto chunk = chunks_.find(ticket >> kChunkBits);
  chunk->second.slots[static_cast<std::size_t>(ticket & kWithinChunk)] = kNoSlot;
  if (--chunk->second.used == 0) {
    chunks_.erase(chunk);
  }
  free_.push_back(slot);
  if (free_.size() == entries_.size()) {  // nobody waits: give the memory of the crowd back
    entries_.clear();
    free_.clear();
  }
}

void WaitingEntries::append(WaitingList& list, Slot slot) {
  WaitingEntry& entry = entries_[slot];
  entry.previous = list.back;
  entry.next = kNoSlot;
  (list.back == kNoSlot ? list.front : entries_[list.back].next) = slot;
  list.back = slot;
  ++list.size;
}

void WaitingEntries::unlink(WaitingList& list, Slot slot) {
  const WaitingEntry& entry = entries_[slot];
  (entry.previous == kNoSlot ? list.front : entries_[entry.previous].next) = entry.next;
  (entry.next == kNoSlot ? list.back : entries_[entry.next].previous) = entry.previous;
  --list.size;
}

}  // namespace headgate::queue
