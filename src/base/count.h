#pragma once

#include <atomic>
#include <cstdint>

namespace headgate {

/// A figure that one thread changes and any thread may read.
class Count final {
 public:
  void add(std::uint64_t amount) { value_.store(get() + amount, std::memory_order_relaxed); }
  void subtract(std::uint64_t amount) { value_.store(get() - amount, std::memory_order_relaxed); }
  void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace headgate
