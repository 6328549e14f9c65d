#include "sim/body_scan.h"

#include <string>

#include <gtest/gtest.h>

namespace headgate::sim {
namespace {

BodyScan scan(std::string_view body) {
  BodyScan result;
  result.feed(body);
  return result;
}

TEST(BodyScan, FindsTopLevelMembersWhereverTheyStand) {
  BodyScan body =
      scan(R"({"messages":[{"role":"user","content":"say \"model\": \\","model":"no"}],)"
           R"( "model" : "sim" , "stream" : true, "stream_options":{ "include_usage" : true },)"
           R"("max_tokens":7})");
  EXPECT_TRUE(body.complete());
  EXPECT_EQ(body.model(), "sim");
  EXPECT_TRUE(body.stream());
  EXPECT_TRUE(body.include_usage());
  EXPECT_EQ(body.max_tokens(), 7U);
}

TEST(BodyScan, ReadsTheSameCutAnywhere) {
  std::string text = R"({"a":"\\\"","model":"org\/name","input":["a,b",["x"],"c"],"stream":false})";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    BodyScan body;
    body.feed(std::string_view(text).substr(0, cut));
    EXPECT_EQ(body.complete(), cut == text.size());
    body.feed(std::string_view(text).substr(cut));
    EXPECT_TRUE(body.complete()) << cut;
    EXPECT_EQ(body.model(), "org/name") << cut;
    EXPECT_EQ(body.inputs(), 3U) << cut;
    EXPECT_FALSE(body.stream()) << cut;
  }
}

TEST(BodyScan, CountsInputs) {
  EXPECT_EQ(scan(R"({"input":"one"})").inputs(), 1U);
  EXPECT_EQ(scan(R"({"input":["one"]})").inputs(), 1U);
  EXPECT_EQ(scan(R"({"input":[1,2,3]})").inputs(), 1U);
  EXPECT_EQ(scan(R"({"input":[[1,2],[3]]})").inputs(), 2U);
  EXPECT_EQ(scan(R"({"input":[]})").inputs(), 0U);
  EXPECT_EQ(scan(R"({"x":["a","b"]})").inputs(), 0U);
}

TEST(BodyScan, TellsWhatIsAbsent) {
  EXPECT_FALSE(scan(R"({"model":7})").model());
  EXPECT_FALSE(scan(R"({"messages":[]})").model());
  EXPECT_FALSE(scan(R"(["model"])").complete());
  EXPECT_FALSE(scan(R"({"model":"sim")").complete());
  EXPECT_FALSE(scan(R"({"stream":"true "})").stream());
}

TEST(BodyScan, SeesWhatItIsTooSmallFor) {
  auto extended = [](std::string_view body) {
    BodyScan scan;
    scan.feed(body);
    return scan.extended();
  };
  EXPECT_TRUE(extended(R"({"model":"m","tools":[{"type":"function"}]})"));
  EXPECT_TRUE(extended(R"({"n":2})"));
  EXPECT_TRUE(extended(R"({"stop":"x"})"));
  EXPECT_FALSE(extended(R"({"n":1,"stop":null,"logprobs":false})"));
  EXPECT_FALSE(extended(R"({"messages":[{"tools":[]}],"model":"n"})"));
}

}  // namespace
}  // namespace headgate::sim
