#include "base/buffer_pool.h"

#include <gtest/gtest.h>

namespace headgate {
namespace {

TEST(BufferPool, HandsTheSameBytesOutAgain) {
  BufferPool pool;
  Buffer first = pool.take(100'000);
  EXPECT_EQ(first.size(), 131'072U);
  const char* bytes = first.data();
  first.release();
  EXPECT_TRUE(first.empty());
  EXPECT_EQ(pool.take(131'072).data(), bytes);
}

TEST(BufferPool, KeepsNoMoreThanItsBound) {
  BufferPool pool(8192);
  Buffer small = pool.take(4096);
  Buffer big = pool.take(16'384);
  const char* small_bytes = small.data();
  big.release();
  small.release();
  EXPECT_EQ(pool.take(1).data(), small_bytes);
}

TEST(BufferPool, MovingABufferLeavesTheOldOneEmpty) {
  BufferPool pool;
  Buffer from = pool.take(10);
  Buffer to = std::move(from);
  EXPECT_FALSE(to.empty());
  EXPECT_EQ(from.size(), 0U);  // NOLINT(bugprone-use-after-move): the moved-from state is the point
}

TEST(BufferPool, TrimmingFreesWhatRestsAndSparesWhatIsInUse) {
  BufferPool pool(1 << 20);
  Buffer used = pool.take(4096);
  used.data()[0] = 'x';
  pool.take(8192);
  pool.trim();
  EXPECT_EQ(used.data()[0], 'x');
  Buffer again = pool.take(8192);
  EXPECT_EQ(again.size(), 8192U);
  used.release();
  EXPECT_EQ(pool.take(4096).size(), 4096U);
}

}  // namespace
}  // namespace headgate
