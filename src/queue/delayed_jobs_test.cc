#include "queue/delayed_jobs.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace headgate::queue {
namespace {

using namespace std::chrono_literals;

DelayedJob job(model::JobSeq seq) {
  return {.model = "m", .arrival = {.ticket = seq, .owner = "key:a", .client = "", .at = {}}};
}

std::vector<model::JobSeq> taken(DelayedJobs& jobs, SteadyTime now) {
  std::vector<model::JobSeq> seqs;
  for (const DelayedJob& each : jobs.take(now)) {
    seqs.push_back(each.arrival.ticket);
  }
  return seqs;
}

TEST(DelayedJobs, ComeBackWhenTheyAreDueInOrder) {
  const SteadyTime now{};
  DelayedJobs jobs;
  EXPECT_FALSE(jobs.next());
  EXPECT_TRUE(jobs.add(now + 2s, job(1)));
  EXPECT_TRUE(jobs.add(now + 1s, job(2)));
  EXPECT_TRUE(jobs.add(now + 3s, job(3)));
  EXPECT_EQ(jobs.next(), now + 1s);
  EXPECT_TRUE(taken(jobs, now).empty());
  EXPECT_THAT(taken(jobs, now + 2s), ::testing::ElementsAre(2, 1));
  EXPECT_FALSE(jobs.has(1));
  EXPECT_EQ(jobs.size(), 1U);
}

TEST(DelayedJobs, WaitOnce) {
  const SteadyTime now{};
  DelayedJobs jobs;
  EXPECT_TRUE(jobs.add(now + 1s, job(1)));
  EXPECT_FALSE(jobs.add(now, job(1)));
  EXPECT_EQ(jobs.next(), now + 1s);
  EXPECT_TRUE(jobs.remove(1));
  EXPECT_FALSE(jobs.remove(1));
  EXPECT_TRUE(taken(jobs, now + 5s).empty());
}

}  // namespace
}  // namespace headgate::queue
