#include "base/recycler.h"

#include <array>
#include <new>

namespace headgate {

#if defined(__SANITIZE_ADDRESS__) || (defined(__has_feature) && __has_feature(address_sanitizer))

void* recycled_new(std::size_t size) { return ::operator new(size); }
void recycled_delete(void* block, std::size_t size) noexcept { ::operator delete(block, size); }
void trim_recycled() noexcept {}

#else

namespace {

constexpr std::size_t kStep = 64;  // sizes are rounded up to this, so that few lists serve all
constexpr std::size_t kLargest = 4096;
constexpr std::size_t kMaxKept = 4 << 20;  // bytes, on each thread

struct Block {
  Block* next;
};

/// The blocks that a thread keeps, a list for each size.
struct Kept {
  std::array<Block*, kLargest / kStep + 1> lists{};
  std::size_t bytes = 0;
  bool closed = false;  // the thread is ending

  ~Kept() {
    closed = true;
    free_all();
  }
  void free_all() {
    for (Block*& list : lists) {
      while (list != nullptr) {
        Block* const block = list;
        list = block->next;
        ::operator delete(block);
      }
    }
    bytes = 0;
  }
};

constinit thread_local Kept kept;

std::size_t list_for(std::size_t size) { return (size + kStep - 1) / kStep; }

}  // namespace

void* recycled_new(std::size_t size) {
  const std::size_t list = list_for(size);
  Kept& mine = kept;
  if (list >= mine.lists.size()) {
    return ::operator new(size);
  }
  Block* const block = mine.lists[list];
  if (block == nullptr) {
    return ::operator new(list * kStep);
  }
  mine.lists[list] = block->next;
  mine.bytes -= list * kStep;
  return block;
}

void recycled_delete(void* block, std::size_t size) noexcept {
  const std::size_t list = list_for(size);
  Kept& mine = kept;
  if (list == 0 || list >= mine.lists.size() || mine.closed ||
      mine.bytes + list * kStep > kMaxKept) {
    ::operator delete(block);
    return;
  }
  mine.lists[list] = new (block) Block{mine.lists[list]};
  mine.bytes += list * kStep;
}

void trim_recycled() noexcept { kept.free_all(); }

#endif

}  // namespace headgate
