#include "dispatch/response_cache.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

namespace headgate::dispatch {
namespace {

using std::chrono::seconds;

const SteadyTime kNow{std::chrono::hours(1)};
const SteadyTime kLater = kNow + seconds(60);

std::string kept(ResponseCache& cache, const std::string& key, SteadyTime now = kNow) {
  const auto answer = cache.find(sha256(key), now);
  return answer ? answer->body : "(none)";
}

void keep(ResponseCache& cache, const std::string& key, std::string body,
          SteadyTime until = kLater) {
  cache.keep(sha256(key), {.body = std::move(body), .provider = "p", .kept_at = kNow}, until);
}

TEST(ResponseCache, GivesBackWhatWasKeptUnderThatKeyOnly) {
  ResponseCache cache({.max_memory = 1U << 20U, .max_answer = 1U << 10U});
  keep(cache, "a", "answer a");

  EXPECT_EQ(kept(cache, "a"), "answer a");
  EXPECT_EQ(kept(cache, "b"), "(none)");

  EXPECT_EQ(cache.stats().hits, 1U);
  EXPECT_EQ(cache.stats().misses, 1U);
}

TEST(ResponseCache, ALaterAnswerTakesTheEarliersPlace) {
  ResponseCache cache({.max_memory = 1U << 20U, .max_answer = 1U << 10U});
  keep(cache, "a", "one");
  const std::uint64_t bytes = cache.stats().bytes;
  keep(cache, "a", "two");
  EXPECT_EQ(kept(cache, "a"), "two");
  EXPECT_EQ(cache.stats().bytes, bytes);
  EXPECT_EQ(cache.stats().answers, 1U);
}

TEST(ResponseCache, AnAnswerIsGoneWhenItsTimeIsOver) {
  ResponseCache cache({.max_memory = 1U << 20U, .max_answer = 1U << 10U});
  keep(cache, "a", "answer", kNow + seconds(5));

  EXPECT_EQ(kept(cache, "a", kNow + seconds(4)), "answer");
  EXPECT_EQ(kept(cache, "a", kNow + seconds(5)), "(none)");

  EXPECT_EQ(cache.stats().bytes, 0U) << "and takes no memory";
  EXPECT_EQ(cache.stats().evicted, 0U);
}

TEST(ResponseCache, DropsTheLeastRecentlyUsedWhenMemoryIsUsedUp) {
  const std::string body(1000, 'x');
  ResponseCache cache({.max_memory = 4500, .max_answer = 2000});
  keep(cache, "a", body);
  keep(cache, "b", body);
  keep(cache, "c", body);
  ASSERT_EQ(cache.stats().answers, 3U);
  ASSERT_EQ(kept(cache, "a"), body) << "used last";

  keep(cache, "d", body);

  EXPECT_EQ(kept(cache, "b"), "(none)");
  EXPECT_EQ(kept(cache, "a"), body);
  EXPECT_EQ(kept(cache, "c"), body);
  EXPECT_EQ(kept(cache, "d"), body);
  EXPECT_EQ(cache.stats().evicted, 1U);
  EXPECT_LE(cache.stats().bytes, 4500U);
}

TEST(ResponseCache, NeverHoldsMoreThanItMay) {
  ResponseCache cache({.max_memory = 10'000, .max_answer = 3'000});
  for (std::size_t i = 0; i < 200; ++i) {
    keep(cache, std::to_string(i % 37), std::string(i * 53 % 4'000, 'x'));
    EXPECT_LE(cache.stats().bytes, 10'000U) << i;
  }
}

TEST(ResponseCache, AnAnswerThatIsTooLargeIsNotKept) {
  ResponseCache cache({.max_memory = 1U << 20U, .max_answer = 4});
  keep(cache, "a", "four");
  keep(cache, "b", "five!");
  EXPECT_EQ(kept(cache, "a"), "four");
  EXPECT_EQ(kept(cache, "b"), "(none)");
}

TEST(ResponseCache, WithoutMemoryItKeepsNothing) {
  ResponseCache cache({.max_memory = 0, .max_answer = 1000});
  keep(cache, "a", "answer");
  EXPECT_EQ(kept(cache, "a"), "(none)");
}

TEST(ResponseCache, TighterLimitsHoldAtOnce) {
  ResponseCache cache({.max_memory = 1U << 20U, .max_answer = 1000});
  keep(cache, "a", std::string(500, 'a'));
  keep(cache, "b", std::string(500, 'b'));
  cache.set_limits({.max_memory = 1000, .max_answer = 100});
  EXPECT_EQ(kept(cache, "a"), "(none)");
  EXPECT_EQ(kept(cache, "b"), std::string(500, 'b'));
  keep(cache, "c", std::string(101, 'c'));
  EXPECT_EQ(kept(cache, "c"), "(none)");
}

TEST(ResponseCache, AnAnswerThatIsBeingSentOutlivesTheCachesInterestInIt) {
  ResponseCache cache({.max_memory = 1U << 20U, .max_answer = 1000});
  keep(cache, "a", "answer");
  const auto held = cache.find(sha256("a"), kNow);
  cache.clear();
  EXPECT_EQ(kept(cache, "a"), "(none)");
  EXPECT_EQ(cache.stats().bytes, 0U);
  EXPECT_EQ(held->body, "answer");
}

}  // namespace
}  // namespace headgate::dispatch
