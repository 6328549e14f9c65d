#include "app/provider_health.h"

#include <atomic>
#include <future>
#include <new>

#include <gtest/gtest.h>

#include "base/event_loop_run.h"

namespace headgate::app {
namespace {

using namespace std::chrono_literals;
using Outcome = api::HealthCheck::Outcome;

using Status = api::EndpointHealth::Status;

TEST(WorkersHealth, IsGoodFromTheStartAndBadOnlyWhenNoneComesUp) {
  EXPECT_EQ(workers_health({.starting = 2}).status, Status::Idle)
      << "pages wait for the workers that are starting";
  EXPECT_EQ(workers_health({.ready = 2}).status, Status::Idle);
  EXPECT_EQ(workers_health({.busy = 1, .ready = 2}).status, Status::Healthy);
  const api::EndpointHealth none = workers_health({});
  EXPECT_EQ(none.status, Status::Unhealthy);
  EXPECT_FALSE(none.error.empty());
}

TEST(ProviderHealth, ShowsBreakersAndBelievesThemMoreThanTheProvider) {
  using enum routing::BreakerState;
  std::vector<routing::TargetView> targets(2);
  targets[0].target = "large";
  targets[0].state = Open;
  targets[1].target = "small";
  api::EndpointHealth health;
  add_breakers(health, targets);
  EXPECT_EQ(health.status, Status::Healthy);
  const std::vector<std::pair<std::string, std::string>> shown = {{"large", "open"},
                                                                  {"small", "closed"}};
  EXPECT_EQ(health.breakers, shown);

  targets[1].state = Open;
  health.breakers.clear();
  add_breakers(health, targets);
  EXPECT_EQ(health.status, Status::Unhealthy);
  EXPECT_FALSE(health.error.empty());

  api::EndpointHealth gone{.name = "a", .status = Status::Unreachable, .workers = {}, .error = "x"};
  add_breakers(gone, targets);
  EXPECT_EQ(gone.status, Status::Unreachable);
  EXPECT_EQ(gone.error, "x");

  targets[1].state = HalfOpen;
  api::EndpointHealth tried;
  add_breakers(tried, targets);
  EXPECT_EQ(tried.status, Status::Healthy) << "one of them is being tried again";
}

TEST(StoreCheck, SaysWhatTheLookFinds) {
  EventLoop loop;
  BlockingPool pool("store", 1, 4);
  Result<void> found;
  StoreCheck check(pool, [&] { return found; }, 1h);
  EXPECT_EQ(run_on(loop, check.ask()), Outcome::Passed);
  found = fail(internal_error("damaged"));
  EXPECT_EQ(run_on(loop, check.ask()), Outcome::Failed);
  found = {};
  EXPECT_EQ(run_on(loop, check.ask()), Outcome::Passed);
}

TEST(StoreCheck, ALookThatThrowsHasFailed) {
  EventLoop loop;
  BlockingPool pool("store", 1, 4);
  int looks = 0;
  StoreCheck check(
      pool,
      [&]() -> Result<void> {
        if (++looks == 1) {
          throw std::bad_alloc();
        }
        return {};
      },
      1h);
  EXPECT_EQ(run_on(loop, check.ask()), Outcome::Failed);
  EXPECT_EQ(run_on(loop, check.ask()), Outcome::Passed) << "the next look is made";
}

TEST(StoreCheck, DoesNotWaitForADiskThatHangs) {
  EventLoop loop;
  std::promise<void> disk;
  std::atomic<int> looks = 0;
  BlockingPool pool("store", 1, 4);
  StoreCheck check(
      pool,
      [&, hangs = disk.get_future().share()]() -> Result<void> {
        ++looks;
        hangs.wait();
        return {};
      },
      1ms);
  EXPECT_EQ(run_on(loop, check.ask()), Outcome::Failed) << "no answer in time";
  EXPECT_EQ(run_on(loop, check.ask()), Outcome::Failed);
  EXPECT_EQ(looks, 1) << "looks that hang do not pile up";
  disk.set_value();
  StoreCheck patient(pool, [] { return Result<void>(); }, 1h);
  EXPECT_EQ(run_on(loop, patient.ask()), Outcome::Passed) << "the pool's thread is back";
}

}  // namespace
}  // namespace headgate::app
