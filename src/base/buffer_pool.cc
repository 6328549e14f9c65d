#include "base/buffer_pool.h"

#include <algorithm>
#include <bit>
#include <new>

namespace headgate {

void Buffer::release() {
  if (bytes_ != nullptr) {
    pool_->give_back(std::move(bytes_), size_);
  }
  pool_ = nullptr;
  size_ = 0;
}

Buffer BufferPool::take(std::size_t size) {
  const std::size_t rounded = std::bit_ceil(std::max(size, std::size_t{1} << kSmallest));
  const std::size_t size_class = static_cast<std::size_t>(std::countr_zero(rounded)) - kSmallest;
  if (size_class >= kClasses) {
    throw std::bad_alloc();
  }
  Buffer buffer;
  buffer.pool_ = this;
  buffer.size_ = rounded;
  if (free_[size_class].empty()) {
    buffer.bytes_ = std::make_unique_for_overwrite<char[]>(rounded);
  } else {
    buffer.bytes_ = std::move(free_[size_class].back());
    free_[size_class].pop_back();
    kept_ -= rounded;
  }
  return buffer;
}

void BufferPool::trim() {
  for (auto& list : free_) {
    list.clear();
    list.shrink_to_fit();
  }
  kept_ = 0;
}

void BufferPool::give_back(std::unique_ptr<char[]> bytes, std::size_t size) {
  if (kept_ + size > max_kept_) {
    return;
  }
  kept_ += size;
  free_[static_cast<std::size_t>(std::countr_zero(size)) - kSmallest].push_back(std::move(bytes));
}

}  // namespace headgate
