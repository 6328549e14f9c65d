#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

namespace headgate::observe {

/// A bounded line of records between one writing and one reading thread, without locks.
template <class Record>
class RecordRing final {
 public:
  /// `slots` is rounded up to a power of two.
  explicit RecordRing(std::size_t slots) : mask_(round_up(slots) - 1) {
    // Not value-initialised: megabytes that a quiet gateway never touches.
    slots_ = std::make_unique_for_overwrite<Record[]>(mask_ + 1);
  }

  /// Writer: the next slot to fill, or null if the ring is full. Publish it with push().
  Record* begin_push() {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - seen_head_ > mask_) {
      seen_head_ = head_.load(std::memory_order_acquire);
      if (tail - seen_head_ > mask_) {
        return nullptr;
      }
    }
    return &slots_[tail & mask_];
  }
  void push() { tail_.store(tail_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

  /// Reader: the oldest record, or null. Valid until pop().
  const Record* front() const {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) {
      return nullptr;
    }
    return &slots_[head & mask_];
  }
  void pop() { head_.store(head_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

 private:
  static std::size_t round_up(std::size_t slots) {
    std::size_t power = 2;
    while (power < slots) {
      power *= 2;
    }
    return power;
  }

  const std::size_t mask_;
  std::unique_ptr<Record[]> slots_;
  alignas(64) std::atomic<std::size_t> tail_{0};
  std::size_t seen_head_ = 0;  // the writer's copy of head_
  alignas(64) std::atomic<std::size_t> head_{0};
};

}  // namespace headgate::observe
