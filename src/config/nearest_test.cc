#include "config/nearest.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace headgate::config {
namespace {

TEST(Nearest, CountsInsertionsDeletionsReplacementsAndSwaps) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("listen", "listen"), 0U);
  EXPECT_EQ(edit_distance("lisen", "listen"), 1U);
  EXPECT_EQ(edit_distance("listten", "listen"), 1U);
  EXPECT_EQ(edit_distance("lizten", "listen"), 1U);
  EXPECT_EQ(edit_distance("lisetn", "listen"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
}

TEST(Nearest, PicksTheClosestCandidate) {
  const std::vector<std::string> names{"listen", "threads", "tls"};
  EXPECT_EQ(nearest("lsiten", names), "listen");
  EXPECT_EQ(nearest("tsl", names), "tls");
  EXPECT_EQ(nearest("x", std::vector<std::string>{}), "");
}

}  // namespace
}  // namespace headgate::config
