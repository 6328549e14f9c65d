#pragma once

#include <cstddef>

namespace headgate {

/// Memory for what lives as long as a request or less (coroutine frames, exchanges): a freed block
/// stays with the thread that freed it, by size, for the next of its kind. A thread keeps at most
/// 4 MiB; larger blocks than 4 KiB are not kept. Under AddressSanitizer nothing is kept, so that a
/// use after free shows.
void* recycled_new(std::size_t size);
/// `size` is the one asked for. Any thread.
void recycled_delete(void* block, std::size_t size) noexcept;

/// Frees what the calling thread keeps.
void trim_recycled() noexcept;

/// A class that is made once for each request derives from this to have its memory recycled.
struct Recycled {
  static void* operator new(std::size_t size) { return recycled_new(size); }
  static void operator delete(void* block, std::size_t size) noexcept {
    recycled_delete(block, size);
  }
};

/// The same as an allocator, for the handlers of Asio operations.
template <class T>
struct RecyclingAllocator {
  using value_type = T;

  RecyclingAllocator() = default;
  template <class U>
  explicit(false) RecyclingAllocator(const RecyclingAllocator<U>&) {}

  T* allocate(std::size_t count) { return static_cast<T*>(recycled_new(count * sizeof(T))); }
  void deallocate(T* block, std::size_t count) { recycled_delete(block, count * sizeof(T)); }
  friend bool operator==(const RecyclingAllocator&, const RecyclingAllocator&) = default;
};

}  // namespace headgate
