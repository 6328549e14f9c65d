#include "auth/key_uses.h"

#include <gtest/gtest.h>

namespace headgate::auth {
namespace {

TEST(KeyUses, ReportsEachUseOnceToTheMinute) {
  KeyUses uses;
  const auto key = uses.of("a");
  const auto idle = uses.of("b");
  key->mark(1'000'000);
  key->mark(1'059'999);
  auto taken = uses.take();
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].id, "a");
  EXPECT_EQ(taken[0].at, 1'000'000);
  EXPECT_TRUE(uses.take().empty());

  uses.of("a")->mark(1'060'000);  // the mark outlives the snapshot that held it
  taken = uses.take();
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].at, 1'060'000);
}

TEST(KeyUses, ForgetsKeysThatNobodyHolds) {
  KeyUses uses;
  uses.of("a")->mark(1'000'000);
  EXPECT_EQ(uses.take().size(), 1U) << "its last use is still told";
  const auto again = uses.of("a");
  again->mark(1'000'000);
  EXPECT_EQ(uses.take().size(), 1U) << "a new mark knows nothing of the old one";
}

}  // namespace
}  // namespace headgate::auth
