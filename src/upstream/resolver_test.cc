#include "upstream/resolver.h"

#include <atomic>
#include <latch>

#include <gtest/gtest.h>

#include "base/event_loop.h"
#include "base/task_group.h"
#include "upstream/failure.h"

namespace headgate::upstream {
namespace {

using namespace std::chrono_literals;
using Answer = Result<std::vector<IpAddress>>;

class HandClock final : public Clock {
 public:
  SteadyTime steady() const override { return now_.load(); }
  WallTime wall() const override { return {}; }
  void advance(std::chrono::milliseconds by) { now_ = now_.load() + by; }

 private:
  std::atomic<SteadyTime> now_{SteadyTime(1h)};
};

class ResolverTest : public ::testing::Test {
 protected:
  Answer ask(const std::string& host) { return run_on(loop_, resolver_.resolve(host)); }

  EventLoop loop_;
  HandClock clock_;
  std::atomic<int> lookups_{0};
  std::function<Answer(const std::string&)> answer_ = [](const std::string&) {
    return std::vector<IpAddress>{*parse_address("192.0.2.1")};
  };
  BlockingPool pool_{"dns", 2, 8};
  Resolver resolver_{pool_, clock_, [this](const std::string& host) {
                       ++lookups_;
                       return answer_(host);
                     }};
};

TEST_F(ResolverTest, AnswersLiteralsItself) {
  EXPECT_EQ(ask("127.0.0.1")->front().text(), "127.0.0.1");
  EXPECT_EQ(ask("::1")->front().text(), "::1");
  EXPECT_EQ(lookups_, 0);
}

TEST_F(ResolverTest, KeepsAnswersForHalfAMinute) {
  EXPECT_TRUE(ask("a.example"));
  clock_.advance(29s);
  EXPECT_TRUE(ask("a.example"));
  EXPECT_EQ(lookups_, 1);
  clock_.advance(2s);
  EXPECT_TRUE(ask("a.example"));
  EXPECT_EQ(lookups_, 2);
}

TEST_F(ResolverTest, KeepsFailuresForTwoSeconds) {
  answer_ = [](const std::string& host) -> Answer {
    return fail(failure(FailurePhase::Dns, host));
  };
  EXPECT_EQ(failure_phase(ask("a.example").error()), FailurePhase::Dns);
  clock_.advance(1s);
  EXPECT_FALSE(ask("a.example"));
  EXPECT_EQ(lookups_, 1);
  clock_.advance(2s);
  EXPECT_FALSE(ask("a.example"));
  EXPECT_EQ(lookups_, 2);
}

TEST_F(ResolverTest, TreatsAnEmptyAnswerAsFailure) {
  answer_ = [](const std::string&) -> Answer { return std::vector<IpAddress>{}; };
  EXPECT_EQ(failure_phase(ask("a.example").error()), FailurePhase::Dns);
}

TEST_F(ResolverTest, AlternatesTheFamilies) {
  answer_ = [](const std::string&) -> Answer {
    return std::vector<IpAddress>{*parse_address("2001:db8::1"), *parse_address("2001:db8::2"),
                                  *parse_address("192.0.2.1"), *parse_address("192.0.2.1")};
  };
  const auto addresses = ask("a.example");
  ASSERT_EQ(addresses->size(), 3U);
  EXPECT_EQ((*addresses)[0].text(), "2001:db8::1");
  EXPECT_EQ((*addresses)[1].text(), "192.0.2.1");
  EXPECT_EQ((*addresses)[2].text(), "2001:db8::2");
}

Task<void> count_answer(Resolver& resolver, int& answers) {
  auto answer = co_await resolver.resolve("a.example");
  answers += answer ? 1 : 0;
}

Task<void> ask_together(Resolver& resolver, std::latch& release, int& answers) {
  TaskGroup group;
  for (int i = 0; i < 5; ++i) {
    group.spawn(count_answer(resolver, answers));
  }
  release.count_down();
  co_await group.close(std::chrono::steady_clock::now() + 10s);
}

TEST_F(ResolverTest, AsksOnceForWaitersOfOneName) {
  std::latch release(1);
  answer_ = [&](const std::string&) -> Answer {
    release.wait();
    return std::vector<IpAddress>{*parse_address("192.0.2.1")};
  };
  int answers = 0;
  loop_.run_until_done(ask_together(resolver_, release, answers));
  EXPECT_EQ(answers, 5);
  EXPECT_EQ(lookups_, 1);
}

TEST_F(ResolverTest, GivesUpAtTheTimeLimitAndOnCancel) {
  const auto release = std::make_shared<std::latch>(1);  // shared with the pool's thread
  answer_ = [release](const std::string&) -> Answer {
    release->wait();
    return std::vector<IpAddress>{*parse_address("192.0.2.1")};
  };
  const auto late =
      run_on(loop_, resolver_.resolve("a.example", std::chrono::steady_clock::now() + 20ms));
  EXPECT_EQ(failure_phase(late.error()), FailurePhase::ConnectTimeout);

  CancelSource source;
  source.cancel();
  const auto left = run_on(loop_, resolver_.resolve("a.example", SteadyTime::max(), &source));
  EXPECT_EQ(left.error().kind, ErrorKind::ClientLeft);
  release->count_down();
}

TEST(SystemLookup, KnowsLocalhost) {
  const auto addresses = system_lookup("localhost");
  ASSERT_TRUE(addresses);
  for (const IpAddress& address : *addresses) {
    EXPECT_TRUE(address.loopback());
  }
}

}  // namespace
}  // namespace headgate::upstream
