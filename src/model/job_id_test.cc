#include "model/job_id.h"

#include <gtest/gtest.h>

namespace headgate::model {
namespace {

TEST(JobId, IsAUuidV7ThatCarriesItsSeq) {
  const JobId id{.seq = (1'763'700'000'000LL << 15) | 0x7ABC, .tail = 0x123456789ABCDEF};
  EXPECT_EQ(id.text(), "019aa4b6-4500-7f57-a123-456789abcdef");
  const auto parsed = JobId::parse(id.text());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->seq, id.seq);
  EXPECT_EQ(parsed->tail, id.tail);
}

TEST(JobId, RefusesWhatIsNoSuchId) {
  for (const char* text :
       {"", "019aa4b6-4500-7f57-a123-456789abcde", "019aa4b6-4500-7f57-a123-456789abcdeg",
        "019aa4b6-4500-4f57-a123-456789abcdef", "019aa4b6-4500-7f57-2123-456789abcdef",
        "019AA4B6-4500-7f57-a123-456789abcdef", "019aa4b645007f57a123456789abcdef----",
        "f19aa4b6-7d00-7f57-a123-456789abcdef"}) {
    EXPECT_FALSE(JobId::parse(text)) << text;
  }
}

TEST(JobIds, RiseEvenWhenTheClockDoesNot) {
  JobIds ids;
  ids.start_after(1000LL << 15);
  JobSeq last = 1000LL << 15;
  for (const std::int64_t now : {500, 1000, 1000, 2000, 1500}) {
    const JobSeq seq = ids.next(now, 7).seq;
    EXPECT_GT(seq, last);
    last = seq;
  }
  EXPECT_EQ(last, (2000LL << 15) + 1);
}

}  // namespace
}  // namespace headgate::model
