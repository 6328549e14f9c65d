#include "queue/line.h"

#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace headgate::queue {
namespace {

using namespace std::chrono_literals;
using model::Priority;
using testing::ElementsAre;
using testing::IsEmpty;
using Verdict = Line::Verdict;

constexpr SteadyTime kStart{1000s};

Arrival from(std::string owner, Ticket ticket, std::uint32_t work = 1,
             Priority priority = Priority::Normal) {
  return {.ticket = ticket,
          .priority = priority,
          .owner = std::move(owner),
          .client = "",
          .work = work,
          .at = kStart};
}

Arrival of_class(Priority priority, Ticket ticket, SteadyTime at = kStart) {
  Arrival arrival = from("owner", ticket, 1, priority);
  arrival.at = at;
  return arrival;
}

Arrival of_client(std::string owner, std::string client, Ticket ticket) {
  Arrival arrival = from(std::move(owner), ticket);
  arrival.client = std::move(client);
  return arrival;
}

std::vector<Ticket> take(Line& line, SteadyTime now) {
  std::vector<Ticket> tickets;
  for (const Line::Start& start : line.take(now)) {
    tickets.push_back(start.ticket);
  }
  return tickets;
}

/// A line of one slot that is taken, so that all others wait.
struct BusyLine {
  explicit BusyLine(LineSettings settings = {}) : line(with_one_slot(settings)) {
    EXPECT_EQ(line.caller(from("first", -1'000'000)), Verdict::Runs);
  }
  static LineSettings with_one_slot(LineSettings settings) {
    settings.max_concurrent = 1;
    return settings;
  }
  /// The slot changes hands; who has it then, 0 if nobody.
  Ticket next(SteadyTime now = kStart) {
    line.ended(running, now, 1);
    const auto started = take(line, now);
    EXPECT_LE(started.size(), 1U);
    return started.empty() ? 0 : started.front();
  }
  std::vector<Ticket> next(std::size_t count, SteadyTime now = kStart) {
    std::vector<Ticket> order;
    order.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      order.push_back(next(now));
    }
    return order;
  }
  Line line;
  Priority running = Priority::Normal;
};

/// As BusyLine, and knows the class of each ticket, so that it can end what runs.
struct BusyClasses {
  explicit BusyClasses(LineSettings settings = {}) : busy(settings) {}
  void wait(Priority priority, Ticket ticket, SteadyTime at = kStart) {
    classes[ticket] = priority;
    EXPECT_EQ(busy.line.job(of_class(priority, ticket, at)), Verdict::Waits);
  }
  std::vector<Ticket> next(std::size_t count, SteadyTime now = kStart) {
    std::vector<Ticket> order;
    order.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      order.push_back(busy.next(now));
      busy.running = classes[order.back()];
    }
    return order;
  }
  BusyLine busy;
  std::map<Ticket, Priority> classes;
};

TEST(Line, AFreeSlotIsTakenAtOnce) {
  Line line({.max_concurrent = 2});

  EXPECT_EQ(line.caller(from("a", -1)), Verdict::Runs);
  EXPECT_EQ(line.job(from("a", 1)), Verdict::Runs);

  EXPECT_EQ(line.job(from("a", 2)), Verdict::Waits) << "callers and jobs share the slots";
  EXPECT_EQ(line.running(), 2U);
  EXPECT_EQ(line.waiting_jobs(), 1U);
  EXPECT_THAT(take(line, kStart), IsEmpty());
}

TEST(Line, NobodyOvertakesWhileASlotIsBetweenTwo) {
  BusyLine busy;
  busy.line.job(from("a", 1));
  busy.line.ended(Priority::Normal, kStart, 1);

  EXPECT_EQ(busy.line.job(from("b", 2)), Verdict::Waits) << "the slot is that of job 1";

  EXPECT_THAT(take(busy.line, kStart), ElementsAre(1));
}

TEST(Line, TheBestClassGoesFirst) {
  BusyClasses line;
  line.wait(Priority::Batch, 1);
  line.wait(Priority::Low, 2);
  line.wait(Priority::Normal, 3);
  line.wait(Priority::High, 4);
  line.wait(Priority::High, 5);

  EXPECT_THAT(line.next(5), ElementsAre(4, 5, 3, 2, 1));
}

TEST(Line, AllFreeSlotsAreFilledInOneTake) {
  Line line({.max_concurrent = 3});
  for (Ticket ticket = 1; ticket <= 5; ++ticket) {
    line.restore(from("a", ticket));
  }

  EXPECT_THAT(take(line, kStart), ElementsAre(1, 2, 3));
  EXPECT_EQ(line.running(), 3U);
}

TEST(Line, TenThousandJobsOfOneOwnerDoNotDelayTheFirstOfAnother) {
  BusyLine busy;
  for (Ticket ticket = 1; ticket <= 10'000; ++ticket) {
    busy.line.job(from("many", ticket));
  }
  EXPECT_THAT(busy.next(3), ElementsAre(1, 2, 3));

  busy.line.job(from("one", 10'001));
  busy.line.job(from("one", 10'002));

  EXPECT_THAT(busy.next(5), ElementsAre(4, 10'001, 5, 10'002, 6));
}

TEST(Line, OwnersShareByWorkNotByNumber) {
  BusyLine busy;
  Ticket ticket = 0;
  for (int i = 0; i < 100; ++i) {
    busy.line.job(from("large", ++ticket, 5));
    for (int k = 0; k < 5; ++k) {
      busy.line.job(from("small", ++ticket, 1));
    }
  }
  int large = 0;
  for (const Ticket started : busy.next(120)) {
    large += started % 6 == 1 ? 1 : 0;
  }

  EXPECT_EQ(large, 20) << "of 200 units of work each has 100";
}

TEST(Line, AnOwnerGainsNothingByInventingClients) {
  BusyLine busy;
  for (Ticket i = 0; i < 20; ++i) {
    busy.line.job(of_client("inventor", "client-" + std::to_string(i), 100 + i));
    busy.line.job(of_client("honest", "", 200 + i));
  }
  int inventor = 0;
  for (const Ticket started : busy.next(20)) {
    inventor += started < 200 ? 1 : 0;
  }

  EXPECT_EQ(inventor, 10);
}

TEST(Line, TheClientsOfAnOwnerTakeTurns) {
  BusyLine busy;
  for (Ticket i = 1; i <= 3; ++i) {
    busy.line.job(of_client("owner", "a", i));
  }
  busy.line.job(of_client("owner", "b", 11));
  busy.line.job(of_client("owner", "b", 12));

  EXPECT_THAT(busy.next(5), ElementsAre(1, 11, 2, 12, 3));
}

TEST(Line, ACallDoesNotWaitBehindTheJobsOfItsOwnClient) {
  BusyLine busy;
  for (Ticket i = 1; i <= 100; ++i) {
    busy.line.job(from("a", i));
  }
  busy.line.caller(from("a", -1));

  EXPECT_THAT(busy.next(3), ElementsAre(1, -1, 2));
}

TEST(Line, CallersGoInOrderOfArrivalWhateverTheirNumbers) {
  BusyLine busy;
  busy.line.caller(from("a", -5));
  busy.line.caller(from("a", -9));
  busy.line.caller(from("a", -2));

  EXPECT_THAT(busy.next(3), ElementsAre(-5, -9, -2));
}

TEST(Line, WaitingIdleEarnsNothing) {
  BusyLine busy;
  for (Ticket i = 1; i <= 50; ++i) {
    busy.line.job(from("busy", i));
  }
  busy.line.job(from("idler", 100));
  busy.next(40);
  for (Ticket i = 101; i <= 110; ++i) {
    busy.line.job(from("idler", i));
  }

  int idler = 0;
  for (const Ticket started : busy.next(10)) {
    idler += started > 50 ? 1 : 0;
  }

  EXPECT_EQ(idler, 5) << "half, as if it had just come";
}

TEST(Line, SavingsForALargeJobCannotBeSpentOnSmallOnes) {
  BusyLine busy;
  for (Ticket i = 1; i <= 100; ++i) {
    busy.line.job(from("honest", i));
  }
  busy.line.job(from("saver", 1000, 1'000'000));
  busy.next(50);
  for (Ticket i = 1001; i <= 1020; ++i) {
    busy.line.job(from("saver", i));
  }
  busy.line.leave(1000);

  int saver = 0;
  for (const Ticket started : busy.next(10)) {
    saver += started > 1000 ? 1 : 0;
  }

  EXPECT_LE(saver, 6) << "one turn may be saved, not fifty";
}

TEST(Line, WaitingCountsAsABetterClassAfterEachStep) {
  BusyClasses line({.age_step = 10s});
  line.wait(Priority::Low, 1, kStart);
  line.wait(Priority::Normal, 2, kStart + 9s);

  EXPECT_THAT(line.next(1, kStart + 9s), ElementsAre(2)) << "not yet";
  line.wait(Priority::Normal, 3, kStart + 9s);
  line.wait(Priority::Normal, 4, kStart + 9s);
  EXPECT_THAT(line.next(2, kStart + 10s), ElementsAre(3, 1)) << "in turns with the normal ones";
}

TEST(Line, LowMovesWhileHighNeverEnds) {
  BusyClasses line({.age_step = 10s});
  line.wait(Priority::Batch, 1);
  Ticket high = 100;
  SteadyTime now = kStart;
  line.wait(Priority::High, ++high, now);
  line.wait(Priority::High, ++high, now);
  int starts = 0;
  for (bool started = false; !started && starts < 100; ++starts) {
    now += 1s;
    line.wait(Priority::High, ++high, now);
    started = line.next(1, now).front() == 1;
  }

  EXPECT_GE(starts, 30) << "three steps make batch high";
  EXPECT_LE(starts, 32) << "then it takes turns with high";
}

TEST(Line, AgedJobsOfOneClassLeaveHighItsTurns) {
  BusyClasses line({.age_step = 1s});
  for (Ticket i = 1; i <= 100; ++i) {
    line.wait(Priority::Low, i);
  }
  EXPECT_THAT(line.next(1, kStart + 60s), ElementsAre(1));
  line.wait(Priority::High, 1001, kStart + 60s);
  line.wait(Priority::High, 1002, kStart + 60s);

  EXPECT_THAT(line.next(4, kStart + 60s), ElementsAre(2, 1001, 3, 1002));
}

TEST(Line, WithoutAStepNobodyAges) {
  BusyClasses line({.age_step = 0s});
  line.wait(Priority::Batch, 1);
  line.wait(Priority::Low, 2, kStart + 100h);

  EXPECT_THAT(line.next(2, kStart + 100h), ElementsAre(2, 1));
}

TEST(Line, AReservedShareIsKeptWhileItsClassWaits) {
  Line line({.max_concurrent = 4, .max_waiting = 100, .reserved = {0, 0, 0.5, 0}});
  for (Ticket i = 1; i <= 4; ++i) {
    EXPECT_EQ(line.caller(of_class(Priority::High, -i)), Verdict::Runs)
        << "nothing is kept while no low one waits";
  }
  for (Ticket i = 1; i <= 10; ++i) {
    line.caller(of_class(Priority::High, -100 - i));
    line.job(of_class(Priority::Low, i));
  }

  line.ended(Priority::High, kStart, 1);
  EXPECT_THAT(take(line, kStart), ElementsAre(1)) << "low has none of its two slots";
  line.ended(Priority::High, kStart, 1);
  EXPECT_THAT(take(line, kStart), ElementsAre(2));
  line.ended(Priority::High, kStart, 1);
  EXPECT_THAT(take(line, kStart), ElementsAre(-101)) << "low has its share";
  line.ended(Priority::Low, kStart, 1);
  EXPECT_THAT(take(line, kStart), ElementsAre(3)) << "and keeps it";
}

TEST(Line, AStartFromAReserveIsNoRoundForTheOthers) {
  Line line({.max_concurrent = 2, .age_step = 1s, .reserved = {0, 0, 0, 0.5}});
  const SteadyTime now = kStart + 1min;  // all have aged to the same rank
  Arrival heavy = of_class(Priority::Batch, 1);
  heavy.work = 1'000;
  line.restore(heavy);
  for (Ticket i = 101; i <= 200; ++i) {
    line.restore(of_class(Priority::Low, i));
  }
  ASSERT_THAT(take(line, now), ElementsAre(101, 1));

  line.job(of_class(Priority::High, 1'001, now));

  line.ended(Priority::Low, now, 1);
  EXPECT_THAT(take(line, now), ElementsAre(102));
  line.ended(Priority::Low, now, 1);
  EXPECT_THAT(take(line, now), ElementsAre(1'001)) << "not after 1,000 units of low";
}

TEST(Line, AReserveIsNoLargerThanWhatWaits) {
  Line line({.max_concurrent = 4, .max_waiting = 100, .reserved = {0, 0, 1.0, 0}});
  for (Ticket i = 1; i <= 5; ++i) {
    line.restore(of_class(Priority::High, 100 + i));
  }
  line.restore(of_class(Priority::Low, 1));

  EXPECT_THAT(take(line, kStart), ElementsAre(101, 102, 103, 1));
}

TEST(Line, ASmallShareOfFewSlotsReservesNone) {
  Line line({.max_concurrent = 1, .reserved = {0, 0, 0, 0.9}});
  line.restore(of_class(Priority::Batch, 1));
  line.restore(of_class(Priority::High, 2));

  EXPECT_THAT(take(line, kStart), ElementsAre(2));
}

TEST(Line, CallersBeyondTheLimitAreRefused) {
  BusyLine busy({.max_waiting = 2});
  EXPECT_EQ(busy.line.caller(from("a", -1)), Verdict::Waits);
  EXPECT_EQ(busy.line.caller(from("b", -2)), Verdict::Waits);

  EXPECT_EQ(busy.line.caller(from("c", -3)), Verdict::Full);

  EXPECT_EQ(busy.line.waiting_callers(), 2U);
  EXPECT_EQ(busy.line.job(from("c", 3)), Verdict::Waits) << "jobs have a limit of their own";
}

TEST(Line, JobsBeyondTheBacklogAreRefusedUnlessRestored) {
  BusyLine busy({.max_backlog = 2});
  busy.line.job(from("a", 1));
  busy.line.job(from("a", 2));

  EXPECT_EQ(busy.line.job(from("a", 4)), Verdict::Full);
  busy.line.restore(from("a", 3));

  EXPECT_EQ(busy.line.waiting_jobs(), 3U);
  EXPECT_EQ(busy.line.caller(from("a", -1)), Verdict::Waits);
}

TEST(Line, ARestoredJobTakesItsOldPlace) {
  BusyLine busy;
  for (const Ticket ticket : {5, 7, 8}) {
    busy.line.job(from("a", ticket));
  }
  for (const Ticket ticket : {6, 2, 9, 4}) {
    busy.line.restore(from("a", ticket));
  }

  EXPECT_THAT(busy.next(7), ElementsAre(2, 4, 5, 6, 7, 8, 9));
}

TEST(Line, RestoringWhatWaitsChangesNothing) {
  BusyLine busy;
  busy.line.job(from("a", 1));
  busy.line.restore(from("b", 1));

  EXPECT_EQ(busy.line.waiting_jobs(), 1U);
  EXPECT_THAT(busy.next(2), ElementsAre(1, 0));
}

TEST(Line, OneThatLeavesIsNeverStarted) {
  BusyLine busy;
  for (Ticket ticket = 1; ticket <= 5; ++ticket) {
    busy.line.job(from("a", ticket));
  }
  busy.line.restore(from("a", 0));

  EXPECT_TRUE(busy.line.leave(0)) << "the restored one";
  EXPECT_TRUE(busy.line.leave(3)) << "the middle";
  EXPECT_TRUE(busy.line.leave(1)) << "the first";
  EXPECT_TRUE(busy.line.leave(5)) << "the last";

  EXPECT_EQ(busy.line.waiting_jobs(), 2U);
  EXPECT_THAT(busy.next(3), ElementsAre(2, 4, 0));
}

TEST(Line, OnlyOneThatWaitsCanLeave) {
  BusyLine busy;
  busy.line.job(from("a", 1));

  EXPECT_FALSE(busy.line.leave(-1'000'000)) << "it runs";
  EXPECT_FALSE(busy.line.leave(2)) << "unknown, though its neighbour waits";
  EXPECT_TRUE(busy.line.leave(1));
  EXPECT_FALSE(busy.line.leave(1)) << "it has left";
}

TEST(Line, ACallerThatLeavesFreesItsPlace) {
  BusyLine busy({.max_waiting = 1});
  busy.line.caller(from("a", -1));
  ASSERT_EQ(busy.line.caller(from("a", -2)), Verdict::Full);

  busy.line.leave(-1);

  EXPECT_EQ(busy.line.caller(from("a", -3)), Verdict::Waits);
}

TEST(Line, ThePositionInOneFlowIsExact) {
  BusyLine busy;
  for (Ticket ticket = 1; ticket <= 5; ++ticket) {
    busy.line.job(from("a", ticket));
  }
  EXPECT_EQ(busy.line.position(1), 1U);
  EXPECT_EQ(busy.line.position(5), 5U);

  busy.line.leave(2);

  EXPECT_EQ(busy.line.position(5), 4U);
  EXPECT_EQ(busy.line.position(2), std::nullopt);
}

TEST(Line, ThePositionCountsBetterClassesAndTurns) {
  BusyLine busy;
  for (Ticket i = 1; i <= 100; ++i) {
    busy.line.job(from("many", i));
  }
  busy.line.job(from("one", 101));
  for (Ticket i = 201; i <= 203; ++i) {
    busy.line.job(of_class(Priority::High, i));
  }

  EXPECT_EQ(busy.line.position(101), 3U + 2U);
  EXPECT_EQ(busy.line.position(203), 3U);
  EXPECT_EQ(busy.line.position(100), 3U + 101U);
}

TEST(Line, ThePositionAmongVeryManyIsAnEstimate) {
  BusyLine busy;
  for (Ticket i = 1; i <= 10'000; ++i) {
    busy.line.job(from("many", i));
  }

  EXPECT_EQ(busy.line.position(256), 256U);
  EXPECT_NEAR(static_cast<double>(busy.line.position(5'000).value_or(0)), 5'000, 2);
  EXPECT_EQ(busy.line.position(10'000), 10'000U);
}

TEST(Line, TheStateOfAClassIsCounted) {
  Line line({.max_concurrent = 1});
  line.caller(of_class(Priority::High, -1));
  line.caller(of_class(Priority::Low, -2, kStart + 5s));
  line.job(of_class(Priority::Low, 1, kStart + 3s));
  line.job(of_class(Priority::Low, 2, kStart + 4s));

  const auto low = line.state(Priority::Low);
  EXPECT_EQ(low.running, 0U);
  EXPECT_EQ(low.waiting_callers, 1U);
  EXPECT_EQ(low.waiting_jobs, 2U);
  EXPECT_EQ(low.oldest, kStart + 3s);
  EXPECT_EQ(line.state(Priority::High).running, 1U);
  EXPECT_EQ(line.state(Priority::High).oldest, std::nullopt);
}

TEST(Line, TheDrainRateFollowsHowLongSlotsWereHeld) {
  Line line({.max_concurrent = 4});
  EXPECT_EQ(line.drain_rate(), 0);
  for (int i = 0; i < 100; ++i) {
    line.caller(from("a", -1));
    line.ended(Priority::Normal, kStart, 2);
  }
  EXPECT_DOUBLE_EQ(line.drain_rate(), 2) << "four slots, two seconds each";

  for (int i = 0; i < 64; ++i) {
    line.caller(from("a", -1));
    line.ended(Priority::Normal, kStart, 0.5);
  }

  EXPECT_DOUBLE_EQ(line.drain_rate(), 8) << "old ones no longer count";
}

TEST(Line, RetryAfterIsTheTimeTheWaitingCallersNeed) {
  BusyLine busy({.max_waiting = 1'000});
  EXPECT_EQ(busy.line.retry_after(), 1s) << "nothing is known";
  busy.line.ended(Priority::Normal, kStart, 3);
  busy.line.caller(from("a", -1));
  EXPECT_EQ(busy.line.retry_after(), 1s) << "nobody waits";
  for (Ticket i = 2; i <= 6; ++i) {
    busy.line.caller(from("a", -i));
  }
  EXPECT_EQ(busy.line.retry_after(), 15s) << "five, each three seconds";
  for (Ticket i = 7; i <= 500; ++i) {
    busy.line.caller(from("a", -i));
  }

  EXPECT_EQ(busy.line.retry_after(), 120s) << "nobody waits longer than two minutes";
}

TEST(Line, FewerSlotsDrain) {
  Line line({.max_concurrent = 3});
  for (Ticket i = 1; i <= 5; ++i) {
    line.job(from("a", i));
  }

  line.set({.max_concurrent = 1});

  EXPECT_THAT(take(line, kStart), IsEmpty());
  line.ended(Priority::Normal, kStart, 1);
  line.ended(Priority::Normal, kStart, 1);
  EXPECT_THAT(take(line, kStart), IsEmpty()) << "one still runs";
  line.ended(Priority::Normal, kStart, 1);
  EXPECT_THAT(take(line, kStart), ElementsAre(4));
}

TEST(Line, MoreSlotsAreFilledByTheNextTake) {
  BusyLine busy;
  for (Ticket i = 1; i <= 5; ++i) {
    busy.line.job(from("a", i));
  }

  busy.line.set({.max_concurrent = 4});

  EXPECT_THAT(take(busy.line, kStart), ElementsAre(1, 2, 3));
}

TEST(Line, WithoutASlotEverythingWaits) {
  Line line({.max_concurrent = 0});

  EXPECT_EQ(line.caller(from("a", -1)), Verdict::Waits);
  EXPECT_THAT(take(line, kStart), IsEmpty());
}

TEST(Line, AnotherStepAgesThoseWhoWaitAlready) {
  BusyClasses line({.age_step = 1h});
  line.wait(Priority::Low, 1);
  line.wait(Priority::Normal, 2, kStart + 20s);
  line.wait(Priority::Normal, 3, kStart + 20s);

  line.busy.line.set({.max_concurrent = 1, .age_step = 10s});
  EXPECT_THAT(line.next(1, kStart + 20s), ElementsAre(1)) << "low counts as high";
  line.wait(Priority::Low, 4, kStart);
  line.busy.line.set({.max_concurrent = 1, .age_step = 1h});

  EXPECT_THAT(line.next(3, kStart + 20s), ElementsAre(2, 3, 4)) << "and as low again";
}

TEST(Line, EndingWhatDoesNotRunIsIgnored) {
  BusyLine busy;
  busy.line.ended(Priority::High, kStart, 1);

  EXPECT_EQ(busy.line.running(), 1U);
}

}  // namespace
}  // namespace headgate::queue
