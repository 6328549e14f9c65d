#include "providers/raw_json.h"

#include <gtest/gtest.h>

namespace headgate::providers {
namespace {

TEST(RawJson, AMemberComesAsItStandsThere) {
  constexpr std::string_view kObject =
      R"({"a": {"n":1.10,"big":12345678901234567890} ,"b":[1, "]"],"c":"x\"y" ,"d":-0.50})";
  EXPECT_EQ(raw_member(kObject, "a"), R"({"n":1.10,"big":12345678901234567890})");
  EXPECT_EQ(raw_member(kObject, "b"), R"([1, "]"])");
  EXPECT_EQ(raw_member(kObject, "c"), R"("x\"y")");
  EXPECT_EQ(raw_member(kObject, "d"), "-0.50");
}

TEST(RawJson, WhatIsNotThereOrNoObjectGivesNothing) {
  EXPECT_FALSE(raw_member(R"({"a":1})", "b"));
  EXPECT_FALSE(raw_member(R"({"a":{"b":1}})", "b"));
  for (const std::string_view text : {"", "[1]", "7", R"({"a":1)", R"({"a":1,"b":{"c"}})"}) {
    EXPECT_FALSE(raw_member(text, "a")) << text;
  }
}

}  // namespace
}  // namespace headgate::providers
