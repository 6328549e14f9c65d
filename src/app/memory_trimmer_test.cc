#include "app/memory_trimmer.h"

#include <gtest/gtest.h>

namespace headgate::app {
namespace {

using Step = MemoryTrimmer::Step;

TEST(MemoryTrimmer, TrimsOnceInTwoStepsAfterACrowdHasLeft) {
  MemoryTrimmer trimmer;
  EXPECT_EQ(trimmer.tick(10, 10), Step::Nothing);
  EXPECT_EQ(trimmer.tick(1000, 1000), Step::Nothing);
  EXPECT_EQ(trimmer.tick(700, 1000), Step::Nothing) << "most are still here";
  EXPECT_EQ(trimmer.tick(5, 1000), Step::FreeBuffers);
  EXPECT_EQ(trimmer.tick(5, 5), Step::ReturnToSystem);
  EXPECT_EQ(trimmer.tick(5, 5), Step::Nothing);
}

TEST(MemoryTrimmer, LeavesAFewConnectionsAlone) {
  MemoryTrimmer trimmer;
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(trimmer.tick(200, 200), Step::Nothing);
    EXPECT_EQ(trimmer.tick(0, 200), Step::Nothing);
  }
}

}  // namespace
}  // namespace headgate::app
