#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace headgate {

class BufferPool;

/// A block of uninitialised bytes that goes back to its pool when destroyed.
class Buffer final {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)),
        bytes_(std::move(other.bytes_)),
        size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    if (this != &other) {
      release();
      pool_ = std::exchange(other.pool_, nullptr);
      bytes_ = std::move(other.bytes_);
      size_ = std::exchange(other.size_, 0);
    }
    return *this;
  }
  ~Buffer() { release(); }

  char* data() { return bytes_.get(); }
  const char* data() const { return bytes_.get(); }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  void release();

 private:
  friend class BufferPool;
  BufferPool* pool_ = nullptr;
  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
};

/// Keeps big buffers of one event loop warm: fresh pages cost more than the copy into them. Sizes
/// are powers of two; at most `max_kept` bytes rest in the pool. Outlives its buffers; one thread.
class BufferPool final {
 public:
  explicit BufferPool(std::size_t max_kept = 32U << 20U) : max_kept_(max_kept) {}
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// A buffer of at least `size` bytes.
  Buffer take(std::size_t size);
  /// Frees all buffers that rest here.
  void trim();

 private:
  friend class Buffer;
  static constexpr std::size_t kSmallest = 12;  // 4 KiB
  static constexpr std::size_t kClasses = 20;   // up to 2 GiB
  void give_back(std::unique_ptr<char[]> bytes, std::size_t size);

  std::size_t max_kept_;
  std::size_t kept_ = 0;
  std::array<std::vector<std::unique_ptr<char[]>>, kClasses> free_;
};

}  // namespace headgate
