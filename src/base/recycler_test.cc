#include "base/recycler.h"

#include <array>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace headgate {
namespace {

TEST(Recycler, BlocksOfAllSizesAreApartAndWritable) {
  std::vector<std::pair<unsigned char*, std::size_t>> blocks;
  for (std::size_t size = 1; size < 9000; size += 37) {
    auto* block = static_cast<unsigned char*>(recycled_new(size));
    std::memset(block, static_cast<int>(size & 0xFFU), size);
    blocks.emplace_back(block, size);
  }
  for (const auto& [block, size] : blocks) {
    EXPECT_EQ(block[0], size & 0xFFU);
    EXPECT_EQ(block[size - 1], size & 0xFFU);
    recycled_delete(block, size);
  }
}

TEST(Recycler, ABlockMayBeFreedOnAnotherThread) {
  void* const block = recycled_new(200);
  std::thread([block] { recycled_delete(block, 200); }).join();
  void* const other = recycled_new(200);
  std::memset(other, 1, 200);
  EXPECT_EQ(static_cast<char*>(other)[199], 1);
  recycled_delete(other, 200);
}

struct Small : Recycled {
  virtual ~Small() = default;
  int value = 7;
};
struct Large final : Small {
  std::array<char, 1000> more{};
};

TEST(Recycler, ADerivedObjectGoesBackWithItsOwnSize) {
  for (int i = 0; i < 3; ++i) {
    std::unique_ptr<Small> object = std::make_unique<Large>();
    EXPECT_EQ(object->value, 7);
    object.reset();
    object = std::make_unique<Small>();
    EXPECT_EQ(object->value, 7);
  }
}

TEST(Recycler, WorksOnAfterTrimming) {
  recycled_delete(recycled_new(300), 300);
  trim_recycled();
  void* const block = recycled_new(300);
  std::memset(block, 2, 300);
  EXPECT_EQ(static_cast<char*>(block)[299], 2);
  recycled_delete(block, 300);
}

}  // namespace
}  // namespace headgate
