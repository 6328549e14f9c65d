#include "api/negotiation.h"

#include <array>

#include <gtest/gtest.h>

namespace headgate::api {
namespace {

bool matches(std::string_view if_none_match) {
  const std::array fields = {edge::Field{"If-None-Match", if_none_match}};
  edge::Request request;
  request.fields = fields;
  return not_modified(request, "\"a\"");
}

TEST(NotModified, ReadsListsWeakTagsAndStars) {
  EXPECT_TRUE(matches("\"a\""));
  EXPECT_TRUE(matches("\"b\", W/\"a\""));
  EXPECT_TRUE(matches("*"));
  EXPECT_FALSE(matches("\"b\""));
  EXPECT_FALSE(matches("a"));
  EXPECT_FALSE(matches(""));
}

bool takes_gzip(std::string_view accept_encoding) {
  const std::array fields = {edge::Field{"Accept-Encoding", accept_encoding}};
  edge::Request request;
  request.fields = fields;
  return accepts_gzip(request);
}

TEST(AcceptsGzip, TakesTheNameAndTheStar) {
  EXPECT_TRUE(takes_gzip("gzip"));
  EXPECT_TRUE(takes_gzip("gzip, deflate, br, zstd"));
  EXPECT_TRUE(takes_gzip("br;q=1.0 ,\tGZIP ; q=0.5"));
  EXPECT_TRUE(takes_gzip("*"));
  EXPECT_TRUE(takes_gzip("identity, *;q=0.1"));
}

TEST(AcceptsGzip, NeedsTheClientsWord) {
  EXPECT_FALSE(accepts_gzip(edge::Request()));
  EXPECT_FALSE(takes_gzip(""));
  EXPECT_FALSE(takes_gzip("identity"));
  EXPECT_FALSE(takes_gzip("br, deflate"));
  EXPECT_FALSE(takes_gzip("gzip2"));
  EXPECT_FALSE(takes_gzip(",;,"));
}

TEST(AcceptsGzip, WeightZeroIsANo) {
  EXPECT_FALSE(takes_gzip("gzip;q=0"));
  EXPECT_FALSE(takes_gzip("gzip; q=0.000, *"));
  EXPECT_FALSE(takes_gzip("*;q=0"));
  EXPECT_TRUE(takes_gzip("gzip;q=0.001"));
}

}  // namespace
}  // namespace headgate::api
