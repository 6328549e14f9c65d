#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "sim/runpod.h"

namespace headgate::sim {
namespace {

using namespace std::chrono_literals;

class Jobs : public ::testing::Test {
 protected:
  Job& submit(const Behaviour& behaviour, bool sync = false) {
    Work work{.output = "{}", .pieces = {"1", "2"}, .error = {}, .tokens = 2};
    return table_.submit("e", behaviour, work, {.execution = {}, .ttl = {}, .sync = sync}, "in",
                         start_);
  }

  JobTable table_;
  SteadyTime start_{1h};
};

TEST_F(Jobs, StateFollowsFromTheTime) {
  Behaviour behaviour;
  behaviour.queue = 2s;
  behaviour.execution = 3s;
  Job& job = submit(behaviour);
  EXPECT_EQ(job.state(start_), JobState::InQueue);
  EXPECT_EQ(job.state(start_ + 2s), JobState::InProgress);
  EXPECT_EQ(job.state(start_ + 5s), JobState::Completed);
}

TEST_F(Jobs, ResultsAreKeptForHalfAnHourOrAMinute) {
  std::string run = submit({}).id;
  std::string sync = submit({}, true).id;
  EXPECT_TRUE(table_.find(run, start_ + 29min));
  EXPECT_FALSE(table_.find(run, start_ + 30min));
  EXPECT_TRUE(table_.find(sync, start_ + 59s));
  EXPECT_FALSE(table_.find(sync, start_ + 60s));
}

TEST_F(Jobs, ATimeToLiveEndsARunningJob) {
  Behaviour behaviour;
  behaviour.execution = 1min;
  std::string id =
      table_.submit("e", behaviour, {}, {.execution = {}, .ttl = 10s, .sync = false}, "in", start_)
          .id;
  EXPECT_TRUE(table_.find(id, start_ + 9s));
  EXPECT_FALSE(table_.find(id, start_ + 10s));
}

TEST_F(Jobs, AnExecutionTimeoutEndsTheWork) {
  Behaviour behaviour;
  behaviour.execution = 1min;
  Job& job =
      table_.submit("e", behaviour, {}, {.execution = 5s, .ttl = {}, .sync = false}, "in", start_);
  EXPECT_EQ(job.state(start_ + 4s), JobState::InProgress);
  EXPECT_EQ(job.state(start_ + 5s), JobState::TimedOut);
}

TEST_F(Jobs, OnlyTheFirstWaitsForAColdStart) {
  Behaviour behaviour;
  behaviour.cold_start = 10s;
  EXPECT_EQ(submit(behaviour).starts, start_ + 10s);
  EXPECT_TRUE(table_.is_warming("e", start_ + 9s));
  EXPECT_FALSE(table_.is_warming("e", start_ + 10s));
  EXPECT_EQ(table_.warm_up("e", behaviour, start_ + 12s), 0s);
}

TEST_F(Jobs, TheTableForgetsTheOldest) {
  std::string first = submit({}).id;
  for (std::size_t i = 0; i < JobTable::kMaxJobs; ++i) {
    submit({});
  }
  EXPECT_FALSE(table_.find(first, start_));
  std::size_t count = 0;
  table_.for_each([&](const Job&) { ++count; });
  EXPECT_EQ(count, JobTable::kMaxJobs);
}

}  // namespace
}  // namespace headgate::sim
