#include "auth/login_throttle.h"

#include <gtest/gtest.h>

#include "testing/fake_clock.h"

namespace headgate::auth {
namespace {

using namespace std::chrono_literals;
using testing::FakeClock;

class LoginThrottleTest : public ::testing::Test {
 protected:
  std::chrono::milliseconds begin(std::string_view account, std::string_view address) {
    return throttle_.begin(account, address, clock_.steady());
  }
  /// How many of `tries` at once are let through.
  int let_through(int tries, std::string_view account, std::string_view address) {
    int through = 0;
    for (int i = 0; i < tries; ++i) {
      through += begin(account, address) == 0ms ? 1 : 0;
    }
    return through;
  }

  FakeClock clock_;
  LoginThrottle throttle_;
};

TEST_F(LoginThrottleTest, SlowsAnAccountFromOneAddressMoreAndMore) {
  EXPECT_EQ(let_through(25, "ann", "10.0.0.1"), 5);
  std::chrono::milliseconds last{0};
  for (int i = 0; i < 10; ++i) {
    const auto wait = begin("ann", "10.0.0.1");
    EXPECT_GE(wait, last);
    EXPECT_LE(wait, 60s);
    last = wait;
    clock_.advance(wait);
    EXPECT_EQ(begin("ann", "10.0.0.1"), 0ms) << "after the wait one more try is free";
  }
  EXPECT_EQ(last, 60s);
}

TEST_F(LoginThrottleTest, SlowsOneAddressThatTriesManyAccounts) {
  int through = 0;
  for (int i = 0; i < 100; ++i) {
    through += let_through(1, "user" + std::to_string(i), "10.0.0.1");
  }
  EXPECT_EQ(through, 20);
}

TEST_F(LoginThrottleTest, LetsTheOwnerInFromElsewhereDuringAnAttackFromEverywhere) {
  for (int i = 0; i < 500; ++i) {
    let_through(10, "ann", "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250));
  }
  EXPECT_EQ(let_through(10, "ann", "10.9.9.9"), 1) << "one try: enough for who knows the password";
  throttle_.succeeded("ann", "10.9.9.9");
  EXPECT_EQ(let_through(1, "ann", "10.9.9.9"), 1);
  EXPECT_EQ(let_through(5, "bob", "10.9.9.8"), 5) << "other accounts do not suffer";
}

TEST_F(LoginThrottleTest, ManyTriesAtOnceGainNothing) {
  EXPECT_EQ(let_through(1000, "ann", "10.0.0.1"), 5);
}

TEST_F(LoginThrottleTest, ForgetsAfterSuccessAndAfterAQuarterOfAnHour) {
  let_through(5, "ann", "10.0.0.1");
  EXPECT_GT(begin("ann", "10.0.0.1"), 0ms);
  clock_.advance(15min + 1ms);
  EXPECT_EQ(let_through(4, "ann", "10.0.0.1"), 4);
  throttle_.succeeded("ann", "10.0.0.1");
  EXPECT_EQ(let_through(10, "ann", "10.0.0.1"), 5);
}

TEST_F(LoginThrottleTest, AnAbandonedTryDoesNotCount) {
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(begin("ann", "10.0.0.1"), 0ms);
    throttle_.abandoned("ann", "10.0.0.1");
  }
  EXPECT_EQ(let_through(10, "ann", "10.0.0.1"), 5);
}

TEST_F(LoginThrottleTest, CountsAnIpv6NetworkAsOneAddress) {
  int through = 0;
  for (int i = 1; i <= 50; ++i) {
    through += let_through(1, "ann", "2001:db8:0:1::" + std::to_string(i));
  }
  EXPECT_EQ(through, 5);
  EXPECT_EQ(let_through(1, "ann", "2001:db8:0:2::1"), 1);
}

TEST_F(LoginThrottleTest, BoundsItsMemoryAndForgetsTheOldestFirst) {
  let_through(5, "ann", "10.0.0.1");
  for (int i = 0; i < 40'000; ++i) {
    begin("user" + std::to_string(i), "host" + std::to_string(i));
  }
  EXPECT_EQ(let_through(1, "ann", "10.0.0.1"), 1) << "forgotten, not grown without end";
}

}  // namespace
}  // namespace headgate::auth
