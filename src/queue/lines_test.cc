#include "queue/lines.h"

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/event_loop.h"
#include "base/signal.h"
#include "base/task_group.h"

namespace headgate::queue {
namespace {

using namespace std::chrono_literals;
using Slot = std::unique_ptr<model::HeldSlot>;

LineSettings two_slots() { return {.max_concurrent = 2, .max_waiting = 1, .max_backlog = 2}; }

struct LinesTest : ::testing::Test {
  Lines lines{[](std::string_view) { return two_slots(); }};
  EventLoop loop;
  CancelSource cancel;

  Task<Result<Slot>> enter(std::string_view model, SteadyTime patience = SteadyTime::max()) {
    return lines.enter(
        {.model = model, .owner = "key:a", .client = "", .at = std::chrono::steady_clock::now()},
        cancel, patience);
  }
};

TEST_F(LinesTest, GiveASlotBackWhenItsHolderLetsGo) {
  const auto visit = [](LinesTest& self) -> Task<void> {
    auto first = co_await self.enter("m");
    auto second = co_await self.enter("m");
    EXPECT_TRUE(first && second);
    EXPECT_EQ(self.lines.view("m").running, 2U);
    auto late = co_await self.enter("m", std::chrono::steady_clock::now() + 20ms);
    EXPECT_FALSE(late);
    EXPECT_EQ(late.error().code, "queue_full");
    EXPECT_TRUE(late.error().retry_after);
    EXPECT_EQ(self.lines.view("m").gave_up, 1U);
    auto elsewhere = co_await self.enter("other");
    EXPECT_TRUE(elsewhere) << "each model has a line of its own";
    first->reset();
    auto third = co_await self.enter("m");
    EXPECT_TRUE(third);
  };
  loop.run_until_done(visit(*this));
  EXPECT_EQ(lines.view("m").running, 0U);
  EXPECT_EQ(lines.view("m").waiting_callers, 0U);
}

TEST_F(LinesTest, WakeTheCallerWhoseTurnHasCome) {
  const auto wait = [](LinesTest& self, std::vector<std::string>& order) -> Task<void> {
    auto slot = co_await self.enter("m");
    order.emplace_back(slot ? "waited" : "refused");
  };
  const auto visit = [](LinesTest& self, auto wait) -> Task<void> {
    std::vector<std::string> order;
    auto first = co_await self.enter("m");
    auto second = co_await self.enter("m");
    TaskGroup group;
    group.spawn(wait(self, order));
    co_await sleep_for(1ms);
    auto refused = co_await self.enter("m");
    EXPECT_FALSE(refused) << "one caller may wait";
    EXPECT_EQ(self.lines.view("m").rejected_callers, 1U);
    order.emplace_back("let go");
    second->reset();
    co_await group.close(SteadyTime::max());
    EXPECT_EQ(order, (std::vector<std::string>{"let go", "waited"}));
  };
  loop.run_until_done(visit(*this, wait));
}

TEST_F(LinesTest, TellHowLongCallersAndJobsWaited) {
  const auto visit = [](LinesTest& self) -> Task<void> {
    std::optional<Slot> of_job;
    self.lines.on_job([&](model::JobSeq, Slot slot) { of_job = std::move(slot); });
    auto first = co_await self.enter("m");
    auto second = co_await self.enter("m");
    self.lines.restore_job("m", {.ticket = 1,
                                 .owner = "key:a",
                                 .client = "",
                                 .at = std::chrono::steady_clock::now() - 20s});
    EXPECT_FALSE(of_job);
    second->reset();
    EXPECT_TRUE(of_job);
    of_job.reset();
    self.lines.on_job({});
  };
  loop.run_until_done(visit(*this));

  const LineView view = lines.view("m");
  const auto& normal = view.waits[static_cast<std::size_t>(model::Priority::Normal)];
  const WaitTimes& callers = normal[static_cast<std::size_t>(Kind::Caller)];
  EXPECT_EQ(callers.count(), 2U);
  EXPECT_EQ(callers.sum_seconds(), 0) << "a slot was free";
  const WaitTimes& jobs = normal[static_cast<std::size_t>(Kind::Job)];
  EXPECT_EQ(jobs.count(), 1U);
  EXPECT_GE(jobs.mean_seconds(), 20);
  EXPECT_EQ(view.waits[static_cast<std::size_t>(model::Priority::High)][0].count(), 0U);
}

TEST_F(LinesTest, LetACallerGoWhoHasLeft) {
  const auto visit = [](LinesTest& self) -> Task<void> {
    auto first = co_await self.enter("m");
    auto second = co_await self.enter("m");
    self.cancel.cancel();
    auto gone = co_await self.enter("m");
    EXPECT_FALSE(gone);
    EXPECT_EQ(gone.error().kind, ErrorKind::ClientLeft);
    EXPECT_EQ(self.lines.view("m").waiting_callers, 0U);
  };
  loop.run_until_done(visit(*this));
  EXPECT_EQ(lines.view("m").running, 0U);
}

TEST_F(LinesTest, StartJobsInOrderAsSlotsComeFree) {
  std::vector<model::JobSeq> started;
  std::vector<Slot> slots;
  lines.on_job([&](model::JobSeq seq, Slot slot) {
    started.push_back(seq);
    slots.push_back(std::move(slot));
  });
  const auto submit = [&](model::JobSeq seq) {
    auto room = lines.claim_backlog("m");
    if (room) {
      lines.add_job("m", {.ticket = seq, .owner = "key:a", .client = "", .at = SteadyTime{}});
    }
    return room.has_value();
  };
  for (const model::JobSeq seq : {1, 2, 3, 4}) {
    EXPECT_TRUE(submit(seq));
  }
  EXPECT_FALSE(submit(5)) << "two run, two wait: the backlog is full";
  EXPECT_EQ(lines.view("m").rejected_jobs, 1U);
  EXPECT_EQ(started, (std::vector<model::JobSeq>{1, 2}));
  EXPECT_EQ(lines.position("m", 4), 2U);
  slots[0].reset();
  EXPECT_EQ(started, (std::vector<model::JobSeq>{1, 2, 3}));
  EXPECT_TRUE(lines.leave("m", 4));
  EXPECT_FALSE(lines.leave("m", 4));
  slots.clear();
  EXPECT_EQ(started.size(), 3U);
}

struct SmallBacklog : ::testing::Test {
  Lines lines{[this](std::string_view) {
    return LineSettings{.max_concurrent = slots, .max_waiting = 1, .max_backlog = 1};
  }};
  std::size_t slots = 1;
  std::vector<Slot> held;
  model::JobSeq next = 1;

  void SetUp() override {
    lines.on_job([this](model::JobSeq, Slot slot) { held.push_back(std::move(slot)); });
  }
  void TearDown() override { lines.on_job(nullptr); }
  void let_go() {
    Slot first = std::move(held.front());
    held.erase(held.begin());
    first.reset();  // may start the next
  }
  bool claim() { return lines.claim_backlog("m").has_value(); }
  void add() { lines.add_job("m", {.ticket = next++, .owner = "key:a", .client = "", .at = {}}); }
};

TEST_F(SmallBacklog, DoesNotCountAJobThatStartsAtOnce) {
  EXPECT_TRUE(claim()) << "starts at once";
  EXPECT_TRUE(claim()) << "waits";
  EXPECT_FALSE(claim()) << "both are on their way to disk: one slot, one place";
  add();
  add();
  EXPECT_EQ(held.size(), 1U);
  EXPECT_EQ(lines.view("m").waiting_jobs, 1U);
  EXPECT_FALSE(claim());
  let_go();
  EXPECT_TRUE(claim()) << "the one that waited runs";
}

TEST_F(SmallBacklog, CountsJobsBetweenTwoAttempts) {
  lines.set_aside("m");
  EXPECT_EQ(lines.view("m").delayed_jobs, 1U);
  EXPECT_TRUE(claim()) << "starts at once";
  add();
  EXPECT_FALSE(claim()) << "the only place belongs to the job that will be tried again";
  lines.take_back("m");
  EXPECT_TRUE(claim());
}

TEST_F(SmallBacklog, KnowsWhoWaits) {
  EXPECT_FALSE(lines.waits("m", 1));
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(claim());
    add();
  }
  EXPECT_FALSE(lines.waits("m", 1)) << "it runs";
  EXPECT_TRUE(lines.waits("m", 2));
}

/// Jobs whose turn has come, with their slots.
struct Started {
  std::vector<model::JobSeq> jobs;
  std::vector<Slot> slots;
  explicit Started(Lines& lines) {
    lines.on_job([this](model::JobSeq seq, Slot slot) {
      jobs.push_back(seq);
      slots.push_back(std::move(slot));
    });
  }
};

Arrival job(model::JobSeq seq, model::Priority priority = model::Priority::Normal) {
  return {.ticket = seq, .priority = priority, .owner = "key:a", .client = "", .at = SteadyTime{}};
}

TEST_F(LinesTest, ClosedToJobsStartNoneHoweverManyWaitAndServeCallers) {
  Started started(lines);
  constexpr model::JobSeq kBacklog = 1000;
  for (model::JobSeq seq = 1; seq <= kBacklog; ++seq) {
    lines.restore_job("m", job(seq));
  }
  ASSERT_EQ(started.jobs.size(), 2U);
  lines.close_to_jobs();
  EXPECT_EQ(lines.view("m").waiting_jobs, 0U);
  lines.restore_job("m", job(kBacklog + 1));
  lines.restore_job("another", job(kBacklog + 2));
  started.slots.clear();
  EXPECT_EQ(started.jobs.size(), 2U) << "nobody starts as slots come free";
  EXPECT_EQ(lines.view("m").running, 0U);
  const auto visit = [](LinesTest& self) -> Task<void> {
    auto slot = co_await self.enter("m");
    EXPECT_TRUE(slot) << "callers are still served";
  };
  loop.run_until_done(visit(*this));
}

TEST_F(LinesTest, ClosedToJobsKeepTheCallersThatWait) {
  Started started(lines);
  lines.restore_job("m", job(1));
  lines.restore_job("m", job(2));
  const auto wait = [](LinesTest& self, std::optional<bool>& served) -> Task<void> {
    auto slot = co_await self.enter("m");
    served = slot.has_value();
  };
  const auto visit = [](LinesTest& self, Started& started, auto wait) -> Task<void> {
    std::optional<bool> served;
    TaskGroup group;
    group.spawn(wait(self, served));
    co_await sleep_for(1ms);
    EXPECT_EQ(self.lines.view("m").waiting_callers, 1U);
    self.lines.restore_job("m", job(3));
    self.lines.close_to_jobs();
    EXPECT_EQ(self.lines.view("m").waiting_callers, 1U);
    EXPECT_EQ(self.lines.view("m").running, 2U) << "those that run have their slots";
    started.slots.pop_back();
    co_await group.close(SteadyTime::max());
    EXPECT_EQ(served, true);
  };
  loop.run_until_done(visit(*this, started, wait));
  EXPECT_EQ(started.jobs.size(), 2U);
}

TEST_F(LinesTest, KeepJobsOfBatchesWaitingWhileTheyArePaused) {
  Started started(lines);
  using model::Priority;
  lines.set_batch(Lines::Batch::Paused);
  lines.restore_job("m", job(1, Priority::Batch));
  lines.restore_job("m", job(2, Priority::Low));
  EXPECT_EQ(started.jobs, (std::vector<model::JobSeq>{2}));
  EXPECT_EQ(lines.view("m").waiting_jobs, 1U);
  lines.set_batch(Lines::Batch::Runs);
  EXPECT_EQ(started.jobs, (std::vector<model::JobSeq>{2, 1}));
  lines.set_batch(Lines::Batch::Paused);
  lines.restore_job("new", job(3, Priority::Batch));
  EXPECT_EQ(started.jobs.size(), 2U) << "also in a line that comes into being meanwhile";
  lines.set_batch(Lines::Batch::Runs);
  EXPECT_EQ(started.jobs.size(), 3U);
}

TEST_F(LinesTest, AReservedShareOfAPausedClassIsNotKeptFree) {
  Lines reserving([](std::string_view) {
    return LineSettings{.max_concurrent = 2, .reserved = {0, 0, 0, 1.0}};
  });
  Started started(reserving);
  reserving.set_batch(Lines::Batch::Paused);
  reserving.restore_job("m", job(1, model::Priority::Batch));
  reserving.restore_job("m", job(2));
  reserving.restore_job("m", job(3));
  EXPECT_EQ(started.jobs, (std::vector<model::JobSeq>{2, 3}));
}

}  // namespace
}  // namespace headgate::queue
