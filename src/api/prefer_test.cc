#include "api/prefer.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace headgate::api {
namespace {

/// "async", "wait N" or both; "400" for what is refused.
std::string read(const std::vector<std::string>& lines) {
  std::vector<edge::Field> fields = {{"Host", "x"}};
  for (const std::string& line : lines) {
    fields.push_back({"prefer", line});
  }
  edge::Request request;
  request.fields = fields;
  const auto preference = parse_prefer(request);
  if (!preference) {
    EXPECT_EQ(preference.error().param, "Prefer");
    EXPECT_NE(preference.error().message.find("Prefer"), std::string::npos);
    return "400";
  }
  std::string text = preference->respond_async ? "async " : "";
  if (preference->wait) {
    text += "wait " + std::to_string(preference->wait->count());
  }
  return text;
}

TEST(Prefer, IsReadAsTheRfcWritesIt) {
  for (const char* line :
       {"respond-async, wait=10", "wait=10,respond-async", "Respond-Async,WAIT=10",
        "respond-async, wait = 10", "respond-async ,\twait\t=\t10", "wait=\"10\", respond-async",
        "wait = \"\\10\" , respond-async;", "respond-async;;, wait=10; ;",
        "respond-async; a=b; c, wait=10 ; d=\"e;f,g\"", ", respond-async,, wait=10,",
        "respond-async=\"\", wait=10; x = y"}) {
    EXPECT_EQ(read({line}), "async wait 10") << line;
  }
  EXPECT_EQ(read({""}), "");
  EXPECT_EQ(read({"wait=0"}), "wait 0");
}

TEST(Prefer, MayComeOnSeveralLines) {
  EXPECT_EQ(read({"wait=10", "respond-async"}), "async wait 10");
  EXPECT_EQ(read({"return=minimal", "", "wait=10; x"}), "wait 10");
}

TEST(Prefer, WhatIsUnknownIsIgnored) {
  EXPECT_EQ(read({"return=representation, handling=lenient, odata.maxpagesize=7"}), "");
  EXPECT_EQ(read({"foo=\"wait=3, respond-async\""}), "") << "inside quotes nothing is asked for";
  EXPECT_EQ(read({"foo; wait=3; respond-async"}), "") << "parameters of something else";
  EXPECT_EQ(read({"waiting=3, respond-asynchronously, respond-async=no"}), "");
}

TEST(Prefer, NobodyWaitsLongerThanFiveMinutes) {
  EXPECT_EQ(read({"wait=301"}), "wait 300");
  EXPECT_EQ(read({"wait=99999999999999999999999999"}), "wait 300");
}

TEST(Prefer, AWaitThatContradictsItselfIsRefused) {
  EXPECT_EQ(read({"wait=5, wait=6"}), "400");
  EXPECT_EQ(read({"wait=5", "wait=6"}), "400");
  EXPECT_EQ(read({"wait=5", "wait=\"5\""}), "wait 5");
}

TEST(Prefer, WhatCannotBeReadIsRefused) {
  for (const char* line :
       {"wait", "wait=", "wait=x", "wait=-1", "wait=1.5", "wait=1 0", "respond-async wait=1",
        "wait=\"5", "a=\"\\", "=5", "respond-async; =", "\"wait\"=5", "wait==5"}) {
    EXPECT_EQ(read({line}), "400") << line;
  }
}

}  // namespace
}  // namespace headgate::api
