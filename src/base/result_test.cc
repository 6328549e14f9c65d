#include "base/result.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

namespace headgate {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) {
    return fail(invalid_request("odd", "number"));
  }
  return number / 2;
}

TEST(ResultTest, HoldsAValueOrAnError) {
  const Result<int> good = half(4);
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, 2);
  EXPECT_EQ(good, 2);
  const Result<int> bad = half(3);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().param, "number");
  EXPECT_FALSE(bad == 1);
  EXPECT_EQ(bad.value_or(7), 7);
}

TEST(ResultTest, PassesAnErrorOnAsACopyOfItsOwn) {
  Result<int> first = half(3);
  const Result<std::string> second = fail(first.error());
  first.error().message = "changed";
  EXPECT_EQ(second.error().message, "odd");
  const Result<std::string> third = second;
  EXPECT_EQ(third.error().message, "odd");
  EXPECT_EQ(second.error().message, "odd") << "a copy leaves it where it was";
}

TEST(ResultTest, TakesWhatItsValueCanBeMadeOf) {
  const Result<std::optional<std::string_view>> text = std::string_view("piece");
  EXPECT_EQ(**text, "piece");
  Result<std::unique_ptr<int>> narrow = std::make_unique<int>(5);
  const Result<std::shared_ptr<int>> wide = std::move(narrow);
  ASSERT_TRUE(wide);
  EXPECT_EQ(**wide, 5);
  const Result<std::shared_ptr<int>> failed = Result<std::unique_ptr<int>>(fail(client_left()));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::ClientLeft);
}

TEST(ResultTest, OfAResultKeepsTheInnerOne) {
  const Result<Result<void>> ran = Result<void>(fail(client_left()));
  ASSERT_TRUE(ran) << "it ran";
  EXPECT_FALSE(*ran);
}

TEST(ResultTest, OfNothingIsSuccessAtFirst) {
  Result<void> done;
  EXPECT_TRUE(done);
  done = fail(client_left());
  EXPECT_FALSE(done);
}

TEST(ResultTest, IsSmallWhateverTheErrorHolds) {
  EXPECT_LE(sizeof(Result<void>), 2 * sizeof(void*));
  EXPECT_LE(sizeof(Result<void*>), 2 * sizeof(void*));
}

}  // namespace
}  // namespace headgate
